"""The Hierarchical Audio Codec, and corpora, alignments and tokens of any other tokenizer. This package encodes."""
