"""What of the world outside is there, and works."""
