"""Jackknife, entropy, information, groups of rows."""
