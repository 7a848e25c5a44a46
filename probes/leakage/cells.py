"""How often codes meet labels, alone or given the codes of another stream: sums that information is made of.

With n(f, a, b) the frames that have label f, code a and, in the given stream, code b, and S the sum of n log n over all
such cells (of the frames that have a label at all):

    N I(f; a | b) = S(f, a, b) - S(a, b) - S(f, b) + S(b),        N H(f | b) = S(b) - S(f, b)

Where nothing is given, b is one and the same. Each S has one term for each n that occurs, times the number of cells
that hold n frames. So no order of frames, utterances or codes can move a bit of it, and equal counts give differences
of exactly zero.

Intervals are made from what each S is without each cluster of frames: only the cells that hold any of its frames lose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import take
from hac.data.tokens.token_store import Stream
from probes.leakage import kernels
from probes.leakage.factors import Labels

Ints = NDArray[np.int64]
Codes = NDArray[np.integer[Any]]
"""uint16 or int32."""
Clusters = NDArray[np.int16]
MOST_CODES = 1 << 24
"""Codebooks up to this size are renumbered by a table."""
MOST_CELLS = 1 << 18
"""Codes x labels that are counted in one table; beyond, it would not stay near the processor."""
TABLE = 1 << 12
"""Values of n log n that are looked up instead of computed."""
N_LOG_N: NDArray[np.float64] = np.arange(TABLE, dtype=np.float64) * np.log(np.maximum(np.arange(TABLE), 1.0))
NO_CLUSTERS: NDArray[np.float64] = np.empty(0)


@dataclass(frozen=True)
class Coded:
    """A stream as it is counted: codes that occur, numbered from 0.

    Attributes:
        codes: uint16 or int32 [n_frames].
        n_codes: codes in use.
        begins: bool [n_frames], where a run of equal codes begins.
    """

    name: str
    codes: Codes
    n_codes: int
    begins: NDArray[np.bool_]


@dataclass(frozen=True)
class Given:
    """All frames in the order of the codes of a given stream; what is counted under it is laid out in that order.

    Attributes:
        n_codes: given codes in use.
        codes: [n_frames], the given code of each frame.
        order: int32 [n_frames], frames by code, in order of time within a code.
        rank: int32 [n_frames], place of each frame in `order`.
    """

    n_codes: int
    codes: Codes
    order: NDArray[np.int32]
    rank: NDArray[np.int32]

    def placed(self, codes: Codes) -> Codes:
        """Codes of the frames, in this order."""
        return codes if self.n_codes == 1 else codes[self.order]


@dataclass(frozen=True)
class Cells:
    """The frames that have a label, grouped by given code and label, and by cluster within a cell.

    Attributes:
        places: int32 [n], places in the order of `Given`.
        clusters: [n], cluster of each.
        bounds: int64 [n_cells + 1].
    """

    places: NDArray[np.int32]
    clusters: Clusters
    bounds: Ints


@dataclass(frozen=True)
class Sums:
    """Sum of n log n over cells.

    Attributes:
        lost: float64 [n_clusters], what it loses without each cluster; empty where that was not asked for.
    """

    total: float
    lost: NDArray[np.float64]

    @property
    def without(self) -> NDArray[np.float64]:
        """The sum without each cluster."""
        return self.total - self.lost


def coded(stream: Stream) -> Coded:
    """A stream ready to be counted."""
    values = stream.used_codes()
    few = len(values) <= np.iinfo(np.uint16).max
    if stream.codebook_size <= MOST_CODES:
        table: Codes = np.zeros(stream.codebook_size, np.uint16 if few else np.int32)
        table[values] = np.arange(len(values))
        codes = table[stream.codes]
    else:
        codes = np.searchsorted(values, stream.codes).astype(np.int32)
    begins = np.zeros(len(codes), np.bool_)
    begins[stream.run_starts()] = True
    return Coded(stream.name, codes, len(values), begins)


def given_order(stream: Coded | None, n_frames: int) -> Given:
    """The order of frames under a given stream; None: nothing is given."""
    frames = np.arange(n_frames, dtype=np.int32)
    if stream is None:
        return Given(1, np.zeros(n_frames, np.uint16), frames, frames)
    order = _sorted_by(frames, stream.codes, stream.n_codes)
    rank = np.empty_like(order)
    rank[order] = frames
    return Given(stream.n_codes, stream.codes, order, rank)


def by_label(labels: Labels, n_labels: int, clusters: Clusters, n_clusters: int) -> NDArray[np.int32]:
    """The frames that have a label, by label and, within one, by cluster: int32 [n]."""
    defined = np.flatnonzero(labels >= 0).astype(np.int32)
    return _sorted_by(_sorted_by(defined, clusters, n_clusters), labels, n_labels)


def by_utterance_label(labels: Labels, clusters: Clusters, bounds: Ints) -> NDArray[np.int32]:
    """The same where the labels and clusters are those of whole utterances, which is quicker."""
    utterances = np.lexsort((clusters, labels))
    utterances = utterances[labels[utterances] >= 0]
    return take(bounds, utterances)[0].astype(np.int32)


def cells(given: Given, frames: NDArray[np.int32], labels: Labels, clusters: Clusters) -> Cells:
    """Group frames, from `by_label`, by given code and label."""
    counts = np.bincount(given.codes[frames], minlength=given.n_codes)
    ends = np.cumsum(counts)
    places, label, cluster = np.empty_like(frames), np.empty_like(frames), np.empty(len(frames), clusters.dtype)
    kernels.place_cells(frames, given.codes, labels, clusters, given.rank, ends - counts, places, label, cluster)
    bounds = np.empty(len(frames) + 1, np.int64)
    n = kernels.find_cells(np.append(0, ends), label, bounds)
    return Cells(places, cluster, bounds[: n + 1].copy())


def _sorted_by(order: NDArray[np.int32], key: NDArray[Any], n_keys: int) -> NDArray[np.int32]:
    counts = np.bincount(key[order], minlength=max(n_keys, 1))
    out = np.empty_like(order)
    kernels.sort_by(order, key, np.cumsum(counts) - counts, out)
    return out


class Counter:
    """Counts codes in cells; keeps its scratch arrays from one count to the next."""

    def __init__(self, n_codes: int, n_clusters: int) -> None:
        self._own = np.zeros(max(n_codes, 1), np.int32)
        self._mine = np.zeros_like(self._own)
        self._n_clusters = n_clusters

    def count(self, cells: Cells, codes: Codes, without_each: bool = False) -> Sums:
        """Sum of n log n over (cell, code).

        Args:
            codes: code of each place in the order of `Given`.
            without_each: whether the sum without each cluster is wanted.
        """
        sizes = np.diff(cells.bounds)
        reach = np.zeros(int(sizes.max(initial=0)), np.int64)
        lost = np.zeros(self._n_clusters) if without_each else NO_CLUSTERS
        where = (cells.places, cells.clusters, cells.bounds, codes)
        most = kernels.count_cells(*where, self._own, self._mine, reach, N_LOG_N, lost)
        return Sums(total_of(reach[:most]), lost)

    def sizes(self, cells: Cells) -> Sums:
        """Sum of n log n over the cells themselves, and without each cluster."""
        return self.count(cells, np.zeros(int(cells.places.max(initial=-1)) + 1, np.uint16), without_each=True)


@dataclass(frozen=True)
class Marginals:
    """Sums over the cells of a factor and a stream where nothing is given.

    Attributes:
        both, labels, codes, frames: over cells of label and code, of label, of code, and over all frames at once.
        n: frames that have a label.
        n_by: int64 [n_clusters], the same by cluster; empty where it was not asked for.
    """

    both: Sums
    labels: Sums
    codes: Sums
    frames: Sums
    n: int
    n_by: Ints


def marginals(
    labels: Labels, n_labels: int, codes: Codes, n_codes: int, clusters: Clusters, n_clusters: int
) -> Marginals:
    """The same sums by a table of codes x labels, in a third of the time where that is small.

    Args:
        labels, codes, clusters: of every frame.
        n_labels, n_codes: how many there are.
        n_clusters: likewise; 0: the sums without each cluster are not wanted.
    """
    table = np.zeros((n_codes, 1 + n_labels), np.int32)
    kernels.count_table(labels, codes, table)
    cells = table[:, 1:]
    of_label, of_code = cells.sum(axis=0, dtype=np.int64), cells.sum(axis=1, dtype=np.int64)
    n = int(of_label.sum())
    n_by, lost = np.zeros(n_clusters, np.int64), [NO_CLUSTERS] * 4
    if n_clusters:
        order = _sorted_by(np.arange(len(codes), dtype=np.int32), clusters, n_clusters)
        of = np.zeros((n_clusters, 3))
        kernels.lose_table(order, labels, codes, clusters, table, of_label, of_code, N_LOG_N, of, n_by)
        lost = [of[:, 0], of[:, 1], of[:, 2], _n_log_n(n) - _n_log_n(n - n_by)]
    totals = [_total(*np.unique(counts[counts > 0], return_counts=True)) for counts in (cells, of_label, of_code)]
    whole = _total(np.array([n]), np.array([1]))
    both, label, code, frames = (Sums(*each) for each in zip((*totals, whole), lost, strict=True))
    return Marginals(both, label, code, frames, n, n_by)


def _n_log_n(n: Ints | int) -> NDArray[np.float64]:
    return np.asarray(n * np.log(np.maximum(n, 1)))


def total_of(reach: Ints) -> float:
    """Sum of n log n of the cells behind `reach`, which ends with the most frames of a cell."""
    times = reach - np.append(reach[1:], 0)
    values = np.flatnonzero(times) + 1
    return _total(values, times[values - 1])


def _total(values: NDArray[Any], times: Ints) -> float:
    """Sum of n log n: one term for each n that occurs, in ascending order."""
    n = values.astype(np.float64)
    return float((times * (n * np.log(np.maximum(n, 1.0)))).sum())
