"""Real speech from Debian's packages."""
