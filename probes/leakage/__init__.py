"""How often codes meet factors, alone or given another stream."""
