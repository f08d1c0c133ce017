"""Commands that only look: what a service or a replay decided, why, and what came of it."""
