"""Word discovery in plain Python, slow and from the definitions, and small corpora whose truth is known.

Times are whole milliseconds. The definitions share no code with the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from analysis.discovery.run import Outcome, Protocol, run
from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.results.schema import Record
from hac.data.alignments.alignment import Alignments, Tier, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import TokenStore

Stretch = tuple[str, int, int]
"""Label or class, onset and offset in ms."""
QUICK = Protocol(n_nulls=2, phone_policy="none")

LEXICON = {
    "cat": [("k", "a", "t")],
    "kat": [("k", "a", "t")],  # sounds like cat
    "a": [("a",), ("e", "i")],  # is said in two ways
    "tata": [("t", "a", "t", "a")],
    "nose": [("n", "ou", "z")],
}
PLAIN = {"cat": [("k", "a", "t")], "a": [("a",)], "tata": [("t", "a", "t", "a")], "nose": [("n", "ou", "z")]}
"""Every word said in one way, and no two alike."""


@dataclass(frozen=True)
class Speech:
    """One utterance: phones that touch from 0 on, the words over them, and segments."""

    phones: tuple[Stretch, ...]
    words: tuple[Stretch, ...]
    segments: tuple[Stretch, ...] = ()

    @property
    def end(self) -> int:
        return self.phones[-1][2] if self.phones else 0

    def found(self, *segments: Stretch) -> Speech:
        """The same with these segments."""
        return replace(self, segments=segments)


def say(*parts: tuple[str, Sequence[tuple[str, int]]]) -> Speech:
    """An utterance from words (empty: none, as over silence) and their phones with durations in ms."""
    phones: list[Stretch] = []
    words: list[Stretch] = []
    now = 0
    for word, spoken in parts:
        start = now
        for phone, ms in spoken:
            phones.append((phone, now, now + ms))
            now += ms
        if word:
            words.append((word, start, now))
    return Speech(tuple(phones), tuple(words))


def overlap(a: Stretch, b: Stretch) -> int:
    """Milliseconds that two stretches share."""
    return max(0, min(a[2], b[2]) - max(a[1], b[1]))


def held(segment: Stretch, phones: Sequence[Stretch]) -> list[Stretch]:
    """The phones of which a segment holds at least half, or at least 30 ms."""
    return [phone for phone in phones if (s := overlap(segment, phone)) and (2 * s >= phone[2] - phone[1] or s >= 30)]


def string(phones: Sequence[Stretch]) -> tuple[str, ...]:
    """Labels alone."""
    return tuple(label for label, _, _ in phones)


def shares(segment: Stretch, words: Sequence[Stretch]) -> list[tuple[Fraction, Stretch]]:
    """Share of each word that the segment holds, and the word; those it does not touch are left out."""
    return [(Fraction(s, word[2] - word[1]), word) for word in words if (s := overlap(segment, word))]


def word_of(segment: Stretch, speech: Speech) -> Stretch | None:
    """The word of which the segment holds the greatest share."""
    return max(shares(segment, speech.words), key=lambda pair: pair[0])[1] if shares(segment, speech.words) else None


def is_tied(segment: Stretch, speech: Speech) -> bool:
    """Whether two words come first equally: the package then takes either."""
    ranked = sorted((share for share, _ in shares(segment, speech.words)), reverse=True)
    return len(ranked) > 1 and ranked[0] == ranked[1]


def spelled(word: Stretch, speech: Speech) -> tuple[str, ...]:
    """The phones of a word: every one that it touches."""
    return string([phone for phone in speech.phones if overlap(word, phone)])


def hits(speech: Speech) -> set[tuple[Stretch, tuple[str, ...]]]:
    """Gold words found, with their phones."""
    found = set()
    for segment in speech.segments:
        word, seen = word_of(segment, speech), string(held(segment, speech.phones))
        if word and seen and spelled(word, speech) == seen:
            found.add((word, seen))
    return found


def exact_hits(speech: Speech) -> set[Stretch]:
    """Gold words whose very phones, not others that are called alike, a segment holds."""
    of_words = {tuple(p for p in speech.phones if overlap(word, p)): word for word in speech.words}
    return {of_words[mine] for s in speech.segments if (mine := tuple(held(s, speech.phones))) in of_words}


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Edit distance, by rows."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        new = [i]
        for j, y in enumerate(b, start=1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def ned_of(a: Sequence[str], b: Sequence[str]) -> Fraction:
    """Distance without silence over the longer length; 1 for two of no length."""
    a, b = [x for x in a if x != "sil"], [x for x in b if x != "sil"]
    longer = max(len(a), len(b))
    return Fraction(distance(a, b), longer) if longer else Fraction(1)


def totals(corpus: Sequence[Speech]) -> dict[str, int]:
    """All counts of a corpus that are whole numbers, by the product's names."""
    scored = [{s[1:] for s in speech.segments if held(s, speech.phones)} for speech in corpus]
    found = [hits(speech) for speech in corpus]
    of = [[held(s, speech.phones) for s in speech.segments if held(s, speech.phones)] for speech in corpus]
    starts = [{phones[0][1] for phones in mine} for mine in of]
    ends = [{phones[-1][2] for phones in mine} for mine in of]
    gold_starts, gold_ends = ([{w[i] for w in speech.words} for speech in corpus] for i in (1, 2))
    spoken = [[p for p in speech.phones if p[0] not in ("sil", "spn")] for speech in corpus]
    return {
        "token_hits": sum(len({word for word, _ in f}) for f in found),
        "segments": sum(map(len, scored)),
        "words": sum(len(speech.words) for speech in corpus),
        "edges_hit": sum(
            len((a & c) | (b & d)) for a, b, c, d in zip(starts, ends, gold_starts, gold_ends, strict=True)
        ),
        "edges_found": sum(len(a | b) for a, b in zip(starts, ends, strict=True)),
        "edges": sum(len(a | b) for a, b in zip(gold_starts, gold_ends, strict=True)),
        "covered": sum(
            sum(any(p in mine for mine in lists) for p in phones) for phones, lists in zip(spoken, of, strict=True)
        ),
        "phones": sum(map(len, spoken)),
        "type_hits": len({phones for f in found for _, phones in f}),
        "types_seen": len({string(mine) for lists in of for mine in lists}),
        "types": len({word for speech in corpus for word, _, _ in speech.words}),
    }


