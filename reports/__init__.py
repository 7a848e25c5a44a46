"""Tables, figures and pages from result files. This room draws."""
