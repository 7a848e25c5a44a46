"""Forced alignment: when each phone and word of a transcript is spoken.

`run.align_corpus` picks an aligner for each utterance: Montreal Forced Aligner's own program (`mfa`), pocketsphinx
for English (`pocketsphinx`), or models trained on the corpus itself for any language (`hmm`). `boundary_errors`
compares two alignments, `synthetic_test` an aligner with the known truth of synthetic speech.
"""

from hac.align.run import Options, align_corpus

__all__ = ["Options", "align_corpus"]
