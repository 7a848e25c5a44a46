"""Metrics of what changes when a stream is dropped, kept alone, shuffled or swapped."""

from __future__ import annotations

from dataclasses import replace

from analysis.metrics.metric import Metric

_WORDS = "edits (jiwer, minimal) between what a recognizer hears and a transcript, over the transcript's words"
_VOICE = "cosine of the vectors that a speaker encoder gives of the decoded audio and of a recording; mean"
_F0 = "F0 by Praat's autocorrelation on a 10 ms grid"
_PITCH = f"Pearson's correlation of log F0 on frames voiced in both; {_F0}; mean over utterances"
_PARTNER = "the recording that codes are swapped in from, looped or cut to the length as its codes are"
_GUESS = "linear discriminant analysis of log-mel energies with context, trained on recordings (probes.phone_probe)"
_CHANCE = "null: strangers"

_EFFECTS = (
    Metric(
        "own_wer", "WER", "share", 0, None, "lower", True, "no transcript has words", f"{_WORDS} (its own); {_CHANCE}"
    ),
    Metric(
        "partner_wer",
        "WER, partner's text",
        "share",
        0,
        None,
        "none",
        True,
        "no transcript has words",
        f"{_WORDS} (its swap partner's); {_CHANCE}",
    ),
    Metric(
        "phone_accuracy",
        "phone accuracy",
        "share",
        0,
        1,
        "higher",
        True,
        "no phone was tested",
        f"10 ms frames of phones (not silence) whose phone is guessed right over all; {_GUESS}; null: circular shifts",
    ),
    Metric(
        "phone_information",
        "I(phone; guess) / H(phone)",
        "share",
        0,
        1,
        "higher",
        True,
        "no phone was tested, or only one occurs",
        f"share of the entropy of the phones that the guesses explain; {_GUESS}; null: circular shifts",
    ),
    Metric(
        "phone_kept",
        "phone content kept",
        "share",
        0,
        None,
        "higher",
        True,
        "no phone was tested, or the recordings tell nothing of phones",
        "phone_information of the condition over that of the recordings; null: that of circular shifts over the same",
    ),
    Metric(
        "source_similarity",
        "voice like source",
        "cosine",
        -1,
        1,
        "higher",
        True,
        "there is too little speech for the speaker encoder",
        f"{_VOICE} (its own); {_CHANCE}",
    ),
    Metric(
        "partner_similarity",
        "voice like partner",
        "cosine",
        -1,
        1,
        "none",
        True,
        "there is too little speech for the speaker encoder",
        f"{_VOICE} (its swap partner's); {_CHANCE}",
    ),
    Metric(
        "source_f0",
        "F0 like source",
        "correlation",
        -1,
        1,
        "higher",
        True,
        "fewer than 10 frames are voiced in both, or one pitch does not move",
        f"{_PITCH}; against its own recording; {_CHANCE}",
    ),
    Metric(
        "partner_f0",
        "F0 like partner",
        "correlation",
        -1,
        1,
        "none",
        True,
        "fewer than 10 frames are voiced in both, or one pitch does not move",
        f"{_PITCH}; against {_PARTNER}; {_CHANCE}",
    ),
    Metric(
        "source_voicing",
        "voicing error",
        "share",
        0,
        1,
        "lower",
        True,
        "there are no frames",
        f"share of frames voiced in the recording or in the decoded audio and not in both; {_F0}; {_CHANCE}",
    ),
    Metric(
        "opinion",
        "opinion score",
        "MOS",
        1,
        5,
        "higher",
        False,
        "there is too little audio for the predictor",
        "predicted mean opinion score, the predictor's first scale (DNSMOS: overall, P.835); mean over utterances",
    ),
    Metric(
        "keep_stoi",
        "STOI to keep",
        "correlation",
        -1,
        1,
        "higher",
        True,
        "the audio is silent, or holds fewer than 30 frames of speech",
        f"Taal et al. 2011, package pystoi, against the decode of all levels as they are; mean; {_CHANCE}",
    ),
    Metric(
        "keep_mel",
        "mel distance to keep",
        "log10",
        0,
        None,
        "lower",
        True,
        "fewer than 1,025 samples",
        f"probes.spectral_distance against the decode of all levels as they are; mean; {_CHANCE}",
    ),
)

CHANGE = "_change"
"""What ends the name of a difference to `keep`."""

EFFECTS = tuple(metric.name for metric in _EFFECTS)
"""Names of the effects, in order."""


def _change(metric: Metric) -> Metric:
    """The difference of an effect to the reference decode."""
    return replace(
        metric,
        name=metric.name + CHANGE,
        title=f"change of {metric.title}",
        low=None,
        high=None,
        better="none",
        undefined=f"{metric.undefined}, here or in the reference",
        definition=f"{metric.name} under the intervention minus {metric.name} under keep, over the same utterances; "
        "the null is the difference of the nulls, draw by draw",
    )


RECORDS: tuple[Metric, ...] = (*_EFFECTS, *(_change(metric) for metric in _EFFECTS))
