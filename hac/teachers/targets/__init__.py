"""The teachers' targets of the training speech, cached or live."""
