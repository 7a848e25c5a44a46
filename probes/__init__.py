"""Tokens against labels, as integers that add. This room counts."""
