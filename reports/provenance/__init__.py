"""Report of where numbers come from."""
