"""Nulls: circular shift, derangement, permutation of labels, runs and frames."""
