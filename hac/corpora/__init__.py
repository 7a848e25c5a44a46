"""Corpora that are made: imported, synthetic, from Debian's packages, from a wheel."""
