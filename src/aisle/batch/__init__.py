"""Millions of rows through an engine: shards that a killed run does not do twice, on processes or on Ray."""
