"""From the counts of one stream to its records: values, nulls and intervals, for the corpus and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from analysis.metrics.registry import METRICS as RECORDS
from analysis.results.builder import NO_NULLS, Estimate, make_record, resampled_estimate
from analysis.results.records import DROPPED, KEPT
from analysis.results.schema import Record, StreamInfo
from analysis.statistics import bootstrap, groups, kernels
from analysis.statistics.bootstrap import Draws
from analysis.statistics.information import METRICS, Information, information, pnmi_tables
from analysis.statistics.row_samples import RowSample, row_samples
from hac.data.timeline import US_PER_S
from probes.clusters import Row
from probes.joint_counts.counts import JointCounts

NULLS_PER_DRAW = 4
"""Null tables behind the mean null of each bootstrap draw: enough to keep it quiet, few enough to stay quick."""


class CountSource(Protocol):
    """The counts of one stream, draw by draw: draw 0 is the tokens as they are, draws 1.. are null draws."""

    @property
    def name(self) -> str:
        """Stream name."""
        ...

    @property
    def codebook_size(self) -> int:
        """Codes lie below this."""
        ...

    @property
    def frame_rate(self) -> Fraction:
        """Hz."""
        ...

    @property
    def n_frames(self) -> int:
        """Tokens of the stream."""
        ...

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        ...

    def draw(self, r: int) -> JointCounts:
        """Counts of that draw."""
        ...


@dataclass(frozen=True)
class Settings:
    """What turns counts into records.

    Attributes:
        silence: the silence labels.
        classes: kind of phone class -> phone -> class (None where it has none).
        n_bootstrap: bootstrap draws.
        seed: of the bootstrap.
        parts: whether languages, speakers, phones and classes get numbers of their own.
    """

    silence: tuple[str, ...]
    classes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    n_bootstrap: int = 1000
    seed: int = 0
    parts: bool = True


@dataclass(frozen=True)
class StreamScores:
    """Everything said of one stream."""

    records: list[Record]
    info: StreamInfo
    table: NDArray[np.int64]
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    notes: list[tuple[str, str]]

    @property
    def headline(self) -> Record:
        """PNMI of the whole corpus, silence kept: the record that comes first."""
        return self.records[0]


@dataclass(frozen=True)
class _View:
    """The rows of a count table, parted: what is resampled, and the speakers.

    Null draws are counted on coarser rows than the tokens; their parts and clusters are the same ones by name.
    """

    samples: list[RowSample]
    speakers: list[groups.Part]


@dataclass(frozen=True)
class _PartScore:
    """One table's scores with silence kept and dropped, and those of its bootstrap draws."""

    scores: dict[str, Information]
    draws: Draws


