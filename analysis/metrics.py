"""One metric, one record: unit, range, direction, degenerate value, definition. Docs, tables and tests read these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """What a reader must know of a metric.

    Attributes:
        name: the part of a result's id after the stream.
        title: as printed over a column.
        unit: `share`, `nats`, `codes`, ...
        low, high: range; None where unbounded.
        better: which way is better, or `none` for a description.
        has_null: whether a chance level is computed.
        undefined: when the value is NaN.
        definition: formula and source.
    """

    name: str
    title: str
    unit: str
    low: float | None
    high: float | None
    better: Literal["higher", "lower", "none"]
    has_null: bool
    undefined: str
    definition: str


_HUBERT = "Hsu et al. 2021 (HuBERT, arXiv 2106.07447), section 4.2"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pnmi",
            "PNMI",
            "share",
            0,
            1,
            "higher",
            True,
            "no speech was counted, or only one label occurs",
            f"I(label; code) / H(label) of the pooled table; {_HUBERT}; scikit-learn's homogeneity_score",
        ),
        Metric(
            "phone_purity",
            "phone purity",
            "share",
            0,
            1,
            "higher",
            True,
            "no speech was counted",
            f"sum over codes of max over labels of p(label, code); {_HUBERT}",
        ),
        Metric(
            "cluster_purity",
            "cluster purity",
            "share",
            0,
            1,
            "none",
            True,
            "no speech was counted",
            f"sum over labels of max over codes of p(label, code); {_HUBERT}",
        ),
        Metric(
            "h_phone",
            "H(phone)",
            "nats",
            0,
            None,
            "none",
            False,
            "no speech was counted",
            "entropy of the labels under the convention's weights",
        ),
        Metric(
            "used_codes",
            "used codes",
            "codes",
            0,
            None,
            "none",
            False,
            "never",
            "count of codes that occur at least once",
        ),
    )
}

_TDE = (
    "by the rules of zerospeech-tde 2.0.3 (Ludusan et al. 2014; Zero Resource Speech Challenge 2017, Dunbar et al. "
    "2017), which probes.term_discovery lists"
)


def _found(what: str, hits: str, found: str, gold: str, high: float | None = 1) -> tuple[Metric, Metric, Metric]:
    """Precision, recall and F1 of what a segmentation finds; F1 = 2 hits / (found + gold)."""
    none, no_gold = f"there are no {found}", f"there are no {gold}"
    either = f"{none}, or {no_gold}"
    formulas = (
        ("precision", 1, none, f"{hits} / {found}, {_TDE}"),
        ("recall", high, no_gold, f"{hits} / {gold}, {_TDE}"),
        ("f1", high, either, f"harmonic mean of precision and recall, 0 without {hits}, {_TDE}"),
    )
    precision, recall, f1 = (
        Metric(
            f"discovery_{what}_{part}",
            f"{what} {part.upper() if part == 'f1' else part}",
            "share",
            0,
            top,
            "higher",
            True,
            undefined,
            text,
        )
        for part, top, undefined, text in formulas
    )
    return precision, recall, f1


METRICS |= {
    metric.name: metric
    for metric in (
        *_found("token", "gold words found", "segments that hold a phone", "gold words"),
        # a word pronounced in two ways is one gold type and may be two hits
        *_found("type", "phone strings that are a word's", "phone strings of segments", "spellings of words", None),
        *_found("boundary", "word boundaries found", "boundaries of segments", "word boundaries"),
        Metric(
            "discovery_coverage",
            "coverage",
            "share",
            0,
            1,
            "higher",
            True,
            "there are no phones",
            f"phones within a segment / all phones, silence and noise aside, {_TDE}",
        ),
        Metric(
            "discovery_ned",
            "NED",
            "share",
            0,
            1,
            "lower",
            True,
            "no class holds two segments, or more pairs must be compared than --max-pairs allows",
            f"mean normalized edit distance of the transcriptions of all pairs of segments in a class, {_TDE}",
        ),
    )
}


def metric_of(id: str) -> Metric:
    """The record behind a result's id such as `acoustic.0.pnmi` or `phonetic.pnmi[silence-dropped]`.

    Raises:
        KeyError: there is none.
    """
    return METRICS[id.split("[")[0].rsplit(".", 1)[-1]]
