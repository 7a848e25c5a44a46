"""Metrics of whether the same speech gets the same tokens."""

from __future__ import annotations

from analysis.metrics.metric import Metric

_GAT = (
    "Gat et al. 2022 (Augmentation invariant discrete representation for generative spoken language modeling, "
    "arXiv 2209.15483), section 3"
)
_ROOM = "0 for the same tokens; may exceed 1 where the perturbed speech has more tokens"

RECORDS: tuple[Metric, ...] = (
    Metric(
        "ued",
        "unit edit distance",
        "share",
        0,
        None,
        "lower",
        True,
        "no utterance has tokens",
        "Levenshtein distance of the token sequences of clean and perturbed speech, repeated codes taken as one, over "
        f"the length of the clean one; edits and lengths are summed over utterances and divided once; {_ROOM}; {_GAT}",
    ),
    Metric(
        "frame_ued",
        "edit distance of frames",
        "share",
        0,
        None,
        "lower",
        True,
        "no utterance has tokens",
        f"as ued, but every frame is a token of its own, repeats and all; {_ROOM}",
    ),
    Metric(
        "frame_agreement",
        "frames that agree",
        "share",
        0,
        1,
        "higher",
        True,
        "the perturbation changes the speech's tempo, or no frame can be compared",
        "frames with the same code at the same place (after a shift, at the nearest frame) / frames compared",
    ),
)
