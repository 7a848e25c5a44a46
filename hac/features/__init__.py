"""Frames of speech as vectors: layers of a speech encoder, and MFCC."""
