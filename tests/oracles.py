"""Slow loops that are obviously right, in plain Python and exact fractions. They share no code with the product."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

Interval = tuple[str | None, int, int]
"""Label (None: left out), onset and offset in microseconds."""
Joint = dict[tuple[str, int], Fraction]
"""How much of each (label, code): seconds under `duration`, a number of frames or grid points elsewhere."""
Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")

GRID_HZ = 100


def rotate(codes: Sequence[T], shift: int) -> list[T]:
    """Circular shift: frame t gets the code of frame t + shift."""
    return [codes[(t + shift) % len(codes)] for t in range(len(codes))]


def splitmix64(state: int) -> int:
    """The next number of a SplitMix64 stream (Steele, Lea and Flood 2014)."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def hash64(text: str) -> int:
    """64 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def shifted_over_speakers(
    codes: Mapping[str, Sequence[T]],
    voices: Mapping[str, tuple[str | None, str | None]],
    rate: Fraction,
    draw: int,
    seed: int,
) -> dict[str, list[T]]:
    """Each speaker's utterances end to end by the hash of their ids, shifted circularly as one, and cut again."""
    rings: dict[str, list[str]] = defaultdict(list)
    for id in codes:
        language, speaker = voices[id]
        rings[f"{language or ''}\t{speaker or ''}"].append(id)
    found = {}
    for name, members in rings.items():
        members.sort(key=hash64)
        laid = [code for id in members for code in codes[id]]
        n = len(laid)
        longest = max(len(codes[id]) for id in members) if len(members) > 1 else 0
        least = max(1, min(max(int(rate / 2), longest), n // 4))
        mixed = splitmix64(hash64(name) ^ splitmix64((seed * 2**20 + draw) % 2**64))
        shift = least + mixed % max(n - 2 * least + 1, 1) if n > 1 else 0
        laid = rotate(laid, shift)
        for id in members:
            found[id], laid = laid[: len(codes[id])], laid[len(codes[id]) :]
    return found


def joint(
    intervals: Sequence[Interval], codes: Sequence[int], rate: Fraction, convention: str, lag: Fraction | int = 0
) -> Joint:
    """How much of each label meets each code in one utterance, under a convention, by its definition."""
    found: Joint = defaultdict(Fraction)
    for frame, label, amount in CONVENTIONS[convention](intervals, len(codes), rate, Fraction(lag)):
        found[label, codes[frame]] += amount
    return dict(found)


def _frame(i: int, rate: Fraction, lag: Fraction) -> tuple[Fraction, Fraction]:
    """Where in the audio frame i belongs, in seconds."""
    return (i - lag) / rate, (i + 1 - lag) / rate


def _overlap(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> Fraction:
    return max(Fraction(0), min(a[1], b[1]) - max(a[0], b[0]))


def _seconds(interval: Interval) -> tuple[Fraction, Fraction]:
    return Fraction(interval[1], 1_000_000), Fraction(interval[2], 1_000_000)


def _label_at(time: Fraction, intervals: Iterable[Interval]) -> str | None:
    for interval in intervals:
        onset, offset = _seconds(interval)
        if onset <= time < offset:
            return interval[0]
    return None


Met = Iterable[tuple[int, str, Fraction]]


def _shared(intervals: Sequence[Interval], i: int, rate: Fraction, lag: Fraction) -> Iterable[tuple[str, Fraction]]:
    for interval in intervals:
        shared = _overlap(_frame(i, rate, lag), _seconds(interval))
        if shared and interval[0] is not None:
            yield interval[0], shared


def _duration(intervals: Sequence[Interval], n: int, rate: Fraction, lag: Fraction) -> Met:
    for i in range(n):
        for label, shared in _shared(intervals, i, rate, lag):
            yield i, label, shared


def _max_overlap(intervals: Sequence[Interval], n: int, rate: Fraction, lag: Fraction) -> Met:
    for i in range(n):
        shares: dict[str, Fraction] = {}  # in order of time, so that max() gives a tie to the earlier
        for label, shared in _shared(intervals, i, rate, lag):
            shares[label] = shares.get(label, Fraction(0)) + shared
        if shares:
            yield i, max(shares, key=lambda label: shares[label]), Fraction(1)


def _centre(intervals: Sequence[Interval], n: int, rate: Fraction, lag: Fraction) -> Met:
    for i in range(n):
        label = _label_at((i + Fraction(1, 2) - lag) / rate, intervals)
        if label is not None:
            yield i, label, Fraction(1)


def _hubert(intervals: Sequence[Interval], n: int, rate: Fraction, lag: Fraction) -> Met:
    repeated = [
        i for point in range(math.ceil(n * GRID_HZ / rate) + 1) if (i := math.floor(point * rate / GRID_HZ)) < n
    ]
    for point, i in enumerate(repeated):
        label = _label_at((point + Fraction(1, 2)) / GRID_HZ - lag / rate, intervals)
        if label is not None:
            yield i, label, Fraction(1)


CONVENTIONS: dict[str, Callable[[Sequence[Interval], int, Fraction, Fraction], Met]] = {
    "duration": _duration,
    "hubert": _hubert,
    "max-overlap": _max_overlap,
    "centre": _centre,
}


def add(tables: Iterable[Mapping[Key, Fraction]]) -> dict[Key, Fraction]:
    """The sum of tables."""
    total: dict[Key, Fraction] = defaultdict(Fraction)
    for table in tables:
        for key, amount in table.items():
            total[key] += amount
    return dict(total)


def marginals(table: Mapping[tuple[str, int], Fraction]) -> tuple[dict[str, Fraction], dict[int, Fraction]]:
    """Totals by label and by code."""
    labels = add({label: amount} for (label, _), amount in table.items())
    return labels, add({code: amount} for (_, code), amount in table.items())


def entropy(amounts: Iterable[Fraction]) -> float:
    """Entropy in nats by its definition."""
    amounts = [amount for amount in amounts if amount]
    total = sum(amounts)
    return -math.fsum(float(amount / total) * _log(amount / total) for amount in amounts)


def mutual_information(table: Mapping[tuple[str, int], Fraction]) -> float:
    """Sum of p log(p / (p_label p_code)), the ratio taken exactly."""
    by_label, by_code = marginals(table)
    total = sum(table.values())
    return math.fsum(
        float(amount / total) * _log(amount * total / (by_label[label] * by_code[code]))
        for (label, code), amount in table.items()
        if amount
    )


def pnmi(table: Mapping[tuple[str, int], Fraction]) -> float:
    """I(label; code) / H(label); NaN with fewer than two labels."""
    by_label, _ = marginals(table)
    if sum(1 for amount in by_label.values() if amount) < 2:
        return math.nan
    return mutual_information(table) / entropy(by_label.values())


def phone_purity(table: Mapping[tuple[str, int], Fraction]) -> float:
    """Share of time whose label is the most frequent one of its code."""
    best: dict[int, Fraction] = defaultdict(Fraction)
    for (_, code), amount in table.items():
        best[code] = max(best[code], amount)
    return float(sum(best.values()) / sum(table.values())) if any(table.values()) else math.nan


def cluster_purity(table: Mapping[tuple[str, int], Fraction]) -> float:
    """Share of time whose code is the most frequent one of its label."""
    return phone_purity({(str(code), place): table[label, code] for label, code, place in _transposed(table)})


def _transposed(table: Mapping[tuple[str, int], Fraction]) -> Iterable[tuple[str, int, int]]:
    places = {label: place for place, label in enumerate(sorted({label for label, _ in table}))}
    return [(label, code, places[label]) for label, code in table]


def scores(table: Mapping[tuple[str, int], Fraction]) -> dict[str, float]:
    """All scores of a table, by the names of the product."""
    by_label, _ = marginals(table)
    return {
        "pnmi": pnmi(table),
        "phone_purity": phone_purity(table),
        "cluster_purity": cluster_purity(table),
        "h_phone": entropy(by_label.values()) if any(table.values()) else math.nan,
    }


def resampled(tables: Sequence[Mapping[Key, Fraction]], drawn: Iterable[int]) -> dict[Key, Fraction]:
    """The sum of the tables that were drawn, each as often as it was."""
    return add(tables[c] for c in drawn)


def histogram(codes: Iterable[int]) -> Counter[int]:
    """How often each code occurs."""
    return Counter(codes)


def _log(x: Fraction) -> float:
    """Natural logarithm of an exact fraction, accurate near 1 too."""
    return math.log1p(float(x - 1)) if abs(x - 1) < Fraction(1, 2) else math.log(x)
