"""P(phone | code) as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reports.render.figure_style import TALLEST, Paths, figure, printable

NAME_LETTERS = 24
"""Letters of a phone's name."""


def draw_shares(
    shares: NDArray[np.float64], names: Sequence[str], title: str, about: str, path: Paths, width: float | None = None
) -> None:
    """P(phone | code) in colours.

    Args:
        shares: float64 [n_phones, n_codes] in [0, 1], in the order in which they are drawn.
        names: of the phones.
        title: over the picture.
        about: the codes, for the label of their axis.
        path: PNG, PDF or SVG.
        width: inches.
    """
    high = 0.105 * len(names) + 1.1
    with figure(path, (width or 7.2, min(high, TALLEST))) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(title), fontsize=9)
        if not shares.size:
            axes.text(0.5, 0.5, "nothing was counted", ha="center", va="center", transform=axes.transAxes)
            return
        image = axes.imshow(shares, aspect="auto", interpolation="nearest", vmin=0, vmax=1)
        axes.set_yticks(
            range(len(names)), [printable(name, NAME_LETTERS) for name in names], fontsize=6 * min(1, TALLEST / high)
        )
        axes.tick_params(axis="x", labelsize=7)
        axes.set_xlabel(f"codes, sorted by their most likely phone ({about})", fontsize=7)
        axes.set_ylabel("phone, by manner", fontsize=7)
        bar = canvas.colorbar(image, ax=axes, pad=0.01)
        bar.set_label("P(phone | code)", fontsize=7)
        bar.ax.tick_params(labelsize=7)
