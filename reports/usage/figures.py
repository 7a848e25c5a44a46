"""Figures of a usage run: how often codes occur by rank, how long runs last, what streams share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.results.schema import Results
from analysis.usage.scores import BITS, StreamUsage
from reports.render.figure_style import figure, line_style, printable
from reports.usage.tables import other_of


def rank_frequency(results: Results, streams: Sequence[StreamUsage], path: Path) -> None:
    """Share of frames against rank, on logarithmic axes; a dotted line is the fitted power law.

    Args:
        results: the run.
        streams: ranks and runs, in the order of the results.
        path: PNG, PDF or SVG.
    """
    with figure(path, (7, 4.2)) as canvas:
        axes = canvas.subplots()
        for place, (name, each) in enumerate(zip(results.streams, streams, strict=True)):
            rank = np.arange(1, len(each.counts) + 1)
            s = results.get(f"{name}.zipf_exponent").value
            label = printable(f"{name} ({s:.2f})" if math.isfinite(s) else name)
            style = line_style(place)
            axes.plot(rank, each.counts / max(each.counts.sum(), 1), linewidth=1.3, label=label, **style)
            if math.isfinite(s):
                fitted = rank ** -float(s)
                axes.plot(rank, fitted / fitted.sum(), color=style["color"], linewidth=0.7, linestyle=":", alpha=0.7)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("rank of the code")
        axes.set_ylabel("share of frames")
        axes.set_title(printable(f"{results.system}: how often codes occur"))
        axes.legend(fontsize=7, frameon=False, title="stream (Zipf exponent)", title_fontsize=7, loc="lower left")


def run_lengths(results: Results, streams: Sequence[StreamUsage], path: Path) -> None:
    """Share of runs that last at least so long, for each stream, beside the mean with frames shuffled.

    Args:
        results: the run.
        streams: ranks and runs, in the order of the results.
        path: PNG, PDF or SVG.
    """
    with figure(path, (7, 4.2)) as canvas:
        axes = canvas.subplots()
        for place, (name, each) in enumerate(zip(results.streams, streams, strict=True)):
            if not each.runs.n:
                continue
            lasting = each.runs.counts[::-1].cumsum()[::-1] / each.runs.n
            run = results.get(f"{name}.run_frames")
            label = printable(f"{name} (mean {run.value:.2f}, shuffled {run.null_mean:.2f} frames)")
            axes.plot(each.runs.durations_ms, lasting, marker=".", label=label, linewidth=1, **line_style(place))
        axes.set_yscale("log")
        axes.set_xlabel("run of equal codes, ms")
        axes.set_ylabel("share of runs at least so long")
        axes.set_title(printable(f"{results.system}: how long runs last"))
        axes.legend(fontsize=7, frameon=False, loc="upper right")


def shared_information(results: Results, path: Path) -> None:
    """Mutual information of every two streams beyond its null, in bits; hatched where chance explains it.

    Args:
        results: the run, of at least two streams.
        path: PNG, PDF or SVG.
    """
    names = list(results.streams)
    excess, chance = np.full((len(names), len(names)), np.nan), []
    for record in results.metrics:
        if ".stream_mi[" not in record.id or not math.isfinite(record.value):
            continue
        i, j = names.index(record.stream), names.index(other_of(record))
        excess[i, j] = excess[j, i] = (record.value - record.null_mean) * BITS
        if record.value - record.null_mean <= 3 * record.null_sd:
            chance += [(i, j), (j, i)]
    with figure(path, (0.62 * len(names) + 2.6, 0.5 * len(names) + 1.7)) as canvas:
        axes = canvas.subplots()
        highest = max(float(np.nan_to_num(excess).max()), 1e-3)
        image = axes.imshow(excess, vmin=0, vmax=highest, aspect="auto")
        for (i, j), value in np.ndenumerate(excess):
            if math.isfinite(value):
                colour = "k" if value > highest / 2 else "w"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)
        for i, j in chance:
            axes.fill_between([j - 0.5, j + 0.5], i - 0.5, i + 0.5, color="none", hatch="////", edgecolor="0.6")
        labels = [printable(name) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), labels)
        canvas.suptitle(printable(f"{results.system}: what streams share beyond chance"), fontsize=10)
        canvas.colorbar(image, ax=axes, label="bits per frame, less chance")
