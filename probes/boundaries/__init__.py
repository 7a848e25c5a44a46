"""Change points of codes against boundaries of labels, and durations."""
