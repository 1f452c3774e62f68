"""Other libraries doing the same work, for the benchmarks of the engine."""
