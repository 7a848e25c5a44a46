"""The sounds of a report."""
