"""Report of PNMI."""
