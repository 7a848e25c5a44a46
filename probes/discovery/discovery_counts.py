"""Counts of term discovery that add: over utterances, by cluster, and with each cluster left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import Tier
from hac.data.ragged import bounds_of, ranges
from probes.discovery import term_discovery
from probes.discovery.term_discovery import Phones, Utterance
from probes.nulls.circular_shift import Ints, Rings

SUMS = ("token_hits", "segments", "words", "edges_hit", "edges_found", "edges", "covered", "phones")
"""Counts of an utterance that simply add."""
SETS = ("type_hits", "types_seen", "types")
"""Sets of an utterance that are united."""


@dataclass(frozen=True)
class PairCounts:
    """Edit distances of all pairs in a class; index 0 is the corpus, index c + 1 the corpus without cluster c.

    Attributes:
        pairs: int64 [1 + n_clusters], pairs of segments in one class.
        distance: float64 [1 + n_clusters], sum of their normalized edit distances; None where comparing was refused.
        comparisons: pairs of different transcriptions in a class: what must be compared.
    """

    pairs: NDArray[np.int64]
    distance: NDArray[np.float64] | None
    comparisons: int


@dataclass(frozen=True)
class DiscoveryCounts:
    """What one segmentation found.

    Attributes:
        sums: by name of `SUMS`, int64 [n_clusters].
        sets: by name of `SETS`, int64 [1 + n_clusters]: how many in the corpus, and without each cluster in turn.
        ned: see `PairCounts`.
        kept: segments that counted, equal ones in different classes apart.
    """

    sums: Mapping[str, NDArray[np.int64]]
    sets: Mapping[str, NDArray[np.int64]]
    ned: PairCounts
    kept: int


def count(
    phones: Tier,
    words: Tier,
    segments: Tier,
    cluster_of: NDArray[np.int64],
    n_clusters: int,
    max_pairs: int,
    silence: bool = True,
) -> DiscoveryCounts:
    """Count a segmentation against the gold tiers.

    Args:
        phones, words, segments, silence: as for `probes.discovery.term_discovery.count`.
        cluster_of: int64 [n_utterances], what is resampled or left out together.
        max_pairs: most comparisons that NED may take.
    """
    sums = {name: np.zeros(n_clusters, np.int64) for name in SUMS}
    owners: dict[str, dict[Hashable, int]] = {name: {} for name in SETS}
    classes: dict[int, dict[Phones, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    counted = term_discovery.count(phones, words, segments, silence)
    kept = 0
    for cluster, utterance in zip(cluster_of.tolist(), counted, strict=True):
        for name in SUMS:
            sums[name][cluster] += getattr(utterance, name)
        _own(owners, utterance, cluster)
        kept += len(utterance.classes)
        for label, phones_of in utterance.classes:
            classes[label][term_discovery.spoken(phones_of)][cluster] += 1
    sets = {name: _sizes(owned, n_clusters) for name, owned in owners.items()}
    return DiscoveryCounts(sums, sets, count_pairs(classes, n_clusters, max_pairs), kept)


_SEVERAL = -1


def _own(owners: Mapping[str, dict[Hashable, int]], utterance: Utterance, cluster: int) -> None:
    """Note of each member of a set which cluster has it, or that several have."""
    for name, owned in owners.items():
        for member in getattr(utterance, name):
            if owned.setdefault(member, cluster) != cluster:
                owned[member] = _SEVERAL


def _sizes(owned: Mapping[Hashable, int], n_clusters: int) -> NDArray[np.int64]:
    """A set's size, and its size without each cluster: what only that cluster has is then missing."""
    alone = [cluster for cluster in owned.values() if cluster != _SEVERAL]
    only = np.bincount(np.array(alone, np.int64), minlength=n_clusters)
    return len(owned) - np.concatenate([[0], only]).astype(np.int64)


