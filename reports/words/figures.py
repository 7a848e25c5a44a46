"""Figures of word detection: F1 by rank beside its null, and the best words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.words.detection import DETECTED_F1, TOP
from analysis.words.lists import MAX_RANKS, StreamWords, WordList
from probes.words.word_codes import WordType
from reports.render.figure_style import figure, printable

SHOWN = 25
"""Words of the figure of the best ones."""


def f1_by_rank(found: WordList, title: str, path: Path) -> None:
    """F1 of the words, best first, with the range over the null draws at the same rank; classic and held out."""
    scored = found.detection.scored
    curves = (
        ("code chosen on the same speech", found.detection.classic, found.null_by_rank, "C0"),
        ("code chosen on the other half", found.detection.held_out, found.held_out_null_by_rank, "C1"),
    )
    with figure(path, (6.5, 3.6)) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(title))
        if not scored.any():
            axes.text(0.5, 0.5, "no word was scored", ha="center", va="center", transform=axes.transAxes)
            return
        for name, f1, null, colour in curves:
            best = np.sort(f1[scored])[::-1][:MAX_RANKS]
            rank = np.arange(1, len(best) + 1)
            axes.plot(rank, best, color=colour, label=name)
            axes.fill_between(
                rank,
                null.min(axis=0),
                null.max(axis=0),
                color=colour,
                alpha=0.3,
                linewidth=0,
                label="the same, by chance",
            )
        axes.axhline(DETECTED_F1, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(f"word, by rank (of {int(scored.sum()):,}; best {TOP} are summed up)")
        axes.set_ylabel("F1 of its best code")
        axes.legend(frameon=False, fontsize=7)


def best_words(one: StreamWords, found: WordList, types: Sequence[WordType], title: str, path: Path) -> None:
    """The best words: F1, held-out F1 with its interval, and what chance gives that word."""
    words = found.ranked()[:SHOWN].tolist()
    with figure(path, (6.5, 0.19 * max(len(words), 3) + 1.2)) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(title))
        if not words:
            axes.text(0.5, 0.5, "no word was scored", ha="center", va="center", transform=axes.transAxes)
            return
        y = np.arange(len(words))
        detection = found.detection
        low, high = (np.nan_to_num(end[words]) for end in (found.held_out_low, found.held_out_high))
        axes.hlines(y, low, high, color="C1", linewidth=1.5)
        axes.plot(detection.classic[words], y, "o", color="C0", markersize=4, label="F1")
        axes.plot(detection.held_out[words], y, "D", color="C1", markersize=4, label="held out, 95 % interval")
        axes.plot(found.null[words], y, "|", color="0.4", markersize=8, label="by chance")
        axes.set_yticks(y, [_name(types[w], int(one.tokens[w])) for w in words], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("F1")
        axes.legend(frameon=False, fontsize=7, loc="lower right")


def _name(word: WordType, tokens: int) -> str:
    language = f" ({word.language})" if word.language else ""
    return printable(f"{word.spelling[:24]}{language} × {tokens:,}")
