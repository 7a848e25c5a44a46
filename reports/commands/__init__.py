"""The commands of `hac-analyze`."""
