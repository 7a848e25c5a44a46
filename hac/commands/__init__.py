"""The commands of `hac`, one module each; their bodies import what they need."""
