"""Change points of codes against boundaries of phones and words."""
