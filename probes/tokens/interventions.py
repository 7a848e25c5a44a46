"""Interventions on tokens: a level is silenced, kept alone, shuffled in time, or swapped in from another utterance.

What a level *carries* can be counted; what it *does* shows only when it is changed and the rest is held fixed. Each
intervention here is a pure function from a token store to a token store: what is decoded from the result differs from
the reference (`keep`: all levels as they are) through that level alone.

- `drop`: the level is silent, the others are heard.
- `alone`: only the level is heard.
- `shuffle`: the level's codes are permuted in time within each utterance, run by run (a run: frames in which all of
  its streams stay as they are), so that codes keep how often and how long they come, and only their order is lost.
- `swap`: the level's codes are those of another utterance, cut to the length or begun anew until it is filled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import ranges
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.utterance_keys import hashed_keys, utterance_keys

KEEP, ORIGINAL = "keep", "original"
"""The references: everything decoded as it is, and the recording itself."""
DROP, ALONE, SHUFFLE, SWAP = "drop", "alone", "shuffle", "swap"
INTERVENTIONS = (DROP, ALONE, SHUFFLE, SWAP)
ALL = "all"
"""What stands in the place of a level for the references."""

PARTNERS = (
    "another speaker, same language",
    "another speaker, another language",
    "an unknown speaker, same language",
    "an unknown speaker, another language",
    "the same speaker, same language",
    "the same speaker, another language",
)
"""Who an utterance is swapped with, best first."""


def levels_of(streams: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Levels of streams such as `acoustic.0`: those of one name before the dot; each stream, where that is one."""
    levels: dict[str, list[str]] = {}
    for name in streams:
        levels.setdefault(name.split(".")[0], []).append(name)
    if len(levels) == 1:
        return {name: (name,) for name in streams}
    return {level: tuple(names) for level, names in levels.items()}


