"""How often words and codes meet."""
