"""The tables of docs/results.md, in Markdown: `python scripts/reference/tables.py DIR`.

Reads what `evaluate.sh` and `teacher_units.py` left in `DIR/results`; a result that is not there is a dash.
"""

from __future__ import annotations

import argparse
import math
from functools import cache
from pathlib import Path

from analysis.results import schema as files
from analysis.results.schema import Results

VARIANTS = {
    "full": "both teachers",
    "no_phonetic_teacher": "no speech teacher",
    "no_lexical_teacher": "no text teacher",
    "acoustic_only": "acoustic only",
}
UNITS = {"mfcc-kmeans-1024": "MFCC k-means", "teacher-kmeans": "the teacher's k-means"}
SOUND = {"pesq_wb": "PESQ wb", "stoi": "STOI", "mel_distance": "mel distance", "wer": "WER"} | {
    "f0_corr": "F0 correlation",
    "speaker_similarity": "speaker similarity",
}


@cache
def read_results(folder: Path) -> Results:
    """A result file, read once: a table asks for it in every cell."""
    return files.read_results(folder)


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    results = parser.parse_args().folder / "results"
    print(phones(results), words(results), sound(results), sep="\n\n")


def phones(results: Path) -> str:
    """Chance-corrected PNMI: streams by systems."""
    rows = [["PNMI, corrected", "silence", *VARIANTS.values(), *UNITS.values()]]
    for corpus in ("real", "synthetic"):
        for stream in ("phonetic", "lexical", "acoustic.0"):
            for silence, suffix in (("kept", ""), ("dropped", "[silence-dropped]")):
                cells = [cell(results / v / f"{corpus}-pnmi", f"{stream}.pnmi{suffix}") for v in VARIANTS]
                units = [cell(results / u / f"{corpus}-pnmi", f"units.pnmi{suffix}") for u in UNITS]
                rows.append([f"{corpus}: {stream}", silence, *cells, *(units if stream == "phonetic" else "––")])
    return markdown(rows)


def words(results: Path) -> str:
    """What lexical codes tell of words, beside what chance tells."""
    shown = (
        "detected_words[vg-hubert,held-out]",
        "word_f1_top250[vg-hubert,held-out]",
        "word_nmi",
        "word_ncmi[given=phonetic]",
    )
    rows = [["lexical stream", *VARIANTS.values()]]
    for corpus in ("real", "synthetic"):
        for name in shown:
            cells = [cell(results / v / f"{corpus}-words", f"lexical.{name}", null=True) for v in VARIANTS]
            rows.append([f"{corpus}: {name}", *cells])
    return markdown(rows)


def sound(results: Path) -> str:
    """Reconstruction at all quantizers: value, interval, null."""
    rows = [["", *SOUND.values()]]
    for variant, title in VARIANTS.items():
        folder = results / variant / "english-recon"
        deepest = {name.split(".")[0] for name in ids(folder) if name.startswith("rvq-")}
        cells = [cell(folder, f"{depth}.{metric}", null=True) for metric in SOUND for depth in sorted(deepest)]
        rows.append([title, *cells])
    original = cell(results / "full" / "english-recon", "reference.wer", null=True)
    return f"{markdown(rows)}\n\nOriginals: WER {original}"


def cell(folder: Path, id: str, null: bool = False) -> str:
    """A metric with its interval, and with its null if asked for."""
    if id not in ids(folder):
        return "–"
    row = read_results(folder).get(id)
    beside = f" / {number(row.null_mean)}" if null else ""
    return f"{number(row.estimate)} ± {number(row.half_width)}{beside}"


def number(value: float) -> str:
    """Three places, without the zero before the point."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def ids(folder: Path) -> list[str]:
    """Metrics of a result over the whole corpus, in their order; none where there is no result."""
    if not (folder / "results.json").exists():
        return []
    return [row.id for row in read_results(folder).metrics if not row.group]


def markdown(rows: list[list[str]]) -> str:
    """A table, its first row the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


if __name__ == "__main__":
    main()
