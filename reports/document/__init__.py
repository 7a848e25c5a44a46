"""The plain data of a report, that renderers draw."""
