"""The figure of docs/results.md: `python -m scripts.reference.figure DIR docs/results.svg`.

Above, the phones that streams tell of, with their intervals, on real and on synthetic speech; below, what the
validations saw while the reference models were trained (`training.json` beside each).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hac.reference import FULL, NAME, reference_folder
from reports.render.figure_style import figure, line_style
from scripts.reference.tables import VARIANTS, read_results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STREAMS = (
    *((title, variant, "phonetic") for variant, title in VARIANTS.items() if variant != "acoustic_only"),
    ("its acoustic.0", "full", "acoustic.0"),
    ("MFCC k-means", "mfcc-kmeans-1024", "units"),
    ("the teacher's k-means", "teacher-kmeans", "units"),
)


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with figure(arguments.out, (8.0, 6.4)) as canvas:
        above, below = canvas.subplots(2, 2)
        for axes, corpus in zip(above, ("real", "synthetic"), strict=True):
            phones(axes, arguments.folder / "results", corpus)
        curves(below[0], "phonetic/pnmi_corrected", "PNMI of the phonetic stream, corrected")
        curves(below[1], "stoi", "STOI")


def phones(axes: Axes, results: Path, corpus: str) -> None:
    """Corrected PNMI of every stream with its interval, silence dropped; chance is 0."""
    for place, (_, system, stream) in enumerate(STREAMS):
        row = read_results(results / system / f"{corpus}-pnmi").get(f"{stream}.pnmi[silence-dropped]")
        colour = "C0" if stream == "phonetic" else "C1"
        axes.plot([row.ci_low, row.ci_high], [place] * 2, color=colour, linewidth=1.5)
        axes.plot(row.estimate, place, "o", color=colour, markersize=4)
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set_yticks(range(len(STREAMS)), [title for title, _, _ in STREAMS] if corpus == "real" else [])
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 0.5)
    axes.set_xlabel("PNMI, chance-corrected, silence dropped")
    axes.set_title(f"{corpus} speech")


def curves(axes: Axes, metric: str, title: str) -> None:
    """A number of the validations over the steps, a line a model."""
    for place, (variant, name) in enumerate(VARIANTS.items()):
        folder = reference_folder(NAME if variant == FULL else f"{NAME}-{variant}")
        assert folder is not None
        training = json.loads((folder / "training.json").read_text())
        before = training.get("before", {}).get("validations", [])
        # a run that began with another one's checkpoint counts on
        done = before[-1]["step"] if before else 0
        seen = before + [row | {"step": row["step"] + done} for row in training["validations"]]
        points = [(row["step"], row[key]) for row in seen if (key := f"validation/{metric}") in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=name, **line_style(place))
    axes.set_xlabel("step")
    axes.set_ylabel(title)
    axes.legend()


if __name__ == "__main__":
    main()
