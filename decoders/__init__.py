"""From captured bytes to events: pure functions and small state machines.

No socket, no clock, no Redis, no configuration file is known here.
"""