def pairs(corpus: Sequence[Speech]) -> list[Fraction]:
    """Normalized edit distance of every pair of segments of one class that hold a phone."""
    by_class: dict[str, list[tuple[str, ...]]] = {}
    for speech in corpus:
        for segment in speech.segments:
            if mine := held(segment, speech.phones):
                by_class.setdefault(segment[0], []).append(string(mine))
    return [ned_of(a, b) for strings in by_class.values() for a, b in combinations(strings, 2)]


@dataclass(frozen=True)
class World:
    """A corpus, and the same as the product's types."""

    speeches: tuple[Speech, ...]
    ids: tuple[str, ...] = ()
    speakers: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.speeches)
        object.__setattr__(self, "ids", self.ids or tuple(f"utt-{i:03d}" for i in range(n)))
        object.__setattr__(self, "speakers", self.speakers or (None,) * n)

    def tier(self, name: str) -> Tier:
        """`phones`, `words` or `segments` of all utterances."""
        rows = [
            (id, label, onset * 1000, offset * 1000)
            for id, speech in zip(self.ids, self.speeches, strict=True)
            for label, onset, offset in getattr(speech, name)
        ]
        return tier_from_rows(name, rows, ids=self.ids)

    @property
    def manifest(self) -> Manifest:
        rows = zip(self.ids, self.speeches, self.speakers, strict=True)
        return Manifest(
            Path(), tuple(Utterance(i, f"{n}.wav", s.end / 1e3, who, "en") for n, (i, s, who) in enumerate(rows))
        )

    @property
    def labels(self) -> Labels:
        """As read from files."""
        return Labels(self.manifest, Alignments({name: self.tier(name) for name in ("phones", "words")}, {}))

    def request(self, protocol: Protocol = QUICK, **more: Any) -> Request[Protocol]:
        """A whole request for a given segmentation."""
        return Request(TokenStore(self.ids, {}, {"tokenizer": "made up"}), self.labels, protocol, **more)

    def finding(self, *segments: Sequence[Stretch]) -> World:
        """The same with other segments, utterance by utterance."""
        return replace(self, speeches=tuple(s.found(*f) for s, f in zip(self.speeches, segments, strict=True)))


