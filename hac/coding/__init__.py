"""Corpora to tokens and back: encoding, embedding, decoding, and what a checkpoint is."""
