"""Files: written atomically, under a lock, parsed with bounds, YAML configurations."""
