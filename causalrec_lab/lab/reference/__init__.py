"""The reference of the public names, built from their docstrings, offline."""
