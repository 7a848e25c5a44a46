"""Differences of finished runs, over speakers and seeds."""
