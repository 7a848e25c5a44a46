"""Scores of one stream as word detectors: every number with two nulls and its interval, whole and in parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.results.schema import Record
from analysis.words.counting import FREQUENCY, Halves, WordProtocol, WordSource, scopes
from analysis.words.detection import (
    CLASSIC,
    HELD_OUT,
    Candidates,
    Definition,
    Detection,
    Scope,
    candidates,
    detect,
    summary,
)
from analysis.words.information import WordInformation, information, open_part, without_each
from analysis.words.intervals import Group, Picked, SummaryWithout, WordsWithout, group_of, score_without_each
from analysis.words.lists import BANDS, DIRECTIONS, METRICS, StreamWords, band_name, word_list
from analysis.words.records import word_record
from probes.clusters import Clusters, Row, clusters_of
from probes.words.word_codes import WordCounts, WordType

Floats = NDArray[np.float64]
Key = tuple[str, str]
"""Variant (classic or held out) and group."""
CHOSEN_ON_THE_SAME = "no interval: scored on the speech that the codes were chosen on, see held-out"


@dataclass(frozen=True)
class _NullDraw:
    """What one null draw scored: summaries by definition and key, F1 by definition (classic, held out), information."""

    summaries: dict[Definition, dict[Key, tuple[float, float, float]]]
    f1: dict[Definition, NDArray[np.float32]]
    information: dict[str, WordInformation]


def score_stream(
    source: WordSource, halves: Halves, protocol: WordProtocol, types: Sequence[WordType], jobs: int
) -> StreamWords:
    """Score one stream.

    Args:
        source: its counts.
        halves: rows and halves of the whole corpus.
        protocol: see `WordProtocol`.
        types: the vocabulary.
        jobs: processes for the null draws.
    """
    scorer = _Scorer(source, halves, protocol, types)
    first = scorer.source.draw(0)
    scorer.prepare(first)
    tasks = [(scorer, r) for r in range(1, 2 * protocol.n_nulls + 1)]
    nulls = parallel.run(_score_null, tasks, jobs=jobs, what=f"words of {source.name}: nulls")
    return scorer.score(first, nulls, jobs)


def _score_null(scorer: _Scorer, r: int) -> _NullDraw:
    return scorer.null(r)


def _without_each(
    scorer: _Scorer, first: WordCounts, definition: Definition
) -> tuple[list[Detection], dict[Key, SummaryWithout], WordsWithout]:
    return scorer.without_each(first, definition)


class _Scorer:
    """Scores the draws of one stream the same way, then turns them into records."""

    def __init__(self, source: WordSource, halves: Halves, protocol: WordProtocol, types: Sequence[WordType]) -> None:
        self.source, self.halves, self.protocol, self.types = source, halves, protocol, types
        self.chosen_from: dict[Definition, Candidates] = {}
        self.bands: dict[str, NDArray[np.bool_]] = {}
        self.tokens = np.empty(0, np.int64)

    def prepare(self, first: WordCounts) -> None:
        """Fix which words are scored; the nulls have the same frequencies."""
        everything = np.zeros(len(first.rows), np.int64)
        self.tokens = first.tokens_by(everything, 1)[:, 0]
        for definition in self.protocol.definitions:
            stops = self.protocol.stops(definition)
            self.chosen_from[definition] = candidates(self.types, self.tokens, self.protocol.min_count, stops)
        for least, most in BANDS:
            name = band_name(least, most)
            inside = (self.tokens >= least) & (self.tokens <= (most or math.inf))
            if inside.any() and (most is None or most >= self.protocol.min_count):
                self.bands[name] = inside

    def scopes(self, r: int) -> list[Scope]:
        rows, half = self.halves.of_draw(r)
        return scopes(rows, half, self.types)

    def null(self, r: int) -> _NullDraw:
        """Score a null draw."""
        counts, parts = self.source.draw(r), self.scopes(r)
        summaries, f1 = {}, {}
        for definition in self.protocol.definitions:
            found = [detect(counts, part, definition, self.chosen_from[definition]) for part in parts]
            summaries[definition] = self.summaries(parts, found)
            f1[definition] = found[0].f1[:, [0, 3]].astype(np.float32)
        return _NullDraw(summaries, f1, {part.name: information(counts, part.half) for part in parts})

    def summaries(self, parts: Sequence[Scope], found: Sequence[Detection]) -> dict[Key, tuple[float, float, float]]:
        """Count detected, mean of the top 250 and of all: classic and held out, by language, band and direction."""
        made = {}
        for part, one in zip(parts, found, strict=True):
            for variant, f1 in ((CLASSIC, one.classic), (HELD_OUT, one.held_out)):
                made[variant, part.name] = summary(f1[one.scored])
                if not part.name:
                    for name, inside in self.bands.items():
                        made[variant, name] = summary(f1[one.scored & inside])
        whole = found[0]
        for h, name in enumerate(DIRECTIONS):
            made[HELD_OUT, name] = summary(whole.f1[whole.scored_on(1 - h), 1 + h])
        return made

    def score(self, first: WordCounts, nulls: Sequence[_NullDraw], jobs: int) -> StreamWords:
        """All records of the stream."""
        parts = self.scopes(0)
        clusters = [_clusters(part, first.rows) for part in parts]
        records, lists = [], []
        tasks = [(self, first, definition) for definition in self.protocol.definitions]
        varied = parallel.run(_without_each, tasks, jobs=jobs, what=f"words of {self.source.name}: intervals")
        for definition, (found, without, words) in zip(self.protocol.definitions, varied, strict=True):
            null_summaries = [null.summaries[definition] for null in nulls]
            records += self._detection_records(definition, parts, found, without, null_summaries, clusters)
            lists.append(word_list(definition, found[0], first, words, [null.f1[definition] for null in nulls]))
        records += self._information_records(first, parts, clusters, nulls)
        notes = [(part.name or "whole corpus", c.note) for part, (c, _) in zip(parts, clusters, strict=True) if c.note]
        return StreamWords(self.source.name, records, lists, self.tokens, clusters[0][0], notes)

    def without_each(
        self, first: WordCounts, definition: Definition
    ) -> tuple[list[Detection], dict[Key, SummaryWithout], WordsWithout]:
        """Best codes in each scope; held-out summaries without each cluster, and the words' intervals."""
        parts = self.scopes(0)
        clusters = [_clusters(part, first.rows) for part in parts]
        found = [detect(first, part, definition, self.chosen_from[definition]) for part in parts]
        summaries: dict[Key, SummaryWithout] = {}
        for part, one, (own, of_row) in zip(parts, found, clusters, strict=True):
            masks = {part.name: one.scored}
            if not part.name:
                masks.update({name: one.scored & inside for name, inside in self.bands.items()})
            picked = Picked(one.chosen[:, ::-1], part.half, np.flatnonzero(one.scored))
            groups = {name: group_of(mask, one.held_out) for name, mask in masks.items()}
            around = None if part.name else one.held_out
            found_without = self._without_each(first, picked, definition, own, of_row, groups, around)
            summaries.update({(HELD_OUT, name): each for name, each in found_without.groups.items()})
            if not part.name:
                words = found_without
        whole, (own, of_row) = found[0], clusters[0]
        for h, name in enumerate(DIRECTIONS):
            half = np.where(parts[0].half == 1 - h, 1 - h, -1)
            scored = whole.scored_on(1 - h)
            picked = Picked(whole.chosen[:, ::-1], half, np.flatnonzero(scored))
            group = {name: group_of(scored, whole.f1[:, 1 + h])}
            found_without = self._without_each(first, picked, definition, own, of_row, group, None)
            summaries[HELD_OUT, name] = found_without.groups[name]
        return found, summaries, words

    def _without_each(
        self,
        first: WordCounts,
        picked: Picked,
        definition: Definition,
        clusters: Clusters,
        of_row: NDArray[np.int64],
        groups: dict[str, Group],
        f1: Floats | None,
    ) -> WordsWithout:
        return score_without_each(
            first, picked, definition, self.chosen_from[definition], clusters.n, of_row, groups, f1
        )

    def _detection_records(
        self,
        definition: Definition,
        parts: Sequence[Scope],
        found: Sequence[Detection],
        without: dict[Key, SummaryWithout],
        nulls: Sequence[dict[Key, tuple[float, float, float]]],
        clusters: Sequence[tuple[Clusters, NDArray[np.int64]]],
    ) -> list[Record]:
        of_part = {part.name: own.counted for part, (own, _) in zip(parts, clusters, strict=True)}
        counted, half = self._counted(parts, found), self.protocol.n_nulls
        made = []
        for key, values in self.summaries(parts, found).items():
            variant, group = key
            for m, metric in enumerate(METRICS):
                if m == 1 and group.startswith("band="):
                    continue
                null = np.array([summaries[key][m] for summaries in nulls])
                left_out: Floats | str = "no interval: a count of words"
                if m:
                    left_out = (without[key].top, without[key].mean)[m - 1] if variant else CHOSEN_ON_THE_SAME
                tag = f"[{definition},{variant}]" if variant else f"[{definition}]"
                what = (self.source.name, metric, tag, group, values[m], left_out, null[:half])
                further = {FREQUENCY: null[half:]}
                about = of_part.get(group, of_part[""])
                made.append(word_record(*what, n=counted[group], protocol=definition, about=about, nulls=further))
        return made

    def _counted(self, parts: Sequence[Scope], found: Sequence[Detection]) -> dict[str, int]:
        """Scored words of each group."""
        whole = found[0]
        counted = {part.name: int(one.scored.sum()) for part, one in zip(parts, found, strict=True)}
        counted.update({name: int((whole.scored & inside).sum()) for name, inside in self.bands.items()})
        for h, name in enumerate(DIRECTIONS):
            counted[name] = int(whole.scored_on(1 - h).sum())
        return counted

    def _information_records(
        self,
        first: WordCounts,
        parts: Sequence[Scope],
        clusters: Sequence[tuple[Clusters, NDArray[np.int64]]],
        nulls: Sequence[_NullDraw],
    ) -> list[Record]:
        made, half = [], self.protocol.n_nulls
        for part, (own, of_row) in zip(parts, clusters, strict=True):
            actual = information(first, part.half)
            left_out = without_each(first, of_row, own.n)
            chance = [null.information[part.name] for null in nulls]
            # without a cluster, one word may be left: there is nothing to know of it
            shares = left_out[:, 0] / open_part(left_out[:, 1])
            for metric, value, without, null in (
                ("word_mi", actual.mutual, left_out[:, 0], np.array([one.mutual for one in chance])),
                ("word_nmi", actual.share, shares, np.array([one.share for one in chance])),
            ):
                what = (self.source.name, metric, "", part.name, value, without, null[:half])
                further = {FREQUENCY: null[half:]}
                made.append(
                    word_record(*what, n=actual.total, protocol="word-information", about=own.counted, nulls=further)
                )
        return made


def _clusters(part: Scope, rows: Sequence[Row]) -> tuple[Clusters, NDArray[np.int64]]:
    """The clusters of a scope, and the cluster of every row (-1 outside)."""
    inside = np.flatnonzero(part.half >= 0)
    clusters = clusters_of([rows[r] for r in inside.tolist()])
    of_row = np.full(len(rows), -1, np.int64)
    of_row[inside] = clusters.of_row
    return clusters, of_row
