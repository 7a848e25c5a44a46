"""Information of each stream on each factor."""
