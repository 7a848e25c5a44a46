"""The builtin aligner: hidden Markov models trained on the corpus itself."""
