"""Answers for the service: the engine that is live, work shared out in small batches, and the taxonomy searched."""
