"""The files of a word analysis."""

from __future__ import annotations

from functools import partial

from analysis.words.run import Outcome
from reports.render.result_files import Content, file_names
from reports.words.figures import best_words, f1_by_rank
from reports.words.tables import bands_csv, occurrences_table, related_csv, words_csv


def words_files(outcome: Outcome) -> dict[str, Content]:
    """Words, bands and families as CSV, where codes fire, and two figures of each list of words."""
    files: dict[str, Content] = {
        "words.csv": words_csv(outcome),
        "bands.csv": bands_csv(outcome),
        "related.csv": related_csv(outcome),
    }
    if outcome.occurrences:
        files["firings.parquet"] = occurrences_table(outcome)
    for name, one in zip(file_names(one.name for one in outcome.streams), outcome.streams, strict=True):
        for found in one.lists:
            title = f"{outcome.results.system}, stream {one.name}, {found.definition}"
            end = f"{name}.{found.definition}.png"
            files[f"figures/f1.{end}"] = partial(f1_by_rank, found, title)
            files[f"figures/words.{end}"] = partial(best_words, one, found, outcome.types, title)
    return files
