"""Report of words."""
