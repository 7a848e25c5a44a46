"""Corpora: imported from the layouts people have, fetched from packages, or synthesized."""
