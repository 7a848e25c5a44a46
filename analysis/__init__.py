"""Numbers with their chance levels and intervals. This package computes statistics."""
