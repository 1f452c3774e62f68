"""Decisions back into the engine: a candidate, a paired comparison, a promotion."""