def make_world(n_speakers: int = 12, n_utterances: int = 24, n_words: int = 8, seed: int = 0) -> World:
    """Utterances of words of `PLAIN`, silence at both ends and now and then between; no segments yet."""
    rng = np.random.default_rng(seed)
    names = sorted(PLAIN)
    speeches = []
    for _ in range(n_utterances):
        parts: list[tuple[str, list[tuple[str, int]]]] = [("", [("sil", 151)])]
        for pick in rng.integers(0, len(names), n_words).tolist():
            spoken = [(phone, 2 * int(rng.integers(20, 60)) + 1) for phone in PLAIN[names[pick]][0]]
            parts.append((names[pick], spoken))
            if rng.random() < 0.2:
                parts.append(("", [("sil", 101)]))
        speeches.append(merged(say(*parts, ("", [("sil", 151)]))))
    return World(tuple(speeches), (), tuple(f"s{i % n_speakers:02d}" for i in range(n_utterances)))


def random_segments(world: World, n: int = 8, n_classes: int = 5, seed: int = 0) -> World:
    """Segments cut at random, most of which touch: they know nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for speech in world.speeches:
        cuts = sorted({0, speech.end, *rng.integers(1, speech.end, n - 1).tolist()})
        found.append([(str(rng.integers(n_classes)), a, b) for a, b in pairwise(cuts) if rng.random() < 0.7])
    return world.finding(*found)


@st.composite
def worlds(draw: st.DrawFn, max_utterances: int = 4) -> World:
    """Words said in several ways, silence and noise, and any segments at all.

    Durations are odd, so that no segment holds exactly half of a phone: there the package's floating point decides.
    """
    odd = st.integers(2, 60).map(lambda n: 2 * n + 1)
    speeches = []
    for _ in range(draw(st.integers(1, max_utterances))):
        parts = []
        for word in draw(st.lists(st.sampled_from(["", *LEXICON]), max_size=5)):
            phones = draw(st.sampled_from(LEXICON[word])) if word else (draw(st.sampled_from(["sil", "spn"])),)
            parts.append((word, [(phone, draw(odd)) for phone in phones]))
        speech = merged(say(*parts, ("", [("sil", draw(odd))])))
        edges = sorted({t for _, a, b in speech.phones for t in (a, b)})
        times = st.integers(0, speech.end) | st.sampled_from(edges)
        spans = draw(st.lists(st.tuples(times, times, st.sampled_from("xyz")), max_size=6))
        speeches.append(speech.found(*[(c, min(a, b), max(a, b)) for a, b, c in spans if a != b]))
    return World(tuple(speeches))


def merged(speech: Speech) -> Speech:
    """The same with neighbouring silences made one, as the partition has them."""
    phones: list[Stretch] = []
    for label, onset, offset in speech.phones:
        if phones and label == phones[-1][0] == "sil":
            phones[-1] = (label, phones[-1][1], offset)
        else:
            phones.append((label, onset, offset))
    return replace(speech, phones=tuple(phones))


# --- the product on them ---


def score(world: World, segments: str = "found", protocol: Protocol = QUICK, jobs: int = 1) -> Outcome:
    return run(world.request(protocol), jobs, {segments: world.tier("segments")})


def record(outcome: Outcome, metric: str, stream: str = "found") -> Record:
    return outcome.results.get(f"{stream}.discovery_{metric}")


def perfect(world: World) -> World:
    """Every word as a segment, the class its spelling."""
    return world.finding(*[speech.words for speech in world.speeches])
