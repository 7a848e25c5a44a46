"""The bad-input gallery: what is bad, the command, and what its one sentence must hold."""

from __future__ import annotations

from tests.bad.analyses import ANALYSES, CLUSTERS, WORDS
from tests.bad.corpora import ALIGNING, AUDIO, CORPORA, MANIFESTS
from tests.bad.models import DECODING, MODELS, OUTPUTS, TRAINING

GALLERY = MANIFESTS | CORPORA | AUDIO | MODELS | OUTPUTS | DECODING | ALIGNING | TRAINING | ANALYSES | CLUSTERS | WORDS
AS_PROCESS = (
    "manifest missing",
    "Kaldi with a command",
    "results nested deeply",
    "an unknown command",
    "pickled weights",
    "segments without a column",
)
assert len(GALLERY) == sum(
    map(len, (MANIFESTS, CORPORA, AUDIO, MODELS, OUTPUTS, DECODING, ALIGNING, TRAINING, ANALYSES, CLUSTERS, WORDS))
)
