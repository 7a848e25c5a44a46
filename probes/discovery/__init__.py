"""Word discovery by the field's scorer."""
