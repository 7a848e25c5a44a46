"""What the teachers say of the training speech, cached or live."""
