"""Shared budgets: what partitions cannot decide, granted by one allocator."""
