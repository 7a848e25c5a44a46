"""Ablation sweeps, and the checkpoints of one run."""
