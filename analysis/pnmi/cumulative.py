"""What levels 0..k of a tokenizer tell of phones together: counted while the counts can carry it, and bounded.

Streams of one frame rate are taken in their order in the tokens, the first one, the first two and so on. Two numbers
of each: PNMI of the tuple of their codes as one code, as long as chance alone scores less than half
(`analysis.results.records.too_little_speech`); and, for any number of them, a lower bound of it on held-out speech:
1 - cross-entropy / H(phone), since I(phone; codes) = H(phone) - H(phone | codes), and no classifier's cross-entropy is
below H(phone | codes) (Barber and Agakov 2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.pnmi.counting import CountedStream
from analysis.pnmi.scores import Settings, score_stream
from analysis.results.builder import Estimate, make_record, undefined_record
from analysis.results.records import TOO_LITTLE, too_little_speech
from analysis.results.schema import Record
from analysis.statistics.information import entropy, information
from analysis.statistics.jackknife import jackknife, without_each
from analysis.statistics.row_samples import row_samples
from hac.data.tokens.token_store import Stream
from probes.classifiers.opinion_pool import LabelledCells, held_out_losses
from probes.joint_counts.counts import MAX_SCRATCH

CUMULATIVE = "cumulative"
"""The protocol of these numbers."""
BOUND = "pnmi_bound"
EACH = 8
"""Up to so many streams, each number of them is a row; beyond, each power of two, and all."""
N_FOLDS = 3
PROTOCOL = {
    "silence": "kept",
    "pnmi": f"the tuple of codes counted as one code, as long as chance alone scores less than {TOO_LITTLE}",
    BOUND: "held-out bound: 1 - cross-entropy / H(phone) of a logarithmic opinion pool of the streams' counts, in "
    f"{N_FOLDS} folds of clusters; its counts and weights held fixed in the interval",
}

Sources = Sequence[CountedStream]


@dataclass(frozen=True)
class Cumulative:
    """Records of levels 0..k; nothing where there are no two streams of one rate.

    Attributes:
        records: under the protocol `CUMULATIVE`.
        levels: by the name of levels, how many `streams` they are and their nominal `kbps`.
    """

    records: list[Record]
    levels: dict[str, dict[str, Any]]


NOTHING = Cumulative([], {})


def cumulative(sources: Sources, settings: Settings, jobs: int = -1) -> Cumulative:
    """Score the streams of each frame rate together.

    Args:
        sources: single streams, counted from memory, in the order of the tokens.
        settings: how counts are scored.
        jobs: processes; 0 or less: one per core.
    """
    systems = [system for system in _by_rate(sources) if len(system) > 1]
    whole = replace(settings, parts=False)
    counted = parallel.run(_counted, [(one, whole) for one in systems], jobs=jobs, what="counting levels jointly")
    firsts = [one[:n] for one in systems for n in ladder(len(one))]
    bounds = parallel.run(_bound, [(one,) for one in firsts], jobs=jobs, what="bounding levels jointly")
    return Cumulative([*(record for of in counted for record in of), *bounds], _levels(firsts))


def ladder(n: int) -> list[int]:
    """For which numbers of streams there are rows."""
    powers = [EACH << i for i in range(1, n.bit_length())]
    return [*range(1, min(n, EACH) + 1), *(k for k in powers if k < n), *([n] if n > EACH else [])]


def name_of(streams: Sequence[str]) -> str:
    """What several levels are called together: `acoustic.0..acoustic.3`."""
    return streams[0] if len(streams) == 1 else f"{streams[0]}..{streams[-1]}"


def tuples(streams: Sequence[Stream]) -> Iterator[Stream]:
    """The first stream, the first two and so on as one stream, whose codes number the tuples that occur.

    Args:
        streams: of the same rate and lengths.
    """
    first = streams[0]
    codes = np.zeros(len(first.codes), np.int64)
    for n, stream in enumerate(streams, start=1):
        values, codes = np.unique(codes * stream.codebook_size + stream.codes, return_inverse=True)
        name = name_of([each.name for each in streams[:n]])
        yield replace(first, name=name, codebook_size=max(1, len(values)), codes=codes.astype(np.int32))


def _by_rate(sources: Sources) -> list[list[CountedStream]]:
    found: dict[Any, list[CountedStream]] = {}
    for source in sources:
        found.setdefault(source.frame_rate, []).append(source)
    return list(found.values())


def _counted(system: Sources, settings: Settings) -> list[Record]:
    """PNMI of two levels, of three and so on, until there is too little speech for so many codes."""
    first, made = system[0], []
    wanted = ladder(len(system))
    for n, stream in enumerate(tuples([source.tokens.whole for source in system]), start=1):
        if stream.codebook_size * len(first.phones.vocabulary) > MAX_SCRATCH:
            break
        if n == 1 or n not in wanted:
            continue
        source = replace(first, tokens=replace(first.tokens, whole=stream))
        if information(source.draw(1).table).pnmi >= TOO_LITTLE:  # told by one draw, since all are nearly alike
            break
        record = score_stream(source, settings).headline
        if too_little_speech(record):
            break
        made.append(record.model_copy(update={"protocol": CUMULATIVE}))
    return made


def _bound(system: Sources) -> Record:
    """The held-out bound of what some levels tell together."""
    first = system[0]
    name = name_of([source.name for source in system])
    sample = row_samples(first.rows.rows, parts=False)[0]
    n_clusters = sample.clusters.n
    id = f"{name}.{BOUND}"
    if n_clusters < N_FOLDS:
        why = f"fewer than {N_FOLDS} speakers or utterances to hold out"
        return undefined_record(id, name, BOUND, protocol=CUMULATIVE, why=why, about=sample.note)
    cells, bounds = first.cells, first.stream.bounds
    utterance = np.repeat(np.arange(len(cells.bounds) - 1), np.diff(cells.bounds))
    frame = bounds[:-1][utterance] + cells.frame
    cluster = np.empty(len(first.rows.rows), np.int64)
    cluster[sample.rows] = sample.clusters.of_row
    of_cell = cluster[first.rows.of_utterance[utterance]]
    n_labels = len(first.phones.vocabulary)
    weight = np.asarray(cells.weight * float(first.frame_rate / cells.units_per_s), np.float64)
    labelled = LabelledCells(cells.label, weight, of_cell % N_FOLDS, n_labels, N_FOLDS)
    losses = held_out_losses([source.stream.codes[frame] for source in system], labelled)
    frames = np.bincount(of_cell, weight, n_clusters)
    loss = np.bincount(of_cell, losses * weight, n_clusters)
    labels = np.zeros((n_clusters, n_labels), np.int64)
    np.add.at(labels, (of_cell, cells.label), cells.weight)
    value = _share(loss.sum(), frames.sum(), labels.sum(axis=0))
    left_out = [_share(*rest) for rest in zip(*map(without_each, (loss, frames, labels)), strict=True)]
    estimate = Estimate(value, jackknife(value, np.array(left_out)))
    return make_record(id, name, BOUND, estimate, n=round(frames.sum()), protocol=CUMULATIVE, about=sample.note)


def _share(loss: float, frames: float, labels: NDArray[np.int64]) -> float:
    """1 - cross-entropy / entropy of the labels; NaN where only one occurs."""
    h_phone = entropy(labels)
    return 1 - loss / frames / h_phone if h_phone > 0 else math.nan


def _levels(firsts: Sequence[Sources]) -> dict[str, dict[str, Any]]:
    return {
        name_of([source.name for source in system]): {
            "streams": len(system),
            "kbps": round(sum(source.stream.kbps for source in system), 6),
        }
        for system in firsts
    }
