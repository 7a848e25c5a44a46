"""How often labels and codes meet."""
