"""Renderers: HTML, PDF, charts, LaTeX, CSV, terminal tables."""
