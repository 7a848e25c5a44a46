"""Tokens as TextGrids."""
