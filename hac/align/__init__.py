"""Forced alignment: when each phone and word of a transcript is spoken.

`corpus.align_corpus` picks an aligner for each utterance: Montreal Forced Aligner's own program (`mfa`), pocketsphinx
for English (`sphinx`), or models grown from the corpus itself for any language (`hmm`, `groups`). `evaluate` compares
two alignments, `measure` an aligner with the known truth of synthetic speech.
"""

from hac.align.align_corpus import Options, align_corpus

__all__ = ["Options", "align_corpus"]
