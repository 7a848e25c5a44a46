"""Claims that the numbers bear out or do not."""
