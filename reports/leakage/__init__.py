"""Report of leakage and probes."""
