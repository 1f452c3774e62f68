"""The HTTP API: one room for each subject, each with a ``router``."""
