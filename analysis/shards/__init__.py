"""Counts in parts that add."""
