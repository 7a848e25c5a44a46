"""Report of differences between runs, and of sweeps."""
