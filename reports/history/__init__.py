"""Report of a run's checkpoints."""
