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


def metric_of(id: str) -> Metric:
    """The record behind a result's id such as `acoustic.0.pnmi` or `phonetic.pnmi[silence-dropped]`.

    Raises:
        KeyError: there is none.
    """
    return METRICS[id.split("[")[0].rsplit(".", 1)[-1]]
