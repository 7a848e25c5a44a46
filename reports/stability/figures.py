"""Figure of a stability run: unit edit distance of every stream under every perturbation, beside its null."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.results.schema import Results
from reports.render.figure_style import figure, printable
from reports.stability.tables import perturbations_of


def distance_bars(results: Results, path: Path) -> None:
    """A panel for each stream: the distance as a dot with its interval, the null as a grey bar of 3 sd.

    Args:
        results: the run, of at least one perturbation.
        path: PNG, PDF or SVG.
    """
    names, streams = perturbations_of(results), list(results.streams)
    columns = min(len(streams), 3)
    rows = -(-len(streams) // columns)
    with figure(path, (2.2 + 2.6 * columns, rows * (0.19 * len(names) + 0.6) + 0.5)) as canvas:
        panels = canvas.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        places = np.arange(len(names))
        for axes, stream in zip(panels.flat, streams, strict=False):
            found = [results.get(f"{stream}.ued[{name}]") for name in names]
            value, low, high, null, sd = (
                np.array([getattr(record, part) for record in found], np.float64)
                for part in ("estimate", "ci_low", "ci_high", "null_mean", "null_sd")
            )
            spread = np.maximum(3 * np.nan_to_num(sd), 0.004)
            axes.barh(places, 2 * spread, left=null - spread, height=0.75, color="0.7", label="chance, 3 sd")
            axes.hlines(places, low, high, color="C1", linewidth=1.5, label="95 % interval")
            axes.plot(value, places, "o", color="C0", markersize=3.5, label="UED")
            axes.set_title(printable(stream))
            axes.set_yticks(places, [printable(name) for name in names])
        panels[0][0].invert_yaxis()
        panels[0][0].set_xlim(left=0)
        for axes in panels.flat[len(streams) :]:
            axes.set_visible(False)
        for axes in panels.flat[max(0, len(streams) - columns) : len(streams)]:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("unit edit distance")
        handles, labels = panels[0][0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
        canvas.suptitle(printable(f"{results.system}: the same speech, the same tokens?"), fontsize=10)
