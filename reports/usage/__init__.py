"""Report of usage."""
