"""Code lengths: entropies, slow loops, and a bracket around the truth."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.data.tokens.token_store import Stream
from probes.tokens.code_lengths import PRIOR_COUNTS, code_lengths


def stream(rows: list[list[int]], size: int = 8) -> Stream:
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Stream("units", size, Fraction(50), np.array([c for row in rows for c in row], np.int32), bounds)


def slow_bits(rows: list[list[int]], model: list[list[int]], size: int, prior: float) -> list[tuple[float, float]]:
    """Bits of each row, order 0 and 1, under the smoothed frequencies of `model`."""
    codes = Counter(c for row in model for c in row)
    pairs = Counter((a, b) for row in model for a, b in itertools.pairwise(row))
    contexts = Counter(a for row in model for a in row[:-1])
    total = sum(codes.values())

    def p0(c: int) -> float:
        return (codes[c] + 0.5) / (total + size / 2)

    found = []
    for row in rows:
        zero = -sum(math.log2(p0(c)) for c in row)
        one = -math.log2(p0(row[0])) if row else 0.0
        for a, b in itertools.pairwise(row):
            one -= math.log2((pairs[a, b] + prior * p0(b)) / (contexts[a] + prior))
        found.append((zero, one))
    return found


ROWS = st.lists(st.lists(st.integers(0, 5), max_size=9), min_size=2, max_size=6).filter(
    lambda rows: all(any(rows[side::2]) for side in (0, 1))
)


@given(rows=ROWS)
def test_held_out_bits_are_the_slow_ones(rows: list[list[int]]) -> None:
    half = np.arange(len(rows)) % 2
    found = code_lengths(stream(rows), half).held_out
    for side in (0, 1):
        here, other = rows[side::2], rows[1 - side :: 2]
        by_prior = [slow_bits(here, other, 8, prior) for prior in PRIOR_COUNTS]
        assert found[0][side::2] == pytest.approx([zero for zero, _ in by_prior[0]])
        assert any(found[1][side::2] == pytest.approx([one for _, one in bits]) for bits in by_prior)


@given(rows=ROWS)
def test_plug_in_bits_add_up_to_entropies(rows: list[list[int]]) -> None:
    found = code_lengths(stream(rows), np.arange(len(rows)) % 2).plug_in
    codes = Counter(c for row in rows for c in row)
    total = sum(codes.values())
    assert found[0].sum() == pytest.approx(-sum(n * math.log2(n / total) for n in codes.values()))
    pairs = Counter((a, b) for row in rows for a, b in itertools.pairwise(row))
    contexts = Counter(a for row in rows for a in row[:-1])
    first = sum(-math.log2(codes[row[0]] / total) for row in rows if row)
    assert found[1].sum() == pytest.approx(first - sum(n * math.log2(n / contexts[a]) for (a, _), n in pairs.items()))


def test_the_truth_lies_between_plug_in_and_held_out() -> None:
    """A Markov chain of known entropy, far too short for its codebook: one side under, the other over."""
    rng = np.random.default_rng(0)
    size, n = 64, 200
    rows = []
    for _ in range(20):
        row = [int(rng.integers(size))]
        for _ in range(n - 1):
            row.append(row[-1] if rng.random() < 0.5 else int(rng.integers(size)))
        rows.append(row)
    stay = 0.5 + 0.5 / size
    truth = -stay * math.log2(stay) - (size - 1) * (0.5 / size) * math.log2(0.5 / size)
    found = code_lengths(stream(rows, size), np.arange(20) % 2)
    low, high = (float(bits[1].sum()) / (20 * n) for bits in (found.plug_in, found.held_out))
    assert low < truth - 0.1
    assert truth < high < truth + 0.7
    assert float(found.plug_in[0].sum()) / (20 * n) < math.log2(size) < float(found.held_out[0].sum()) / (20 * n)


def test_constant_tokens_need_next_to_nothing() -> None:
    found = code_lengths(stream([[3] * 500, [3] * 500]), np.array([0, 1]))
    assert found.plug_in[0].tolist() == found.plug_in[1].tolist() == [0, 0]
    assert found.held_out[0].max() < 8
    assert found.held_out[1].max() < 8


def test_one_half_alone_cannot_be_held_out() -> None:
    assert np.isnan(code_lengths(stream([[1, 2], [2, 1]]), np.zeros(2, np.int64)).held_out[1]).all()
