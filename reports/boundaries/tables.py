"""Boundary scores as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.durations import Summary
from analysis.results.schema import Record, Results
from probes.boundaries.durations import MS_PER_BIN, N_BINS
from reports.document.boundary_scores import Scores
from reports.document.number_format import beside_null, number, with_interval, with_null
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, coverage_line, make_table, trouble_lines

CURVE_FIELDS = (
    *("stream", "tier", "rule", "tolerance_ms", "precision", "recall", "f1", "ci_low", "ci_high"),
    *("null_mean", "null_sd", "r_value", "os"),
)
SEGMENT_FIELDS = (
    *("name", "kind", "n", "mean_ms", "mean_ci_low", "mean_ci_high", "p10_ms", "median_ms", "p90_ms", "per_s"),
)


def boundary_tables(results: Results) -> RenderableType:
    """What `hac-analyze boundaries` prints: every stream against every tier, rules side by side, segments, warnings."""
    scores = Scores(results)
    parts: list[RenderableType] = [_headline(results, scores)]
    if len(scores.rules) > 1:
        parts.append(_rules(results, scores))
    parts += [_segments(results, scores), coverage_line(results)]
    parts.append(Text("OS: change points per boundary, less one; 0 is best. By language: metrics.csv", style="dim"))
    return Group(*parts, *trouble_lines(results))


def _headline(results: Results, scores: Scores) -> Table:
    first = scores.get(next(iter(results.streams)), "f1", scores.tiers[0])
    table = make_table(
        f"{results.system}: change points against boundaries, rule '{scores.rule}', ±{scores.tolerance_ms} ms, "
        f"edges {scores.edges}, 95 % intervals over {clusters_of(first, results)}",
        ("stream", "tier"),
        ("P", "R", "F1 [95 %]", "null ± sd", "corrected [95 %]", "OS", "R-value"),
    )
    for stream in results.streams:
        for tier in scores.tiers:
            f1 = scores.get(stream, "f1", tier)
            table.add_row(
                escape(stream),
                tier,
                _short(scores.get(stream, "precision", tier)),
                _short(scores.get(stream, "recall", tier)),
                with_interval(f1.value, f1.ci_low, f1.ci_high),
                with_null(f1.null_mean, f1.null_sd),
                with_interval(f1.corrected, f1.corrected_ci_low, f1.corrected_ci_high),
                _short(scores.get(stream, "os", tier)),
                _short(scores.get(stream, "r_value", tier)),
            )
    return table


def _rules(results: Results, scores: Scores) -> Table:
    table = make_table(
        f"F1 under each rule (value / null), ±{scores.tolerance_ms} ms", ("stream", "tier"), tuple(scores.rules)
    )
    for stream in results.streams:
        for tier in scores.tiers:
            f1 = [beside_null(scores.get(stream, "f1", tier, rule)) for rule in scores.rules]
            table.add_row(escape(stream), tier, *f1)
    return table


def _segments(results: Results, scores: Scores) -> Table:
    table = make_table(
        "How long segments last, ms: phones and words without silence, runs of equal tokens",
        ("segments",),
        ("n", "mean [95 %]", "10 %", "median", "90 %", "per second"),
    )
    for tier in scores.tiers:
        of = {key: math.nan if x is None else x for key, x in results.coverage["segments"][tier].items()}
        mean = _ms(of["mean_ms"], of["mean_ci_low"], of["mean_ci_high"])
        rest = [f"{of[key]:.1f}" for key in ("p10_ms", "median_ms", "p90_ms")]
        table.add_row(tier, f"{of['n']:,}", mean, *rest, f"{of['per_s']:.2f}")
    for stream in results.streams:
        run = scores.run(stream, "run_ms")
        rest = [f"{scores.run(stream, key).value:.1f}" for key in ("run_p10_ms", "run_median_ms", "run_p90_ms")]
        rate = f"{scores.run(stream, 'runs_per_s').value:.2f}"
        table.add_row(escape(stream), f"{run.n:,}", _ms(run.value, run.ci_low, run.ci_high), *rest, rate)
    return table


def _short(record: Record) -> str:
    return f"{record.value:.3f}" if math.isfinite(record.value) else number(record.value)


def _ms(value: float, low: float, high: float) -> str:
    return f"{value:.1f}" + (f" [{low:.1f}, {high:.1f}]" if math.isfinite(low) else "")


def curve_csv(results: Results) -> str:
    """Scores against tolerance, a row per stream, tier, rule and tolerance; interval and null are F1's."""
    scores = Scores(results)
    rows: list[list[Any]] = []
    for stream in results.streams:
        for tier in scores.tiers:
            for rule in scores.rules:
                for ms in scores.tolerances_ms:
                    of = {name: scores.get(stream, name, tier, rule, ms) for name in ("precision", "recall", "f1")}
                    f1 = of["f1"]
                    around = (f1.ci_low, f1.ci_high, f1.null_mean, f1.null_sd)
                    rest = (scores.get(stream, name, tier, rule, ms).value for name in ("r_value", "os"))
                    rows.append([stream, tier, rule, ms, *(x.value for x in of.values()), *around, *rest])
    return csv_text(CURVE_FIELDS, rows)


def segments_csv(summaries: Sequence[Summary]) -> str:
    """Statistics of segments, a row per tier and stream."""
    rows = []
    for each in summaries:
        of = {"name": each.name, "kind": each.kind, **each.to_dict()}
        rows.append([of[field] for field in SEGMENT_FIELDS])
    return csv_text(SEGMENT_FIELDS, rows)


def histogram_csv(summaries: Sequence[Summary]) -> str:
    """Segments by duration, a row per tier or stream and bin; the last bin has no end."""
    rows = []
    for each in summaries:
        for i, n in enumerate(each.histogram.tolist()):
            end = (i + 1) * MS_PER_BIN if i < N_BINS else ""
            rows.append([each.name, each.kind, i * MS_PER_BIN, end, n])
    return csv_text(("name", "kind", "from_ms", "to_ms", "n"), rows)
