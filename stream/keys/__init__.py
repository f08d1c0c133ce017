"""The privacy key: who guards it, what is sealed under it, and how it changes."""
