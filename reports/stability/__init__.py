"""Report of stability."""
