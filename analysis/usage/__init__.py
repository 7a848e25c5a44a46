"""How codebooks are used."""
