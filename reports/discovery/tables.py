"""Word discovery as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from analysis.discovery.scores import SCORES
from analysis.metrics.registry import METRICS
from analysis.results.schema import Results
from reports.document.cells import n_cell
from reports.document.number_format import counted, null_spread, number, spanned
from reports.document.result_table import only, record_table
from reports.render.tables import printed

FIELDS = (
    ("less chance ± 95 %", "", spanned()),
    ("counted", "", counted(number)),
    ("chance ± sd", "", null_spread),
    ("n", "", n_cell),
)


def discovery_table(results: Results) -> RenderableType:
    """What `hac-analyze discovery` prints: every score of every segmentation, then what was left out and warnings."""
    rows = (
        ((stream, _title(metric)), only(results.get(f"{stream}.{metric}")))
        for stream in results.coverage["segments"]
        for metric in SCORES
    )
    title = f"{results.system}: word discovery, 95 % intervals"
    table = record_table("scores", title, ("segments of", "score"), FIELDS, rows)
    return printed(results, (table,), lines=_lines(results))


def _title(metric: str) -> str:
    return METRICS[metric].title + (" (lower is better)" if METRICS[metric].better == "lower" else "")


def _lines(results: Results) -> Iterator[Text]:
    words = results.coverage["words"]
    yield Text(f"{words['found']:,} words")
    for name, facts in results.coverage["segments"].items():
        yield Text(
            f"{name}: {facts['scored']:,} of {facts['found']:,} segments hold a phone by the rules and are scored, "
            f"{facts['pairs']:,} pairs in {facts['classes']:,} classes"
        )
    if without := words["without_duration"] + words["without_phones"]:
        yield Text(f"left out: {without:,} words without duration or without a phone", style="yellow")
    if words["edges_within_phones"]:
        yield Text(
            f"warning: {words['edges_within_phones']:,} words begin or end within a phone, which the scorer counts as "
            "theirs: are words and phones of one alignment?",
            style="yellow",
        )
