"""Classifier heads and the ways to score them without flattering."""
