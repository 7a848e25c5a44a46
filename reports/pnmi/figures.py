"""Figures of a PNMI run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.corpus import Classes
from analysis.results.schema import Results
from reports.document.parts import Point
from reports.render.figure_style import figure, printable
from reports.render.heat_map import draw_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CODES = 2048
"""Codes that a heat-map shows, the most frequent ones: more are thinner than a pixel."""
MANNERS = (
    "silence",
    "noise",
    "plosive",
    "affricate",
    "fricative",
    "nasal",
    "lateral",
    "approximant",
    "tap",
    "trill",
    "vowel",
    "diphthong",
)


def heat_map(table: NDArray[np.int64], labels: Sequence[str], classes: Classes, title: str, path: Path) -> None:
    """P(phone | code) as a picture: phones by class, codes by the phone they mean most, so that structure shows.

    Args:
        table: counts, int64 [n_labels, n_codes].
        labels: names of the rows.
        classes: of the labels.
        title: over the picture.
        path: PNG, PDF or SVG.
    """
    shares, names = sorted_shares(table, labels, classes)
    shown = shares.shape[1]
    more = f", the {shown} most frequent" if shown < np.count_nonzero(table.sum(axis=0)) else ""
    draw_shares(shares, names, title, f"{shown} used{more}", path)


def sorted_shares(
    table: NDArray[np.int64], labels: Sequence[str], classes: Classes
) -> tuple[NDArray[np.float64], list[str]]:
    """P(phone | code), float64 [n_phones, n_codes], rows by manner then place, columns by their most likely phone.

    Phones and codes that do not occur are left out.
    """
    by_code = table.sum(axis=0)
    frequent = np.argsort(-by_code, kind="stable")[: min(MAX_CODES, np.count_nonzero(by_code))]
    rows = sorted(np.flatnonzero(table.sum(axis=1)).tolist(), key=lambda i: _class_key(labels[i], classes))
    shares = table[np.ix_(np.array(rows, np.intp), frequent)] / by_code[frequent]
    if not shares.size:
        return shares, []
    top = shares.argmax(axis=0)
    order = np.lexsort((-shares.max(axis=0), top))
    return shares[:, order], [labels[i] for i in rows]


def pnmi_bars(results: Results, path: Path) -> None:
    """PNMI of each stream less chance with its interval, and what chance scores on the same scale."""
    streams = list(results.streams)
    with figure(path, (7, 0.45 * len(streams) + 1.4)) as canvas:
        axes = canvas.subplots()
        for y, stream in enumerate(streams):
            _pnmi_bar(axes, y, results, stream)
        axes.set_yticks(range(len(streams)), [printable(stream) for stream in streams])
        axes.invert_yaxis()
        axes.set_xlim(right=1)
        axes.set_xlabel("PNMI less chance, silence kept (line: 95 % interval; grey: chance, 3 sd)")
        axes.set_title(printable(results.system))


def _pnmi_bar(axes: Axes, y: int, results: Results, stream: str) -> None:
    record = results.get(f"{stream}.pnmi")
    point = Point.of(record)
    spread = 3 * np.nan_to_num(point.null_sd)
    axes.barh(y, point.value, height=0.5, color="C0")
    axes.plot([point.null - spread, point.null + spread], [y, y], color="0.5", linewidth=6, alpha=0.7)
    axes.plot([point.low, point.high], [y, y], color="C1", linewidth=2)
    end = max(x for x in (point.value, point.high, 0.0) if np.isfinite(x))
    axes.text(end + 0.01, y, f"{point.value:.3f}", va="center", fontsize=8)


def _class_key(label: str, classes: Classes) -> tuple[int, str, str, str]:
    manner, place, height = (classes.get(kind, {}).get(label) or "" for kind in ("manner", "place", "height"))
    rank = MANNERS.index(manner) if manner in MANNERS else len(MANNERS)
    return rank, place, height, label
