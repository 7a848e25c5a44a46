"""How many bits a stream needs: code lengths of its utterances under models of order 0 and 1.

Order 0 codes each token by how often it occurs; order 1 by how often it follows the token before it in the utterance
(the first token of an utterance is coded by order 0). Two lengths of each:

- `plug-in`: by the very frequencies of the corpus that is coded. Its mean is the plug-in entropy, H(c_t) or
  H(c_t | c_t-1), which lies *below* the true one where tokens are few for the codebook: no coder reaches it.
- `held-out`: by the frequencies of the other half of the utterances. A coder could do just that, so the length lies
  *above* the true entropy. The truth lies between the two (in expectation), and they meet as the corpus grows.

Held-out frequencies are smoothed, so that what never occurred can be coded: order 0 by half a count for every code
(Krichevsky and Trofimov 1981), order 1 by `b` counts dealt by the order-0 model (MacKay and Bauman Peto 1995, A
hierarchical Dirichlet language model); `b` is the power of 4 with the shortest leave-one-out code of the other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream

ORDERS = (0, 1)
PRIOR_COUNTS = tuple(float(4**k) for k in range(7))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CodeLengths:
    """Bits of each utterance, float64 [n_utterances], by order; held out, NaN throughout where a half has no tokens."""

    plug_in: Mapping[int, Floats]
    held_out: Mapping[int, Floats]


def code_lengths(stream: Stream, half: NDArray[np.int64]) -> CodeLengths:
    """Bits that every utterance of a stream takes; `half` int64 [n_utterances] is the half of each, 0 or 1."""
    of_token = np.repeat(np.arange(len(stream.lengths)), stream.lengths)
    tokens = _Tokens(stream, half[of_token])
    plug_in = {0: _plug_in_0(tokens), 1: _plug_in_1(tokens)}
    held = np.full((2, len(tokens.code)), np.nan)
    if all((tokens.half == side).any() for side in (0, 1)):
        for side in (0, 1):
            here = tokens.half == side
            held[:, here] = _Model(tokens, ~here).bits(tokens, here)
    return CodeLengths(
        {order: _by_utterance(bits, of_token, stream) for order, bits in plug_in.items()},
        {order: _by_utterance(held[order], of_token, stream) for order in ORDERS},
    )


class _Tokens:
    """All tokens with the one before each: -1 where an utterance begins."""

    def __init__(self, stream: Stream, half: NDArray[np.int64]) -> None:
        self.size = stream.codebook_size
        self.half = half
        self.code = stream.codes.astype(np.int64)
        self.before = np.concatenate([[-1], self.code[:-1]]).astype(np.int64) if len(self.code) else self.code
        begins = stream.bounds[:-1]
        self.before[begins[begins < len(self.code)]] = -1
        self.follows = self.before >= 0
        # pairs as numbers: they are counted by sorting, since a table of all would be mostly empty
        self.pair = np.where(self.follows, self.before * self.size + self.code, -1)


def _plug_in_0(tokens: _Tokens) -> Floats:
    _, place, count = np.unique(tokens.code, return_inverse=True, return_counts=True)
    return -np.log2(count[place] / len(tokens.code))


def _plug_in_1(tokens: _Tokens) -> Floats:
    bits = _plug_in_0(tokens)
    there = tokens.follows
    _, place, pairs = np.unique(tokens.pair[there], return_inverse=True, return_counts=True)
    _, origin, contexts = np.unique(tokens.before[there], return_inverse=True, return_counts=True)
    bits[there] = -np.log2(pairs[place] / contexts[origin])
    return bits


class _Model:
    """Smoothed frequencies of some of the tokens."""

    def __init__(self, tokens: _Tokens, chosen: NDArray[np.bool_]) -> None:
        codes, counts = np.unique(tokens.code[chosen], return_counts=True)
        self.codes, self.counts, self.size = codes, counts, tokens.size
        self.total = int(chosen.sum())
        linked = chosen & tokens.follows
        self.pairs, self.pair_counts = np.unique(tokens.pair[linked], return_counts=True)
        self.contexts, self.context_counts = np.unique(tokens.before[linked], return_counts=True)
        self.prior = self._best_prior()

    def p0(self, codes: NDArray[np.int64]) -> Floats:
        """Probability of each code."""
        return np.asarray((_looked_up(codes, self.codes, self.counts) + 0.5) / (self.total + 0.5 * self.size))

    def bits(self, tokens: _Tokens, chosen: NDArray[np.bool_]) -> Floats:
        """Bits of the chosen tokens by both orders: float64 [2, n]."""
        p0 = self.p0(tokens.code[chosen])
        seen = _looked_up(tokens.pair[chosen], self.pairs, self.pair_counts)
        after = _looked_up(tokens.before[chosen], self.contexts, self.context_counts)
        p1 = np.where(tokens.follows[chosen], (seen + self.prior * p0) / (after + self.prior), p0)
        return np.asarray(-np.log2(np.stack([p0, p1])))

    def _best_prior(self) -> float:
        """The prior count whose leave-one-out code of the model's own pairs is shortest."""
        seen = self.pair_counts - 1.0
        after = _looked_up(self.pairs // self.size, self.contexts, self.context_counts) - 1.0
        p0 = self.p0(self.pairs % self.size)
        lengths = [-float((self.pair_counts * np.log2((seen + b * p0) / (after + b))).sum()) for b in PRIOR_COUNTS]
        return PRIOR_COUNTS[int(np.argmin(lengths))]


def _looked_up(wanted: NDArray[np.int64], known: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats:
    """Count of each wanted value; 0 where it is not known."""
    if not len(known):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, counts[place], 0).astype(np.float64)


def _by_utterance(bits: Floats, of_token: NDArray[np.int64], stream: Stream) -> Floats:
    return np.bincount(of_token, bits, len(stream.lengths)).astype(np.float64)
