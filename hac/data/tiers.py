"""The tables an alignment is made of: columnar tiers and how they are built, selected and joined.

A tier holds every utterance at once. Nothing here loops over intervals in Python: a corpus of 5,567
utterances has some 400,000 phones, and selecting or joining them is a few numpy calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hac.data.ragged import bounds_of, bounds_where, take, utterance_of
from hac.errors import HacError

PHONES = "phones"
WORDS = "words"

Row = tuple[str, str, int, int]
"""Utterance id, label, onset and offset in microseconds."""


@dataclass(frozen=True)
class Tier:
    """One tier of every utterance, columnar: the intervals of utterance i are rows `bounds[i]:bounds[i + 1]`.

    Attributes:
        name: `phones` or `words`.
        ids: utterance ids, each once.
        bounds: int64 [n_utterances + 1], ascending.
        labels: int32 [n_intervals], indices into `vocabulary`.
        onset_us, offset_us: int64 [n_intervals], microseconds, half-open intervals, ascending in an
            utterance.
        vocabulary: label names; an input of the reader or sorted by name, never in order of appearance.
    """

    name: str
    ids: tuple[str, ...]
    bounds: NDArray[np.int64]
    labels: NDArray[np.int32]
    onset_us: NDArray[np.int64]
    offset_us: NDArray[np.int64]
    vocabulary: tuple[str, ...]

    @property
    def n_intervals(self) -> int:
        """Count of intervals over all utterances."""
        return len(self.labels)

    def utterance_index(self) -> NDArray[np.int64]:
        """int64 [n_intervals]: the index into `ids` of each interval's utterance."""
        return utterance_of(self.bounds)

    def is_not(self, label: str | None) -> NDArray[np.bool_]:
        """Which intervals have another label than this, bool [n_intervals]; all where it is None or unknown."""
        if label not in self.vocabulary:
            return np.ones(self.n_intervals, np.bool_)
        return np.asarray(self.labels != self.vocabulary.index(label))

    def rows(self) -> list[Row]:
        """Every interval as a plain tuple, for people and for tests; slow on a large corpus."""
        who = [self.ids[i] for i in self.utterance_index()]
        what = [self.vocabulary[i] for i in self.labels]
        return list(zip(who, what, self.onset_us.tolist(), self.offset_us.tolist(), strict=True))

    def select(self, ids: Iterable[str]) -> Tier:
        """The same tier for these utterances, each at most once, in this order; the vocabulary stays.

        Raises:
            HacError: an id is not in the tier, or is asked for twice.
        """
        wanted = tuple(ids)
        if wanted == self.ids:
            return self
        rows, bounds = take(self.bounds, self._positions(wanted))
        return self._with_rows(rows, bounds, wanted)

    def between(self, start: int, stop: int) -> Tier:
        """The tier of utterances `start` to `stop`; its columns are views."""
        bounds = self.bounds[start : stop + 1]
        return self._with_rows(slice(bounds[0], bounds[-1]), bounds - bounds[0], self.ids[start:stop])

    def where(self, keep: NDArray[np.bool_]) -> Tier:
        """The tier with only the intervals to keep, bool [n_intervals], of the same utterances."""
        return self if keep.all() else self._with_rows(keep, bounds_where(self.bounds, keep), self.ids)

    def _with_rows(
        self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice, bounds: NDArray[np.int64], ids: tuple[str, ...]
    ) -> Tier:
        columns = {name: getattr(self, name)[rows] for name in ("labels", "onset_us", "offset_us")}
        return replace(self, ids=ids, bounds=bounds, **columns)

    def _positions(self, wanted: tuple[str, ...]) -> NDArray[np.int64]:
        where = {id: i for i, id in enumerate(self.ids)}
        missing = [id for id in wanted if id not in where]
        if missing:
            raise HacError(
                f"{len(missing)} of {len(wanted)} utterances have no {self.name} alignment, the first is "
                f"{missing[0]!r}; align them, or leave them out of the manifest"
            )
        if len(set(wanted)) < len(wanted):
            twice = next(id for i, id in enumerate(wanted) if id in wanted[:i])
            raise HacError(f"utterance {twice!r} is asked for twice; expected each id once")
        return np.fromiter((where[id] for id in wanted), dtype=np.int64, count=len(wanted))


@dataclass(frozen=True)
class Alignments:
    """Tiers by name, and where they came from.

    Attributes:
        tiers: by tier name; two tiers need not cover the same utterances.
        provenance: what made them (aligner, files, versions), as JSON values.
    """

    tiers: Mapping[str, Tier]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def tier(self, name: str) -> Tier:
        """The tier of this name.

        Raises:
            HacError: there is none; the sentence lists those there are.
        """
        if name not in self.tiers:
            found = ", ".join(sorted(self.tiers)) or "none"
            raise HacError(f"the alignments have no tier {name!r} (tiers found: {found}); align with {name} first")
        return self.tiers[name]

    @property
    def phones(self) -> Tier:
        """The phone tier."""
        return self.tier(PHONES)

    @property
    def words(self) -> Tier:
        """The word tier."""
        return self.tier(WORDS)

    def select(self, ids: Iterable[str]) -> Alignments:
        """Every tier for these utterances, in this order; each tier must hold all of them.

        Raises:
            HacError: a tier lacks one of the ids.
        """
        wanted = tuple(ids)
        return replace(self, tiers={name: tier.select(wanted) for name, tier in self.tiers.items()})


