"""Linear classifiers, cross-fitted over speakers."""
