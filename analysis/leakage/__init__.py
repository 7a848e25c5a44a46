"""What each stream tells of each factor."""
