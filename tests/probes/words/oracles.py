"""Words and codes by their definitions, in plain Python and exact fractions. They share no code with the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

Token = tuple[str, int, int]
"""Word, onset and offset in microseconds."""


@dataclass(frozen=True)
class Spoken:
    """One utterance: its word tokens, its codes, and the half of the corpus it belongs to."""

    words: tuple[Token, ...]
    codes: tuple[int, ...]
    half: int = 0


def frames_overlapping(token: Token, n: int, rate: Fraction) -> list[int]:
    """Frames that share some time with the token."""
    _, onset, offset = token
    return [i for i in range(n) if max(i / rate, _s(onset)) < min((i + 1) / rate, _s(offset))]


def is_near(i: int, token: Token, rate: Fraction, half_window: Fraction) -> bool:
    """Whether a token of a word lies within the window around a frame's centre, as the published code has it."""
    centre = (i + Fraction(1, 2)) / rate
    return centre - half_window <= _s(token[2]) and centre + half_window > _s(token[1])


def is_inside(i: int, token: Token, rate: Fraction) -> bool:
    """Whether a frame's centre lies in the token."""
    return _s(token[1]) <= (i + Fraction(1, 2)) / rate < _s(token[2])


def vg_hubert(spoken: Iterable[Spoken], rate: Fraction) -> dict[str, dict[int, tuple[Fraction, Fraction]]]:
    """Word -> code -> (precision, recall), both over word tokens."""
    held: dict[tuple[str, int], int] = defaultdict(int)
    of_word: dict[str, int] = defaultdict(int)
    of_code: dict[int, int] = defaultdict(int)
    for one in spoken:
        for token in one.words:
            of_word[token[0]] += 1
            for code in {one.codes[i] for i in frames_overlapping(token, len(one.codes), rate)}:
                held[token[0], code] += 1
                of_code[code] += 1
    made: dict[str, dict[int, tuple[Fraction, Fraction]]] = {word: {} for word in of_word}
    for (word, code), n in held.items():
        made[word][code] = (Fraction(n, of_code[code]), Fraction(n, of_word[word]))
    return made


def resdavenet(
    spoken: Iterable[Spoken], rate: Fraction, half_window: Fraction = Fraction(4, 100)
) -> dict[str, dict[int, tuple[Fraction, Fraction]]]:
    """Word -> code -> (precision over frames, recall over word tokens)."""
    near: dict[tuple[str, int], int] = defaultdict(int)
    of_code: dict[int, int] = defaultdict(int)
    held: dict[tuple[str, int], int] = defaultdict(int)
    of_word: dict[str, int] = defaultdict(int)
    for one in spoken:
        if not one.words:
            continue
        for i, code in enumerate(one.codes):
            of_code[code] += 1
            for word in {token[0] for token in one.words if is_near(i, token, rate, half_window)}:
                near[word, code] += 1
        for token in one.words:
            of_word[token[0]] += 1
            for code in {one.codes[i] for i in frames_overlapping(token, len(one.codes), rate)}:
                held[token[0], code] += 1
    made: dict[str, dict[int, tuple[Fraction, Fraction]]] = {word: {} for word in of_word}
    for (word, code), n in held.items():
        made[word][code] = (Fraction(near[word, code], of_code[code]), Fraction(n, of_word[word]))
    return made


DEFINITIONS = {"vg-hubert": vg_hubert, "resdavenet": resdavenet}


def f1(precision: Fraction, recall: Fraction) -> Fraction:
    """Harmonic mean, 0 where one is 0."""
    return 2 * precision * recall / (precision + recall) if precision and recall else Fraction(0)


def best(scores: Mapping[int, tuple[Fraction, Fraction]]) -> Fraction:
    """F1 of the best code."""
    return max((f1(*score) for score in scores.values()), default=Fraction(0))


def chosen(scores: Mapping[int, tuple[Fraction, Fraction]]) -> set[int]:
    """The codes that share the best F1, if it is above 0."""
    top = best(scores)
    return {code for code, score in scores.items() if top and f1(*score) == top}


def inside(spoken: Iterable[Spoken], rate: Fraction) -> dict[tuple[str, int], int]:
    """Frames by word and code whose centre lies in a token of the word."""
    found: dict[tuple[str, int], int] = defaultdict(int)
    for one in spoken:
        for token in one.words:
            for i, code in enumerate(one.codes):
                if is_inside(i, token, rate):
                    found[token[0], code] += 1
    return dict(found)


def tokens_of(spoken: Sequence[Spoken]) -> dict[str, int]:
    """How often each word is said."""
    found: dict[str, int] = defaultdict(int)
    for one in spoken:
        for word, _, _ in one.words:
            found[word] += 1
    return dict(found)


def _s(us: int) -> Fraction:
    return Fraction(us, 1_000_000)
