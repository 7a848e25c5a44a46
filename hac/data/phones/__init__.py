"""Phone labels: policies, classes, and their tables."""
