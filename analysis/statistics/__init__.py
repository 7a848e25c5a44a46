"""Bootstrap, entropy, information, groups of rows."""
