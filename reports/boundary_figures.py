"""Figures of a boundary run: scores against tolerance, and how long runs last beside phones and words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.results import Record, Results
from analysis.segments import Summary
from probes.segments import MS_PER_BIN, N_BINS
from reports.boundary_tables import Scores
from reports.canvas import figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_MS = 600
"""Segments longer than this lie outside the picture; it says how many."""
COLOURS = {"phones": "C1", "words": "C2"}


def tolerance_curves(results: Results, stream: str, path: Path) -> None:
    """Precision, recall and F1 against the tolerance, a panel for each tier, under the headline rule.

    Args:
        results: the run.
        stream: whose curves.
        path: PNG, PDF or SVG.
    """
    scores = Scores(results)
    with figure(path, (1.2 + 3.2 * len(scores.tiers), 3.4)) as canvas:
        panels = canvas.subplots(1, len(scores.tiers), sharey=True, squeeze=False)[0]
        for axes, tier in zip(panels, scores.tiers, strict=True):
            _curve(axes, scores, stream, tier)
        panels[0].set_ylim(0, 1)
        panels[0].set_ylabel("score (band: 95 % interval of F1)")
        panels[-1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        canvas.suptitle(
            printable(f"{results.system}, stream {stream}: rule {scores.rule}, edges {scores.edges}"), fontsize=10
        )


def _curve(axes: Axes, scores: Scores, stream: str, tier: str) -> None:
    ms = scores.tolerances_ms

    def of(metric: str) -> list[Record]:
        return [scores.get(stream, metric, tier, tolerance_ms=tolerance) for tolerance in ms]

    f1 = of("f1")
    null = np.array([record.null_mean for record in f1])
    spread = 3 * np.nan_to_num([record.null_sd for record in f1])
    axes.fill_between(ms, null - spread, null + spread, color="0.6", alpha=0.6, linewidth=0)
    axes.plot(ms, null, color="0.4", linewidth=1, label="F1 by chance (3 sd)")
    low, high = ([getattr(record, side) for record in f1] for side in ("ci_low", "ci_high"))
    axes.fill_between(ms, low, high, color="C0", alpha=0.3, linewidth=0)
    axes.plot(ms, [record.value for record in f1], color="C0", marker="o", markersize=3, label="F1")
    for metric, colour in (("precision", "C1"), ("recall", "C2")):
        values = [record.value for record in of(metric)]
        axes.plot(ms, values, color=colour, linestyle="--", linewidth=1, label=metric)
    axes.set_xticks(ms)
    axes.set_xlabel("tolerance, ± ms")
    axes.set_title(tier)


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
