"""The domains that ship with the platform, one a file: data, no code."""
