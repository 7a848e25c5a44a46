"""The whole page."""
