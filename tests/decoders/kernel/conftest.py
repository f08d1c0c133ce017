"""Compiled code is kept in a folder for the sources as they are, as `xinling` itself does."""

from stream import kernel_cache

kernel_cache.choose()
