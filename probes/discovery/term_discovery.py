"""Segments meet gold words and phones, through the field's own scorer: the package `zerospeech-tde` (import `tde`).

What the package does (2.0.3), each point read in its source and tested in `tests/analysis/test_discovery.py`:

- A segment's transcription is every phone that it touches; the first and the last only where the segment holds at
  least 30 ms of it, or half of it if it is shorter than 60 ms (`tde.utils.check_boundary`). Durations are rounded to
  milliseconds there and halves are taken in floating point, so that a phone held by exactly half may go either way.
- A segment without a phone is thrown away. One over silence is kept: its transcription is `SIL`, it can hit no word,
  and it counts in the denominators of precision. So does silence at a segment's edge, 30 ms of it being enough.
- Equal stretches count once, whatever their class, except in NED, which goes by class.
- Token: the segment's word is the one of which it holds the greatest share; it is hit if the word's phones (every one
  that touches the word) are the segment's, label by label. A word is hit once at most.
- Type: a type that is seen or hit is a string of phones; a gold type is a word as it is spelt. So words that sound
  alike lower the recall, and a word pronounced in two ways can raise it above 1.
- Boundary: the outer edges of a segment's phones against those of the words; an edge that ends one and begins the
  next counts once.
- Coverage: the phones of the segments among all phones, `SIL` and `SPN` left aside.
- NED: the edit distance of the transcriptions (without `SIL`) over the longer one's length, for every pair in a class;
  1 for a pair of silences.

The package reads files, prints, and asserts; here it gets files with made-up ids and labels in a folder of its own,
says nothing, and is asked for its counts. Its counts of one utterance do not depend on the others, so it is asked
utterance by utterance, and what it counts adds. Its grouping score is left out: it holds every pair of segments in
memory at once, and sums them in an order that changes from run to run.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import Tier
from hac.data.phones.policy import NOISE, SILENCE
from hac.errors import HacError

PACKAGE = "zerospeech-tde"
CHUNK = 500
"""Utterances that the package holds in memory at a time; its trees take a kilobyte for each phone."""
_SILENCE, _NOISE = "SIL", "SPN"
"""What the package calls silence and noise."""

Phones = tuple[str, ...]
"""A transcription, in made-up names of phones; `SIL` and `SPN` are silence and noise."""


@dataclass(frozen=True)
class Utterance:
    """What the package counts in one utterance.

    Attributes:
        token_hits: gold words found.
        segments: different segments that hold a phone.
        edges_hit, edges_found, edges: boundaries found that are true, boundaries found, true ones.
        covered, phones: phones within a segment, and all phones.
        type_hits, types_seen: transcriptions that are a word's, and all transcriptions.
        types: gold words as they are spelt (their indices as text).
        classes: class (index) and transcription of every segment, in order of time.
    """

    token_hits: int
    segments: int
    words: int
    edges_hit: int
    edges_found: int
    edges: int
    covered: int
    phones: int
    type_hits: frozenset[Phones]
    types_seen: frozenset[Phones]
    types: frozenset[str]
    classes: tuple[tuple[int, Phones], ...]


def package() -> SimpleNamespace:
    """The parts of the package that are used.

    Raises:
        HacError: it is not installed.
    """
    try:
        from tde.measures.boundary import Boundary
        from tde.measures.coverage import Coverage
        from tde.measures.ned import Ned
        from tde.measures.token_type import TokenType
        from tde.readers.disc_reader import Disc
        from tde.readers.gold_reader import Gold
    except ImportError as error:
        raise HacError(
            f"term discovery is scored with the package {PACKAGE}, which is not installed ({error}); "
            "install it with: pip install 'hac-codec[discovery]'"
        ) from error
    return SimpleNamespace(Boundary=Boundary, Coverage=Coverage, Ned=Ned, TokenType=TokenType, Disc=Disc, Gold=Gold)


def count(phones: Tier, words: Tier, segments: Tier, silence: bool = True, chunk: int = CHUNK) -> Iterator[Utterance]:
    """Count each utterance; all three tiers are over the same utterances, in the same order.

    Args:
        phones: a partition of each utterance, `sil` and `spn` among the labels.
        words: the gold words, none without duration.
        segments: the segments, their labels being the classes.
        silence: whether segments that hold nothing but silence count; the package counts them.
        chunk: utterances that are counted at a time; changes nothing.

    Raises:
        HacError: the package is not installed.
    """
    tde = package()
    for start in range(0, len(phones.ids), chunk):
        block = range(start, min(start + chunk, len(phones.ids)))
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            gold = _gold(tde, Path(folder), phones, words, block)
            found = _segments(tde, Path(folder), gold, segments, block)
        for u in block:
            mine = found.get(f"u{u}", [])
            yield _count(tde, gold, f"u{u}", mine if silence else [s for s in mine if set(s[1][4]) != {_SILENCE}])


def edit_distance(tde: SimpleNamespace, a: Phones, b: Phones) -> float:
    """The package's normalized edit distance of two transcriptions: 0 to 1; 1 where both are empty."""
    return float(tde.Ned.pairwise_ned(a, b))


