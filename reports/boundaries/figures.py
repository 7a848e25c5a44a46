"""Figures of a boundary run: scores against tolerance, and how long runs last beside phones and words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.results.durations import Summary
from analysis.results.schema import Results
from probes.boundaries.durations import MS_PER_BIN, N_BINS
from reports.document.boundary_scores import Scores
from reports.document.parts import Point
from reports.render.figure_style import figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_MS = 600
"""Segments longer than this lie outside the picture; it says how many."""
COLOURS = {"phones": "C1", "words": "C2"}


def tolerance_curves(results: Results, stream: str, path: Path) -> None:
    """F1, and below it precision and recall, against the tolerance: a column for each tier, under the headline rule.

    Args:
        results: the run.
        stream: whose curves.
        path: PNG, PDF or SVG.
    """
    scores = Scores(results)
    with figure(path, (1.8 + 3.2 * len(scores.tiers), 5)) as canvas:
        panels = canvas.subplots(2, len(scores.tiers), sharex=True, squeeze=False)
        for (above, below), tier in zip(panels.T, scores.tiers, strict=True):
            _f1(above, scores, stream, tier)
            _precision_recall(below, scores, stream, tier)
            above.set_title(tier)
            below.set_xlabel("tolerance, ± ms")
        panels[0][0].set_ylabel("F1, chance-corrected")
        panels[1][0].set_ylabel("precision, recall, as counted")
        for axes in panels[:, -1]:
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        title = f"{results.system}, stream {stream}: rule {scores.rule}, edges {scores.edges}"
        canvas.suptitle(printable(title), fontsize=10)


def _f1(axes: Axes, scores: Scores, stream: str, tier: str) -> None:
    ms = scores.tolerances_ms
    points = [Point.of(scores.get(stream, "f1", tier, tolerance_ms=tolerance)) for tolerance in ms]
    null = np.array([point.null for point in points])
    spread = 3 * np.nan_to_num([point.null_sd for point in points])
    low, high = [point.low for point in points], [point.high for point in points]
    axes.fill_between(ms, low, high, color="C0", alpha=0.3, linewidth=0, label="95 % interval")
    axes.fill_between(ms, null - spread, null + spread, color="0.6", alpha=0.6, linewidth=0, label="chance, 3 sd")
    axes.plot(ms, null, color="0.3", linewidth=1, label="chance")
    axes.plot(ms, [point.value for point in points], color="C0", marker="o", markersize=3, label="F1 less chance")
    axes.set_xticks(ms)


def _precision_recall(axes: Axes, scores: Scores, stream: str, tier: str) -> None:
    ms = scores.tolerances_ms
    for metric, colour in (("precision", "C1"), ("recall", "C2")):
        records = [scores.get(stream, metric, tier, tolerance_ms=tolerance) for tolerance in ms]
        axes.plot(ms, [record.value for record in records], color=colour, marker="o", markersize=3, label=metric)
        axes.plot(ms, [record.null_mean for record in records], color=colour, linestyle=":", label=f"{metric}, chance")
    axes.set_ylim(0, 1.02)


def run_histogram(runs: Summary, labels: Sequence[Summary], system: str, path: Path) -> None:
    """How long a stream's runs last, as bars, beside phones and words, as steps: share of segments per 10 ms.

    Args:
        runs: of the stream.
        labels: of the tiers.
        system: in the title.
        path: PNG, PDF or SVG.
    """
    with figure(path, (7, 3.2)) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(f"{system}, stream {runs.name}: how long segments last"))
        axes.set_xlabel(f"ms (beyond {SHOWN_MS} ms: {_beyond([runs, *labels])})")
        axes.set_ylabel("share of segments per 10 ms")
        axes.set_xlim(0, SHOWN_MS)
        if runs.n:
            _bars(axes, runs)
        edges = np.arange(N_BINS + 1) * MS_PER_BIN
        for each in labels:
            axes.stairs(_shares(each)[:N_BINS], edges, color=COLOURS[each.name], label=each.name, linewidth=1.2)
        axes.legend(fontsize=8, frameon=False)


def _bars(axes: Axes, runs: Summary) -> None:
    """A bar for each run length, as wide as the step between lengths, so that its area is the share of runs."""
    step = float(np.diff(runs.durations_ms).min()) if len(runs.durations_ms) > 1 else float(runs.durations_ms[0])
    shares = runs.counts / runs.n * MS_PER_BIN / step
    axes.bar(
        runs.durations_ms, shares, width=0.9 * step, color="C0", alpha=0.5, label=printable(f"runs of {runs.name}")
    )


def _shares(summary: Summary) -> NDArray[np.float64]:
    return np.asarray(summary.histogram / max(summary.n, 1))


def _beyond(summaries: Sequence[Summary]) -> str:
    bins = SHOWN_MS // MS_PER_BIN
    return ", ".join(printable(f"{_shares(each)[bins:].sum():.1%} of {each.name}") for each in summaries)
