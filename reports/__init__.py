"""Tables, figures and pages from result files. This package draws."""
