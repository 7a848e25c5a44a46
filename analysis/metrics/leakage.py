"""Metrics of what a stream tells of a factor."""

from __future__ import annotations

from analysis.metrics.metric import Metric

_WHERE = "over the frames whose centre has a label"

RECORDS: tuple[Metric, ...] = (
    Metric(
        "leakage",
        "I(factor; code) / H(factor)",
        "share",
        0,
        1,
        "none",
        True,
        "no frame has a label, or all have the same one",
        f"share of the entropy of a factor that the codes of a stream explain, {_WHERE}",
    ),
    Metric(
        "leakage_adds",
        "I(factor; code | given) / H(factor | given)",
        "share",
        0,
        1,
        "none",
        True,
        "no frame has a label, or the given stream leaves nothing open",
        f"share of what a given stream leaves open of a factor that another stream explains, {_WHERE}; without a given "
        "stream in its id, the smallest over all of them",
    ),
    Metric(
        "leakage_repeats",
        "1 - I(factor; code | given) / I(factor; code)",
        "share",
        None,
        None,
        "none",
        False,
        "the stream tells no more of the factor than chance",
        "share of what a stream tells of a factor that a given stream tells too, both less what chance tells; negative "
        "where the two tell more together than one by one, above 1 where the stream adds less than chance; the largest "
        "over all given streams",
    ),
)
