"""Whether the same speech gets the same tokens."""
