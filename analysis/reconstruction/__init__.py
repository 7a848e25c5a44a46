"""How near decoded speech is to the original."""
