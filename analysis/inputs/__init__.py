"""What an analysis reads: tokens, alignments, manifest, as one corpus."""