_Sparse = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Pointers, columns and counts of a sparse matrix, columns ascending in each row."""


@dataclass(frozen=True)
class _DrawScore:
    """What is said of one draw (the tokens, or one null)."""

    parts: list[_PartScore]
    speakers: dict[str, NDArray[np.float64]]
    relabelled: NDArray[np.float64]


def score_stream(source: CountSource, settings: Settings) -> StreamScores:
    """Score one stream: every metric with its null and its interval, silence kept and dropped.

    Args:
        source: its counts.
        settings: see `Settings`.
    """
    actual = source.draw(0)
    scorer = _Scorer(actual, source.n_nulls, settings)
    first = scorer.score(actual, slice(None))
    nulls = [scorer.score(source.draw(r), scorer.draws_of_null(r)) for r in range(1, source.n_nulls + 1)]
    table = actual.table
    whole = first.parts[0].scores[KEPT]
    hours = float(Fraction(whole.total) / actual.units_per_s / 3600)
    info = StreamInfo(
        codebook_size=source.codebook_size,
        frame_rate=str(source.frame_rate),
        used_codes=whole.used_codes,
        n_frames=source.n_frames,
        hours=hours,
    )
    records = scorer.records(source, actual, first, nulls)
    return StreamScores(records, info, table, actual.labels, actual.codes, scorer.notes())


class _Scorer:
    """Scores draws of one stream the same way, then turns them into records."""

    def __init__(self, actual: JointCounts, n_nulls: int, settings: Settings) -> None:
        self.settings = settings
        self.labels = actual.labels
        self.out = {
            KEPT: np.zeros(len(self.labels), np.bool_),
            DROPPED: np.array([label in settings.silence for label in self.labels], np.bool_),
        }
        self.views: dict[tuple[Row, ...], _View] = {}
        self.view = self._view(actual)
        self.relabellings = groups.relabellings(self.labels, settings.classes) if settings.parts else []
        self.merged_labels = [relabelling.groups(self.labels) for relabelling in self.relabellings]
        self.n_blocks = max(1, n_nulls // NULLS_PER_DRAW)

    def _view(self, counts: JointCounts) -> _View:
        if counts.rows not in self.views:
            settings = self.settings
            samples = row_samples(counts.rows, settings.n_bootstrap, settings.seed, settings.parts)
            self.views[counts.rows] = _View(samples, groups.speakers(counts.rows) if settings.parts else [])
        return self.views[counts.rows]

    def notes(self) -> list[tuple[str, str]]:
        """What a reader must know of the intervals: part of the corpus, and the note."""
        noted = [sample for sample in self.view.samples if sample.clusters.note]
        return [(sample.names[0] or "whole corpus", sample.clusters.note) for sample in noted]

    def draws_of_null(self, r: int) -> slice:
        """The bootstrap draws in whose mean null the null draw r takes part: every n_blocks-th."""
        return slice(min((r - 1) // NULLS_PER_DRAW, self.n_blocks - 1), None, self.n_blocks)

    def score(self, counts: JointCounts, draws: slice) -> _DrawScore:
        """Score one draw of the stream; bootstrap draws only those of `draws`."""
        view = self._view(counts)
        parts = [self._score_part(counts, sample, draws) for sample in view.samples]
        relabelled = [self._relabelled(counts.table, merged) for merged in self.merged_labels]
        return _DrawScore(parts, self._score_speakers(counts, view), np.array(relabelled))

    def _score_part(self, counts: JointCounts, sample: RowSample, draws: slice) -> _PartScore:
        whole = len(sample.rows) == len(counts.rows)
        table = counts.table if whole else counts.pooled(sample.rows)
        scores = {name: information(table[~out]) for name, out in self.out.items()}
        clustered = counts.clustered(sample.rows, sample.clusters.of_row, sample.clusters.n)
        weights = sample.weights[draws].astype(np.float32)
        silence = np.flatnonzero(self.out[DROPPED]).tolist()
        return _PartScore(scores, bootstrap.resample(clustered, len(self.labels), silence, weights))

    def _score_speakers(self, counts: JointCounts, view: _View) -> dict[str, NDArray[np.float64]]:
        if not view.speakers:
            return {name: np.empty(0) for name in self.out}
        rows = np.concatenate([part.rows for part in view.speakers])
        of_row = np.repeat(np.arange(len(view.speakers)), [len(part.rows) for part in view.speakers])
        matrix = _arrays(counts.clustered(rows, of_row, len(view.speakers)))
        pnmi = kernels.pnmi_rows(*matrix, len(self.labels), self.out[DROPPED])
        return {KEPT: pnmi[:, 0], DROPPED: pnmi[:, 1]}

    def _relabelled(self, table: NDArray[np.int64], merged: list[NDArray[np.int64]]) -> float:
        """PNMI of a table whose labels are merged; `merged` holds the label indices of each new label."""
        return float(
            pnmi_tables(np.stack([table[labels].sum(axis=0) for labels in merged], axis=-1)[None].astype(float))[0]
        )

    def records(
        self, source: CountSource, actual: JointCounts, first: _DrawScore, nulls: Sequence[_DrawScore]
    ) -> list[Record]:
        """All records of the stream."""
        made = []
        for i, sample in enumerate(self.view.samples):
            for protocol in self.out:
                part = self._part_records(source.name, i, protocol, first, nulls, _units_of(actual, source.frame_rate))
                made += [record.model_copy(update={"group": name}) for name in sample.names for record in part]
        made += self._speaker_records(source, actual, first, nulls)
        made += self._relabelled_records(source, actual, first, nulls)
        return made

    def _part_records(
        self,
        stream: str,
        i: int,
        protocol: str,
        first: _DrawScore,
        nulls: Sequence[_DrawScore],
        units: Fraction,
    ) -> list[Record]:
        scores, sample = first.parts[i].scores[protocol], self.view.samples[i]
        made = []
        for metric in METRICS:
            null, null_draws = NO_NULLS, None
            draws = _pick(first.parts[i].draws, protocol)[metric]
            if RECORDS[metric].has_null:
                null = np.array([null.parts[i].scores[protocol].value(metric) for null in nulls])
                null_draws = self._null_draws(i, protocol, metric, len(draws), nulls)
            made.append(
                make_record(
                    _id(stream, metric, protocol),
                    stream,
                    metric,
                    resampled_estimate(scores.value(metric), draws, sample.clusters.n, null, null_draws),
                    n=round(scores.total / units),
                    protocol=protocol,
                    about=sample.note,
                )
            )
        return made

    def _null_draws(
        self, i: int, protocol: str, metric: str, n_draws: int, nulls: Sequence[_DrawScore]
    ) -> NDArray[np.float64]:
        """The mean null of each bootstrap draw, on the very clusters of that draw."""
        total, n = np.zeros(n_draws), np.zeros(n_draws)
        for r, null in enumerate(nulls, start=1):
            block = self.draws_of_null(r)
            total[block] += _pick(null.parts[i].draws, protocol)[metric]
            n[block] += 1
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(total / n)

    def _speaker_records(
        self, source: CountSource, actual: JointCounts, first: _DrawScore, nulls: Sequence[_DrawScore]
    ) -> list[Record]:
        made, units = [], _units_of(actual, source.frame_rate)
        matrix = _arrays(actual.matrix)
        for s, part in enumerate(self.view.speakers):
            pooled = actual.pooled(part.rows)
            for protocol, out in self.out.items():
                value = float(first.speakers[protocol][s])
                interval = bootstrap.jackknife(value, _left_out(matrix, part.rows, pooled, out))
                null = np.array([null.speakers[protocol][s] for null in nulls])
                estimate = Estimate(value, interval, null, "fixed null")
                n = round(int(pooled[~out].sum()) / units)
                made.append(_pnmi_record(source.name, protocol, part.name, estimate, n))
        return made

    def _relabelled_records(
        self, source: CountSource, actual: JointCounts, first: _DrawScore, nulls: Sequence[_DrawScore]
    ) -> list[Record]:
        if not self.relabellings:
            return []
        sample = self.view.samples[0]
        clustered = actual.clustered(sample.rows, sample.clusters.of_row, sample.clusters.n)
        by_label = groups.ByLabel(clustered, len(self.labels))
        made, units = [], _units_of(actual, source.frame_rate)
        for i, relabelling in enumerate(self.relabellings):
            tables = by_label.tables(self.merged_labels[i])
            pooled = tables.sum(axis=0)
            value = float(first.relabelled[i])
            interval = bootstrap.jackknife(value, pnmi_tables(pooled[None] - tables))
            null = np.array([null.relabelled[i] for null in nulls])
            estimate = Estimate(value, interval, null, "fixed null")
            made.append(_pnmi_record(source.name, KEPT, relabelling.name, estimate, round(int(pooled.sum()) / units)))
        return made


def _id(stream: str, metric: str, protocol: str) -> str:
    return f"{stream}.{metric}" + ("" if protocol == KEPT else f"[{protocol}]")


def _pnmi_record(stream: str, protocol: str, group: str, estimate: Estimate, n: int) -> Record:
    """The record of a speaker, phone or class."""
    id = _id(stream, "pnmi", protocol)
    return make_record(id, stream, "pnmi", estimate, n=n, protocol=protocol, group=group, cut=False)


def _units_of(actual: JointCounts, frame_rate: Fraction) -> Fraction:
    """Counted units per frame of the stream (or per grid point, where the convention counts those)."""
    # exact overlap counts ticks, at least one a microsecond; every other convention counts frames or grid points
    ticks = actual.units_per_s >= US_PER_S
    return actual.units_per_s / frame_rate if ticks else Fraction(1)


def _left_out(
    matrix: _Sparse, rows: NDArray[np.int64], pooled: NDArray[np.int64], out: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """PNMI of the rows' pooled table without each of them in turn; `pooled` is int64 [n_labels, n_codes]."""
    flat = pooled.T.ravel()
    columns = np.flatnonzero(flat)
    scores = kernels.score_without_each(*matrix, rows, columns, flat[columns], len(pooled), out)
    return np.asarray(scores[:, 0])


def _arrays(matrix: csr_matrix) -> _Sparse:
    """Pointers, columns and counts of a sparse matrix, columns ascending in each row."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data


def _pick(draws: Draws, protocol: str) -> dict[str, NDArray[np.float64]]:
    return draws.kept if protocol == KEPT else draws.dropped
