"""Codes as word detectors, and what codes tell of words."""
