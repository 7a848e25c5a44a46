"""Tokens against labels, as integers that add. This package counts."""