def spoken(phones: Iterable[str]) -> Phones:
    """A transcription without silence, as NED compares it."""
    return tuple(phone for phone in phones if phone != _SILENCE)


def _gold(tde: SimpleNamespace, folder: Path, phones: Tier, words: Tier, block: range) -> Any:
    special = {SILENCE: _SILENCE, NOISE: _NOISE}
    names = [special.get(label, f"p{i}") for i, label in enumerate(phones.vocabulary)]
    _write(folder / "gold.phn", _lines(phones, names, block))
    _write(folder / "gold.wrd", _lines(words, [f"w{i}" for i in range(len(words.vocabulary))], block))
    gold = tde.Gold(wrd_path=str(folder / "gold.wrd"), phn_path=str(folder / "gold.phn"))
    for u in block:
        # the package knows no utterance without words, though a segment there is a false one
        for tiers in (gold.words, gold.phones):
            if f"u{u}" not in tiers:
                tiers[f"u{u}"] = _empty_tree()
    return gold


def _empty_tree() -> Any:
    from intervaltree import IntervalTree

    return IntervalTree()


_Segment = tuple[int, tuple[str, float, float, tuple[tuple[float, float, str], ...], Phones]]
"""Class, and what the package keeps: id, onset, offset, phones with their times, transcription."""


def _segments(tde: SimpleNamespace, folder: Path, gold: Any, segments: Tier, block: range) -> dict[str, list[_Segment]]:
    """The segments that hold a phone, by made-up id, in order of class and time."""
    rows = slice(int(segments.bounds[block.start]), int(segments.bounds[block.stop]))
    by_class: dict[int, list[str]] = {}
    lines = _lines(segments, None, block)
    for label, line in zip(segments.labels[rows].tolist(), lines, strict=True):
        by_class.setdefault(label, []).append(line)
    text = "".join(f"Class {label}\n{''.join(by_class[label])}\n" for label in sorted(by_class))
    # its last line must be empty, even where there is no class
    _write(folder / "found.class", [text or "Class none\n\n"])
    disc = tde.Disc(str(folder / "found.class"), gold)
    found: dict[str, list[_Segment]] = {}
    for label, members in disc.clusters.items():
        for segment in members:
            found.setdefault(segment[0], []).append((int(label), segment))
    return found


def _count(tde: SimpleNamespace, gold: Any, id: str, found: Sequence[_Segment]) -> Utterance:
    up, down = gold.boundaries
    mine = SimpleNamespace(
        words={id: gold.words[id]}, phones={id: gold.phones[id]}, boundaries=({id: up[id]}, {id: down[id]})
    )
    # equal stretches of two classes are one interval, as in the package's reader
    disc = SimpleNamespace(intervals=list(dict.fromkeys(segment for _, segment in found)))
    tokens, coverage, boundary = tde.TokenType(mine, disc), tde.Coverage(mine, disc), tde.Boundary(mine, disc)
    tokens.compute_token_type()
    boundary.compute_boundary()
    return Utterance(
        token_hits=tokens.token_hit,
        segments=len(tokens.disc),
        words=tokens.n_token,
        edges_hit=boundary.n_discovered_boundary,
        edges_found=boundary.n_all_disc_boundary,
        edges=boundary.n_gold_boundary,
        covered=len(coverage.covered_phn),
        phones=coverage.n_phones,
        type_hits=frozenset(tokens.type_hit),
        types_seen=frozenset(tokens.type_seen),
        types=frozenset(tokens.all_type),
        classes=tuple((label, segment[4]) for label, segment in found),
    )


def _lines(tier: Tier, names: Sequence[str] | None, block: range) -> list[str]:
    """`id onset offset label` a line, or without the label; times exact in microseconds."""
    lines = []
    for u in block:
        rows = range(int(tier.bounds[u]), int(tier.bounds[u + 1]))
        for row in rows:
            label = f" {names[tier.labels[row]]}" if names else ""
            lines.append(f"u{u} {_seconds(tier.onset_us, row)} {_seconds(tier.offset_us, row)}{label}\n")
    return lines


def _seconds(times_us: NDArray[np.int64], row: int) -> str:
    whole, part = divmod(int(times_us[row]), 1_000_000)
    return f"{whole}.{part:06d}"


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(lines), encoding="ascii", newline="\n")
