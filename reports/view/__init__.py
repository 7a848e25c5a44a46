"""What a page of results says, as plain frozen data: one module a section, built from result files alone."""
