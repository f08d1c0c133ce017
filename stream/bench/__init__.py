"""The project's own measurements: `xinling bench`."""
