"""Every metric's record: title, unit, range, definition."""
