"""The builtin aligner: hidden Markov models grown from the corpus itself."""
