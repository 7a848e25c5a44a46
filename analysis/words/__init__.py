"""Codes as word detectors, and their information on words."""
