"""Bits per second of what is decoded: nominal, and what coders of order 0 and 1 would need."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.clusters import assign_rows
from probes.splits import halves
from probes.tokens.code_lengths import CodeLengths, code_lengths

NOMINAL = "nominal"
KINDS = (NOMINAL, "order-0", "order-0,held-out", "order-1", "order-1,held-out")
ONE_HALF = "too few utterances to code one half by the other"
NO_TOKENS = "the tokens lack it"
TOLERANCE = 0.01
"""Share by which a rate that is given may differ from that of the tokens."""


def check_rate(name: str, kbps: float | None, tokens: TokenStore | None) -> None:
    """Refuse a rate that is none, or not that of the tokens.

    Args:
        name: of the condition.
        kbps: kilobits per second as given, if so.
        tokens: that the condition was decoded from, if known.
    """
    if kbps is None:
        return
    if not (math.isfinite(kbps) and kbps > 0):
        raise HacError(f"--kbps: {name} has {kbps:g} kbit/s; expected a number above 0")
    if tokens is not None:
        nominal = sum(stream.kbps for stream in tokens.streams.values())
        if abs(kbps - nominal) > TOLERANCE * nominal:
            raise HacError(
                f"--kbps: {name} has {kbps:g} kbit/s, but the {len(tokens.streams)} streams of its tokens take "
                f"{nominal:.4g} (log2 of the codes x frames per second); leave --kbps out, or give what was decoded"
            )


def given_rate(kbps: float, n_utterances: int) -> Ratios:
    """A rate that was given: the same in each utterance."""
    return ratios.means(np.full(n_utterances, kbps))


class Rates:
    """Bit rates of sets of streams; every stream is coded once.

    Args:
        tokens: the store.
        ids: utterances that count, in order; those that the store lacks have no rate.
        languages: of each, for the halves.
        speakers: of each.

    Raises:
        HacError: the store has none of the utterances.
    """

    def __init__(
        self, tokens: TokenStore, ids: Sequence[str], languages: Sequence[str | None], speakers: Sequence[str | None]
    ) -> None:
        known = set(tokens.ids)
        self._n, self._places = len(ids), np.array([i for i, id in enumerate(ids) if id in known], np.int64)
        if not len(self._places):
            raise HacError(f"the tokens ({tokens.ids[0]!r}, ...) have none of the utterances ({ids[0]!r}, ...)")
        ids, languages, speakers = ([of[i] for i in self._places] for of in (ids, languages, speakers))
        self._tokens = tokens.select(ids)
        self._half = _half_of(ids, languages, speakers, self._seconds([*self._tokens.streams]))
        self._lengths: dict[str, CodeLengths] = {}

    def ratios(self, streams: Sequence[str]) -> dict[str, Ratios]:
        """Kilobits per second by kind: bits of all streams over seconds, of each utterance.

        Streams are coded one by one: what one knows of another is not used.
        """
        seconds = self._seconds(streams)
        bits = {NOMINAL: self._sum([self._nominal(self._tokens[name]) for name in streams])}
        for order in (0, 1):
            coded = [self._coded(name) for name in streams]
            bits[f"order-{order}"] = self._sum([each.plug_in[order] for each in coded])
            bits[f"order-{order},held-out"] = self._sum([each.held_out[order] for each in coded])
        return {kind: self._ratio(bits[kind], seconds) for kind in KINDS}

    def _coded(self, name: str) -> CodeLengths:
        if name not in self._lengths:
            self._lengths[name] = code_lengths(self._tokens[name], self._half)
        return self._lengths[name]

    def _seconds(self, streams: Sequence[str]) -> NDArray[np.float64]:
        """Duration of each utterance: that of its longest stream."""
        rates = [(self._tokens[name].lengths, self._tokens[name].frame_rate) for name in streams]
        return np.asarray(np.max([lengths / float(rate) for lengths, rate in rates], axis=0))

    @staticmethod
    def _nominal(stream: Stream) -> NDArray[np.float64]:
        return np.asarray(stream.lengths * math.log2(stream.codebook_size))

    @staticmethod
    def _sum(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.asarray(np.sum(parts, axis=0))

    def _ratio(self, bits: NDArray[np.float64], seconds: NDArray[np.float64]) -> Ratios:
        above, below = np.full((2, self._n), np.nan)
        above[self._places], below[self._places] = bits / 1000, seconds
        reasons = [NO_TOKENS] * self._n
        for place, value in zip(self._places.tolist(), bits, strict=True):
            reasons[place] = "" if math.isfinite(value) else ONE_HALF
        return ratios.ratios(above, below, reasons)


def _half_of(
    ids: Sequence[str],
    languages: Sequence[str | None],
    speakers: Sequence[str | None],
    seconds: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The half of each utterance: speakers apart where there are two."""
    assigned = assign_rows(ids, languages, speakers)
    sizes = np.bincount(assigned.of_utterance, seconds * 1000, len(assigned.rows)).round().astype(np.int64)
    half, _ = halves(assigned.rows, sizes)
    return half[assigned.of_utterance]
