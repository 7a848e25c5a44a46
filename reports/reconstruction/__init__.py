"""Report of reconstruction."""
