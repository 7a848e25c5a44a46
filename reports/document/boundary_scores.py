"""The boundary records of a run, by what they are of."""

from __future__ import annotations

from collections.abc import Callable

from analysis.boundaries.scores import record_id
from analysis.results.durations import PROTOCOL
from analysis.results.schema import Record, Results


class Scores:
    """The boundary records of a result file, by what they are of.

    Args:
        results: of `hac-analyze boundaries`.
    """

    def __init__(self, results: Results) -> None:
        self._records = {record.id: record for record in results.metrics if not record.group}
        self.rules = [name for name in results.protocols if name != PROTOCOL]
        common = results.protocols[self.rules[0]]
        self.tiers: list[str] = common["tiers"]
        self.tolerances_ms: list[int] = common["tolerances_ms"]
        self.rule: str = common["headline"][0]
        self.tolerance_ms: int = common["headline"][1]
        self.edges: str = common["edges"]

    def get(
        self, stream: str, metric: str, tier: str, rule: str | None = None, tolerance_ms: int | None = None
    ) -> Record:
        """The record on the whole corpus, at the headline rule and tolerance where none is given."""
        rule, ms = rule or self.rule, self.tolerance_ms if tolerance_ms is None else tolerance_ms
        return self._records[record_id(stream, f"boundary_{metric}", tier, rule, ms)]

    def finder(self, stream: str, tier: str) -> Callable[[str], Record | None]:
        """Finds a record by its metric; None where the run lacks it."""
        return lambda metric: find_boundary(self, stream, metric, tier)

    def run(self, stream: str, metric: str) -> Record:
        """The record of a stream's runs."""
        return self._records[f"{stream}.{metric}"]


def find_boundary(
    scores: Scores, stream: str, metric: str, tier: str, tolerance_ms: int | None = None
) -> Record | None:
    """A boundary record, None where the run lacks it."""
    try:
        return scores.get(stream, metric, tier, tolerance_ms=tolerance_ms)
    except KeyError:
        return None
