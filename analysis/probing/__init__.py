"""Trained linear probes."""