def tier_from_rows(
    name: str,
    rows: Iterable[Row],
    vocabulary: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
) -> Tier:
    """A tier from rows of (id, label, onset_us, offset_us), in any order; by onset, then offset, in each utterance.

    Args:
        rows: the intervals; those of one utterance need not lie together or be sorted.
        vocabulary: the labels allowed, in the order to keep; by default those seen, sorted by name.
        ids: the utterances, in order, where some may have no interval; by default in order of appearance.

    Raises:
        HacError: a label is outside the vocabulary, or an id outside `ids`.
    """
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    labels, seen = _distinct(columns[1])
    onset_us = np.asarray(columns[2], dtype=np.int64)
    offset_us = np.asarray(columns[3], dtype=np.int64)
    utterances, found = _distinct(columns[0])
    return tier_from_columns(
        name,
        found,
        utterances,
        seen,
        labels,
        onset_us,
        offset_us,
        vocabulary=vocabulary,
        ids=ids,
    )


def tier_from_columns(
    name: str,
    found_ids: tuple[str, ...],
    utterances: NDArray[np.int64],
    found_labels: tuple[str, ...],
    labels: NDArray[np.int64],
    onset_us: NDArray[np.int64],
    offset_us: NDArray[np.int64],
    *,
    vocabulary: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
) -> Tier:
    """A tier from columns in any order, as `tier_from_rows`.

    Args:
        found_ids: the ids that `utterances` [n_intervals] indexes, each once.
        utterances: index of each interval's utterance.
        found_labels: the labels that `labels` [n_intervals] indexes, each once; unused ones are forgotten.
        labels: index of each interval's label.
        onset_us, offset_us: int64 [n_intervals].
        vocabulary: as in `tier_from_rows`.
        ids: as in `tier_from_rows`.

    Raises:
        HacError: as in `tier_from_rows`.
    """
    ids = tuple(found_ids if ids is None else ids)
    utterances = _recode(found_ids, ids)[utterances]
    if len(utterances) and utterances.min() < 0:
        unknown_id = next(id for id in found_ids if id not in set(ids))
        raise HacError(
            f"{name}: utterance {unknown_id!r} is not among the {len(ids)} expected; check the manifest's ids"
        )
    used = np.zeros(len(found_labels), dtype=bool)
    used[labels] = True
    seen = sorted(label for label, is_used in zip(found_labels, used, strict=True) if is_used)
    names = tuple(seen if vocabulary is None else vocabulary)
    coded = _recode(found_labels, names)[labels]
    unknown = np.flatnonzero(coded < 0)
    if len(unknown):
        raise unknown_label(name, found_labels[labels[unknown[0]]], ids[utterances[unknown[0]]], len(names))
    if not _in_order(utterances, onset_us, offset_us):
        order = np.lexsort((offset_us, onset_us, utterances))
        utterances, coded, onset_us, offset_us = (x[order] for x in (utterances, coded, onset_us, offset_us))
    bounds = bounds_of(np.bincount(utterances, minlength=len(ids)))
    return Tier(name, ids, bounds, coded.astype(np.int32), onset_us, offset_us, names)


def unknown_label(tier: str, label: str, id: str, size: int) -> HacError:
    """The one sentence for a label that the given label set lacks."""
    return HacError(
        f"{id}: label {label!r} of tier {tier!r} is not in the label set of {size} labels given; "
        "add it there, or map it with a phone map"
    )


def _distinct(names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """int64 [n] indices into the distinct names, and these in order of appearance."""
    encoded = pa.array(names, type=pa.string()).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), tuple(encoded.dictionary.to_pylist())


def _recode(old: Sequence[str], new: Sequence[str]) -> NDArray[np.int64]:
    """int64 [len(old)]: where each old name stands among the new ones, -1 where it does not."""
    where = {name: i for i, name in enumerate(new)}
    return np.fromiter((where.get(name, -1) for name in old), dtype=np.int64, count=len(old))


def _in_order(utterances: NDArray[np.int64], onset_us: NDArray[np.int64], offset_us: NDArray[np.int64]) -> bool:
    """Whether rows are already sorted by utterance, onset, offset: true of stores that we wrote."""
    step, onset, offset = np.diff(utterances), np.diff(onset_us), np.diff(offset_us)
    return bool(np.all((step > 0) | ((step == 0) & ((onset > 0) | ((onset == 0) & (offset >= 0))))))
