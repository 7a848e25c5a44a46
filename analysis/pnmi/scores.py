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
from analysis.results.builder import Estimate, jackknifed, make_record
from analysis.results.records import DROPPED, KEPT
from analysis.results.schema import Record, StreamInfo
from analysis.statistics import groups, kernels
from analysis.statistics.information import METRICS, Information, information, pnmi_tables
from analysis.statistics.row_samples import RowSample, row_samples
from hac.data.timeline import US_PER_S
from probes.clusters import Row
from probes.joint_counts.counts import JointCounts


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
        parts: whether languages, speakers, phones and classes get numbers of their own.
    """

    silence: tuple[str, ...]
    classes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
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
    """One table's scores with silence kept and dropped, and the same without each cluster.

    Attributes:
        scores: by protocol.
        left_out: by protocol, float64 [n_clusters, n_metrics], metrics as in `METRICS`.
    """

    scores: dict[str, Information]
    left_out: dict[str, NDArray[np.float64]]


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
    scorer = _Scorer(actual, settings)
    first = scorer.score(actual)
    nulls = [scorer.score(source.draw(r)) for r in range(1, source.n_nulls + 1)]
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

    def __init__(self, actual: JointCounts, settings: Settings) -> None:
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

    def _view(self, counts: JointCounts) -> _View:
        if counts.rows not in self.views:
            settings = self.settings
            samples = row_samples(counts.rows, settings.parts)
            self.views[counts.rows] = _View(samples, groups.speakers(counts.rows) if settings.parts else [])
        return self.views[counts.rows]

    def notes(self) -> list[tuple[str, str]]:
        """What a reader must know of the intervals: part of the corpus, and the note."""
        noted = [sample for sample in self.view.samples if sample.clusters.note]
        return [(sample.names[0] or "whole corpus", sample.clusters.note) for sample in noted]

    def score(self, counts: JointCounts) -> _DrawScore:
        """Score one draw of the stream."""
        view = self._view(counts)
        parts = [self._score_part(counts, sample) for sample in view.samples]
        relabelled = [self._relabelled(counts.table, merged) for merged in self.merged_labels]
        return _DrawScore(parts, self._score_speakers(counts, view), np.array(relabelled))

    def _score_part(self, counts: JointCounts, sample: RowSample) -> _PartScore:
        whole = len(sample.rows) == len(counts.rows)
        table = counts.table if whole else counts.pooled(sample.rows)
        scores = {name: information(table[~out]) for name, out in self.out.items()}
        clustered = counts.clustered(sample.rows, sample.clusters.of_row, sample.clusters.n)
        left_out = _without_each(_arrays(clustered), np.arange(sample.clusters.n), table, self.out[DROPPED])
        return _PartScore(scores, {name: left_out[:, i] for i, name in enumerate(self.out)})

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
        for m, metric in enumerate(METRICS):
            with_null = nulls if RECORDS[metric].has_null else ()
            estimate = jackknifed(
                metric,
                scores.value(metric),
                first.parts[i].left_out[protocol][:, m],
                np.array([null.parts[i].scores[protocol].value(metric) for null in with_null]),
                np.array([null.parts[i].left_out[protocol][:, m] for null in with_null]),
            )
            made.append(
                make_record(
                    _id(stream, metric, protocol),
                    stream,
                    metric,
                    estimate,
                    n=round(scores.total / units),
                    protocol=protocol,
                    about=sample.note,
                )
            )
        return made

    def _speaker_records(
        self, source: CountSource, actual: JointCounts, first: _DrawScore, nulls: Sequence[_DrawScore]
    ) -> list[Record]:
        made, units = [], _units_of(actual, source.frame_rate)
        matrix = _arrays(actual.matrix)
        for s, part in enumerate(self.view.speakers):
            pooled = actual.pooled(part.rows)
            left_out = _without_each(matrix, part.rows, pooled, self.out[DROPPED])
            for i, (protocol, out) in enumerate(self.out.items()):
                null = np.array([null.speakers[protocol][s] for null in nulls])
                estimate = jackknifed("pnmi", float(first.speakers[protocol][s]), left_out[:, i, 0], null)
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
            null = np.array([null.relabelled[i] for null in nulls])
            estimate = jackknifed("pnmi", float(first.relabelled[i]), pnmi_tables(pooled[None] - tables), null)
            made.append(_pnmi_record(source.name, KEPT, relabelling.name, estimate, round(int(pooled.sum()) / units)))
        return made


def _id(stream: str, metric: str, protocol: str) -> str:
    return f"{stream}.{metric}" + ("" if protocol == KEPT else f"[{protocol}]")


def _pnmi_record(stream: str, protocol: str, group: str, estimate: Estimate, n: int) -> Record:
    """The record of a speaker, phone or class."""
    id = _id(stream, "pnmi", protocol)
    return make_record(id, stream, "pnmi", estimate, n=n, protocol=protocol, group=group)


def _units_of(actual: JointCounts, frame_rate: Fraction) -> Fraction:
    """Counted units per frame of the stream (or per grid point, where the convention counts those)."""
    # exact overlap counts ticks, at least one a microsecond; every other convention counts frames or grid points
    ticks = actual.units_per_s >= US_PER_S
    return actual.units_per_s / frame_rate if ticks else Fraction(1)


def _without_each(
    matrix: _Sparse, rows: NDArray[np.int64], pooled: NDArray[np.int64], is_silence: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Scores of the rows' pooled table (int64 [n_labels, n_codes]) without each: [len(rows), 2, n_metrics]."""
    code, label = np.nonzero(pooled.T)
    scores = kernels.score_without_each(*matrix, rows, code, label, pooled[label, code], len(pooled), is_silence)
    return np.asarray(scores)


def _arrays(matrix: csr_matrix) -> _Sparse:
    """Pointers, columns and counts of a sparse matrix, columns ascending in each row."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data
