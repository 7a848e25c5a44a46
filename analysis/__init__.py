"""Numbers with their nulls and intervals. This room divides."""
