"""Word discovery."""
