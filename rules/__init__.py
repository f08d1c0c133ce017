"""Campaigns: pure functions over (state, event). The clock is an argument; no I/O is done here."""
