"""Report of word discovery."""
