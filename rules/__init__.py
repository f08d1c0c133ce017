"""Campaigns: pure functions over (state, event). The clock is an argument; nothing here does I/O."""
