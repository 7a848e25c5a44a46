"""Boundary scores as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import product

from rich.console import RenderableType

from analysis.results.durations import Summary
from analysis.results.schema import Results
from probes.boundaries.durations import MS_PER_BIN, N_BINS
from reports.document.boundary_scores import Scores
from reports.document.number_format import (
    alone,
    counted,
    fixed,
    null_spread,
    number,
    number_in,
    spanned,
    value_and_null,
    with_interval,
)
from reports.document.parts import Cell, Table
from reports.document.result_table import Shown, record_table, result_table
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, printed

CURVE_FIELDS = (
    *("stream", "tier", "rule", "tolerance_ms", "precision", "recall", "f1", "null_mean", "null_sd"),
    *("f1_corrected", "ci_low", "ci_high", "r_value", "os"),
)
SEGMENT_FIELDS = (
    *("name", "kind", "n", "mean_ms", "mean_ci_low", "mean_ci_high", "p10_ms", "median_ms", "p90_ms", "per_s"),
)
HEADLINE = (
    ("F1, corrected ± 95 %", "f1", spanned()),
    ("F1 counted", "f1", counted(number)),
    ("chance ± sd", "f1", null_spread),
    ("P", "precision", counted(fixed(3))),
    ("R", "recall", counted(fixed(3))),
    ("OS", "os", alone(fixed(3))),
    ("R-value", "r_value", alone(fixed(3))),
)
SEGMENTS = ("segments", "n", "mean ± 95 %", "10 %", "median", "90 %", "per second")


def boundary_tables(results: Results) -> RenderableType:
    """What `hac-analyze boundaries` prints: every stream against every tier, rules side by side, segments, warnings."""
    scores = Scores(results)
    first = scores.get(next(iter(results.streams)), "f1", scores.tiers[0])
    at = f"±{scores.tolerance_ms} ms"
    title = (
        f"{results.system}: change points against boundaries, rule '{scores.rule}', {at}, edges {scores.edges}, "
        f"95 % intervals over {clusters_of(first, results)}"
    )
    pairs = [(stream, tier) for stream in results.streams for tier in scores.tiers]
    rows = [(pair, scores.finder(*pair)) for pair in pairs]
    tables = [record_table("scores", title, ("stream", "tier"), HEADLINE, rows)]
    if len(scores.rules) > 1:
        fields = [(rule, rule, value_and_null()) for rule in scores.rules]
        by_rule = ((pair, partial(scores.get, pair[0], "f1", pair[1])) for pair in pairs)
        title = f"F1 under each rule (counted / chance), {at}"
        tables.append(record_table("rules", title, ("stream", "tier"), fields, by_rule))
    legend = "P, R: precision and recall as counted. OS: change points per boundary, less one; 0 is best"
    return printed(results, (*tables, _segments(results, scores)), legend)


def _segments(results: Results, scores: Scores) -> Table:
    rows = []
    for tier in scores.tiers:
        of = results.coverage["segments"][tier]
        known = (math.nan if of[key] is None else of[key] for key in SEGMENT_FIELDS[3:])
        rows.append((tier, *_durations(of["n"], *known)))
    for stream in results.streams:
        run = scores.run(stream, "run_ms")
        rest = (scores.run(stream, f"run_{key}_ms").value for key in ("p10", "median", "p90"))
        rate = scores.run(stream, "runs_per_s").value
        rows.append((stream, *_durations(run.n, run.value, run.ci_low, run.ci_high, *rest, rate)))
    title = "How long segments last, ms: phones and words without silence, runs of equal tokens"
    return result_table("segments", title, SEGMENTS, rows)


def _durations(n: int, mean: float, low: float, high: float, *rest: float) -> tuple[Shown, ...]:
    one = fixed(1)
    *percentiles, rate = rest
    around = Cell(with_interval(mean, low, high, one, one), mean)
    return (n, around, *(number_in(one, ms) for ms in percentiles), number_in(fixed(2), rate))


def curve_csv(results: Results) -> str:
    """Scores against tolerance, a row per stream, tier, rule and tolerance; interval and null are F1's."""
    scores = Scores(results)
    rows = []
    for stream, tier, rule, ms in product(results.streams, scores.tiers, scores.rules, scores.tolerances_ms):
        names = ("precision", "recall", "f1", "r_value", "os")
        precision, recall, f1, r_value, os = (scores.get(stream, name, tier, rule, ms) for name in names)
        around = (f1.value, f1.null_mean, f1.null_sd, f1.estimate, f1.ci_low, f1.ci_high)
        rows.append((stream, tier, rule, ms, precision.value, recall.value, *around, r_value.value, os.value))
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