def choose_levels(streams: Collection[str], asked: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The levels asked for: names of levels or of streams, or `name=stream,stream` for a group; all for none.

    Args:
        streams: names of the streams that there are, in order.
        asked: as given on the command line.

    Raises:
        HacError: there is no such level or stream, a name is used twice or is taken.
    """
    known = levels_of(streams)
    if not asked:
        return known
    chosen: dict[str, tuple[str, ...]] = {}
    for entry in asked:
        name, equals, members = (part.strip() for part in entry.partition("="))
        found = [part.strip() for part in members.split(",")] if equals else known.get(name, (name,))
        for stream in found:
            if stream not in streams:
                raise HacError(
                    f"--levels {entry!r}: there is no level or stream {stream!r}; the levels are {', '.join(known)}, "
                    f"the streams {', '.join(streams)}, and a group is written name=stream,stream"
                )
        if not name or name == ALL or name in chosen:
            what = f"{name!r} is given twice" if name in chosen else f"{name!r} cannot be a level's name"
            raise HacError(f"--levels {entry!r}: {what}; expected each level once, under a name of its own")
        chosen[name] = tuple(stream for stream in streams if stream in found)
    return chosen


def only(store: TokenStore, streams: Iterable[str]) -> TokenStore:
    """The store with these streams only, in its own order."""
    wanted = set(streams)
    return _with_streams(store, {name: stream for name, stream in store.streams.items() if name in wanted})


def without(store: TokenStore, streams: Iterable[str]) -> TokenStore:
    """The store without these streams."""
    return only(store, set(store.streams) - set(streams))


def shuffled(store: TokenStore, streams: Sequence[str], seed: int = 0) -> TokenStore:
    """The store with the runs of a level in another order within each utterance.

    All streams of the level are permuted alike, so that frames keep their codes together. The order depends on the
    seed and the utterance's id alone.

    Args:
        streams: the streams of the level, of one frame rate.
        seed: of the orders.

    Raises:
        HacError: the streams differ in length.
    """
    level = _level(store, streams)
    bounds = level[0].bounds
    stacked = np.stack([stream.codes for stream in level])
    order = np.arange(stacked.shape[1])
    for u, key in enumerate(utterance_keys(store.ids).tolist()):
        start, stop = int(bounds[u]), int(bounds[u + 1])
        order[start:stop] = start + _permuted(stacked[:, start:stop], np.random.default_rng([seed, key]))
    return _changed(store, {stream.name: stream.codes[order] for stream in level})


def _permuted(codes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
    """Frames of one utterance, int64 [t], with its runs in random order; codes [k, t]."""
    n = codes.shape[1]
    starts = np.flatnonzero(np.append(np.ones(min(n, 1), np.bool_), (codes[:, 1:] != codes[:, :-1]).any(axis=0)))
    lengths = np.diff(np.append(starts, n))
    picked = rng.permutation(len(starts))
    return ranges(starts[picked], lengths[picked])


def swapped(store: TokenStore, streams: Sequence[str], partners: NDArray[np.int64]) -> TokenStore:
    """The store with a level's codes taken from other utterances; see `tiled` for the length.

    Args:
        streams: the streams of the level, of one frame rate.
        partners: int64 [n_utterances], the place in the store of each utterance's partner. An utterance whose partner
            has no frames keeps its own codes.

    Raises:
        HacError: the streams differ in length.
    """
    level = _level(store, streams)
    bounds = level[0].bounds
    order = np.arange(bounds[-1])
    for u, partner in enumerate(partners.tolist()):
        start, stop = int(bounds[u]), int(bounds[u + 1])
        theirs = np.arange(bounds[partner], bounds[partner + 1])
        if len(theirs):
            order[start:stop] = tiled(theirs, stop - start)
    return _changed(store, {stream.name: stream.codes[order] for stream in level})


def tiled(values: NDArray[Any], n: int) -> NDArray[Any]:
    """The first n values, begun anew as often as it takes: what is swapped in, and what it is compared with."""
    if not len(values):
        raise ValueError("nothing can be tiled to a length")
    return values[np.arange(n) % len(values)]


@dataclass(frozen=True)
class Partners:
    """Whom each utterance is swapped with: places of partners, and their kinds in `PARTNERS`, int64 [n_utterances]."""

    of: NDArray[np.int64]
    kinds: NDArray[np.int64]

    def counts(self) -> dict[str, int]:
        """Count of utterances by kind of partner, those that occur, best first."""
        n = np.bincount(self.kinds, minlength=len(PARTNERS))
        return {kind: int(n[k]) for k, kind in enumerate(PARTNERS) if n[k]}


def choose_partners(
    ids: Sequence[str], languages: Sequence[str | None], speakers: Sequence[str | None], seed: int = 0
) -> Partners:
    """A partner for each utterance: of the best kind there is in `PARTNERS`, among those one by a hash of the ids.

    Args:
        ids: utterance ids, at least two.
        languages: language of each, None where unknown; unknown is a language like others.
        speakers: speaker of each, None where unknown; nobody knows whether an unknown speaker is another one.
        seed: another one gives other partners.

    Raises:
        HacError: there is only one utterance.
    """
    if len(ids) < 2:
        raise HacError(f"{len(ids)} utterance cannot be swapped with another; give more, or leave out swap")
    keys = utterance_keys(ids)
    voices, tongues = _numbered(speakers), _numbered(languages)
    chosen = np.zeros(len(ids), np.int64)
    kinds = np.zeros(len(ids), np.int64)
    for u, key in enumerate(keys):
        foreign = tongues != tongues[u]
        unknown = (voices < 0) | (voices[u] < 0)
        kind = np.where(unknown, 2, np.where(voices != voices[u], 0, 4)) + foreign
        kind[u] = len(PARTNERS)
        best = np.flatnonzero(kind == kind.min())
        chosen[u] = best[hashed_keys(keys[best], int(key), seed).argmin()]
        kinds[u] = kind[chosen[u]]
    return Partners(chosen, kinds)


def _numbered(names: Sequence[str | None]) -> NDArray[np.int64]:
    """A number for each name; -1 for None."""
    index = {name: i for i, name in enumerate(sorted({name for name in names if name is not None}))}
    return np.array([-1 if name is None else index[name] for name in names], np.int64)


def _level(store: TokenStore, streams: Sequence[str]) -> list[Stream]:
    """The streams of a level, which must have their frames in common."""
    level = [store[name] for name in streams]
    for stream in level[1:]:
        if not np.array_equal(stream.bounds, level[0].bounds):
            raise HacError(
                f"streams {level[0].name!r} and {stream.name!r} have other frames; a level's streams must have one "
                "frame rate: group them otherwise with --levels"
            )
    return level


def _changed(store: TokenStore, codes: Mapping[str, NDArray[np.int32]]) -> TokenStore:
    streams = {
        name: replace(stream, codes=codes[name]) if name in codes else stream for name, stream in store.streams.items()
    }
    return _with_streams(store, streams)


def _with_streams(store: TokenStore, streams: Mapping[str, Stream]) -> TokenStore:
    return TokenStore(store.ids, streams, store.provenance)
