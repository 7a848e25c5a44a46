"""Measurements of speed and memory, side by side with a peer in one run. Figures are ratios; no test asserts a time."""