def count_pairs(
    classes: Mapping[int, Mapping[Phones, Mapping[int, int]]], n_clusters: int, max_pairs: int
) -> PairCounts:
    """Compare all pairs of segments in each class, equal transcriptions once.

    Args:
        classes: class -> transcription without silence -> cluster -> count of segments.
        max_pairs: most comparisons; where more would be needed, none is made.
    """
    tde = term_discovery.package()
    comparisons = sum(len(strings) * (len(strings) - 1) // 2 for strings in classes.values())
    pairs = np.zeros(1 + n_clusters, np.int64)
    distance = np.zeros(1 + n_clusters)
    for label in sorted(classes):
        strings = sorted(classes[label])
        left = _left(strings, classes[label], n_clusters)
        n = left.sum(axis=0)
        pairs += n * (n - 1) // 2
        if comparisons <= max_pairs:
            distance += _distances(tde, strings, left.astype(np.float64))
    return PairCounts(pairs, distance if comparisons <= max_pairs else None, comparisons)


def _left(strings: Sequence[Phones], counts: Mapping[Phones, Mapping[int, int]], n_clusters: int) -> NDArray[np.int64]:
    """How many segments have each transcription, in all and without each cluster: int64 [n_strings, 1 + n_clusters]."""
    left = np.zeros((len(strings), 1 + n_clusters), np.int64)
    for i, string in enumerate(strings):
        for cluster, n in counts[string].items():
            left[i] += n
            left[i, 1 + cluster] -= n
    return left


def _distances(tde: SimpleNamespace, strings: Sequence[Phones], members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the distances of all pairs of one class: float64 [1 + n_clusters], as `members` has columns.

    Two different strings make n m pairs, a string with itself n (n - 1) / 2.
    """
    total = np.zeros(members.shape[1])
    for i, a in enumerate(strings):
        row = np.array([term_discovery.edit_distance(tde, a, b) for b in strings[:i]])
        total += members[i] * (row @ members[:i])
        total += term_discovery.edit_distance(tde, a, a) * members[i] * (members[i] - 1) / 2
    return total


def pairs_in_classes(segments: Tier) -> int:
    """Pairs of segments of one class: what NED is a mean over."""
    n = np.bincount(segments.labels, minlength=1).astype(np.int64)
    return int((n * (n - 1) // 2).sum())


def shifted(segments: Tier, durations_us: Ints, rings: Rings, shifts_us: Ints) -> Tier:
    """The segments moved to an earlier time, circularly in each ring of utterances.

    One that comes to lie across the end of an utterance is cut there, each part in the class of the whole: what is held
    in time stays the same, and at most one segment more comes about for each utterance where they do not overlap. Where
    segments begin and end with the utterance, that edge comes to lie within another one: the null has one edge more
    that can be right.

    Args:
        segments: within their utterances.
        durations_us: int64 [n_utterances].
        rings: of the utterances.
        shifts_us: int64 [n_rings], microseconds.
    """
    # all rings on one line of time, utterance after utterance
    line = bounds_of(durations_us[rings.order])
    at = np.argsort(rings.order)[segments.utterance_index()]
    ring = np.repeat(np.arange(len(rings.keys)), np.diff(rings.bounds))[at]
    start, end = line[rings.bounds[ring]], line[rings.bounds[ring + 1]]
    onset = start + (line[at] - start + segments.onset_us - shifts_us[ring]) % np.maximum(end - start, 1)
    offset = onset + segments.offset_us - segments.onset_us
    over = offset > end
    labels = np.append(segments.labels, segments.labels[over])
    onset, offset = np.append(onset, start[over]), np.append(np.minimum(offset, end), (offset - end + start)[over])
    # cut where utterances end
    first = np.searchsorted(line, onset, "right") - 1
    n = np.searchsorted(line, offset, "left") - first
    at, labels = ranges(first, n), np.repeat(labels, n)
    onset, offset = np.maximum(np.repeat(onset, n), line[at]), np.minimum(np.repeat(offset, n), line[at + 1])
    lasts = offset > onset  # an utterance between the two may last no time
    at, labels, onset, offset = (column[lasts] for column in (at, labels, onset, offset))
    order = np.lexsort((labels, offset, onset, rings.order[at]))
    return replace(
        segments,
        bounds=bounds_of(np.bincount(rings.order[at], minlength=len(segments.ids))),
        labels=labels[order],
        onset_us=(onset - line[at])[order],
        offset_us=(offset - line[at])[order],
    )


def words_to_find(words: Tier, phones: Tier, silent: Iterable[str]) -> tuple[Tier, dict[str, int]]:
    """The gold words that can be found, and how many could not be and why.

    Args:
        words: as they were found.
        phones: a partition of each utterance of the words.
        silent: labels of silence and noise.

    Returns:
        The words without those that have no duration, and without those over which there is no phone but silence and
        noise; and the counts `found`, `without_duration`, `without_phones`, `edges_within_phones` (words kept whose
        onset or offset is no edge of a phone: they hold a part of a neighbour's phone, and so does what finds them).
    """
    is_silent = np.isin(np.array(phones.vocabulary), list(silent))[phones.labels]
    # all utterances on one line, far enough apart
    longest = int(max(words.offset_us.max(initial=0), phones.offset_us.max(initial=0))) + 1
    word_base, phone_base = (tier.utterance_index() * longest for tier in (words, phones))
    onset, offset = words.onset_us + word_base, words.offset_us + word_base
    start, end = (phones.onset_us + phone_base)[~is_silent], (phones.offset_us + phone_base)[~is_silent]
    lasting = words.offset_us > words.onset_us
    spoken = np.searchsorted(end, onset, "right") < np.searchsorted(start, offset, "left")
    keep = lasting & spoken
    edges = np.concatenate([phones.onset_us + phone_base, phones.offset_us + phone_base])
    off = ~(np.isin(onset, edges) & np.isin(offset, edges))
    counts = {
        "found": words.n_intervals,
        "without_duration": int((~lasting).sum()),
        "without_phones": int((lasting & ~spoken).sum()),
        "edges_within_phones": int((off & keep).sum()),
    }
    return words.where(keep), counts
