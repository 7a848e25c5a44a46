"""Recordings: read, decoded, resampled, written."""
