"""What a reader must know of a metric, and the file in which each analysis says it: `metrics.yaml` in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

QUESTIONS = (
    *("phones", "words", "boundaries", "leakage", "discovery", "codebook"),
    *("intelligibility", "sound", "levels", "stability"),
)
"""What readers ask, in the order in which a page answers; any other question comes after these."""


class Metric(BaseModel):
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
        grows_with_codes: whether chance scores more the more codes there are for the speech, as in counted information.
        question: what a reader asks that it answers, one of `QUESTIONS` or another; empty for what only describes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    unit: str
    low: float | None = None
    high: float | None = None
    better: Literal["higher", "lower", "none"]
    has_null: bool
    undefined: str
    definition: str
    grows_with_codes: bool = False
    question: str = ""

    @property
    def side(self) -> Literal["higher", "lower"]:
        """The better side; of a description the higher one."""
        return "lower" if self.better == "lower" else "higher"

    @property
    def is_corrected(self) -> bool:
        """Whether the number given is (value - null) / (1 - null): the scale ends at 1, which is perfect."""
        return self.has_null and self.high == 1 and self.low is not None and self.better != "lower"

    @property
    def rank(self) -> int:
        """Place of its question among `QUESTIONS`."""
        return QUESTIONS.index(self.question) if self.question in QUESTIONS else len(QUESTIONS)


def read_metrics(folder: str) -> Iterator[Metric]:
    """The metrics of an analysis, in the order of its file; last those that `each_also` makes of each of them.

    Args:
        folder: of the analysis, such as `words`; its `metrics.yaml` holds `metrics` by name, `texts` that stand in them
            as `{text}`, and perhaps `each_also`: a second metric of each, which may say `{title}` of the first.

    Raises:
        ValueError: a metric lacks a key, or has an unknown one or one not of its kind.
        KeyError: there is no such text.
    """
    found = read_file(folder)
    texts = found.get("texts", {})
    metrics = [Metric(**_filled({"name": name, **said}, texts)) for name, said in found["metrics"].items()]
    yield from metrics
    if also := found.get("each_also"):
        for metric in metrics:
            said = metric.model_dump()
            yield Metric(**{**said, **_filled(also, said)})


@cache
def read_file(folder: str) -> dict[str, Any]:
    """What the `metrics.yaml` of an analysis holds."""
    text = resources.files("analysis").joinpath(folder, "metrics.yaml").read_text(encoding="utf-8")
    # ours and small, so the quick loader serves: it takes 20 ms for all files, the strict one 200
    found: dict[str, Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_single_data()
    return found


def _filled(said: dict[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {key: value.format_map(texts) if isinstance(value, str) else value for key, value in said.items()}
