"""Word discovery as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from analysis.discovery.scores import SCORES
from analysis.metrics.registry import METRICS
from analysis.results.schema import Results
from reports.document.number_format import with_interval, with_null
from reports.render.tables import coverage_line, make_table, trouble_lines


def discovery_table(results: Results) -> RenderableType:
    """What `hac-analyze discovery` prints: every score of every segmentation, then what was left out and warnings."""
    table = make_table(
        f"{results.system}: word discovery, 95 % intervals",
        ("segments of", "score"),
        ("value [95 %]", "null ± sd", "null-corrected [95 %]", "n"),
    )
    for stream in results.coverage["segments"]:
        for metric in SCORES:
            record = results.get(f"{stream}.{metric}")
            arrow = "lower is better" if METRICS[metric].better == "lower" else ""
            table.add_row(
                escape(stream),
                f"{METRICS[metric].title}{f' ({arrow})' if arrow else ''}",
                with_interval(record.value, record.ci_low, record.ci_high),
                with_null(record.null_mean, record.null_sd),
                with_interval(record.corrected, record.corrected_ci_low, record.corrected_ci_high),
                f"{record.n:,}",
                end_section=metric == SCORES[-1],
            )
    return Group(table, *_lines(results))


def _lines(results: Results) -> Iterator[Text]:
    words = results.coverage["words"]
    yield coverage_line(results).append(f", {words['found']:,} words")
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
    yield from trouble_lines(results)
