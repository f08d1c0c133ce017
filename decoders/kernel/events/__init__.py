"""Correlation in compiled code: rows of the kernel in, columns of events out (decision 21)."""
