"""Audio, manifests, alignments and tokens: everything that is read from and written to disk."""
