"""What is counted of one stream, as it is and with its frames shuffled: of the whole and without each cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.entropy import Entropy, entropy
from analysis.statistics.row_samples import RowSample
from analysis.usage import compression
from analysis.usage.kneser_ney import cross_entropy
from analysis.usage.zipf import zipf_exponents
from hac.data.tokens.token_store import Stream
from probes.clusters import Clusters, Row, Rows
from probes.nulls.frame_shuffle import shuffled
from probes.sparse_counts import summed
from probes.tokens.grams import Grams, Ints, code_grams

Floats = NDArray[np.float64]

BIASES = ("plug-in", "miller-madow")
ORDERS = (1, 2)
"""Codes of context of the conditional entropies."""
LONGEST = max(ORDERS) + 1
COMPRESSION_GROUPS = 10
"""Groups of clusters that are left out in turn for the interval of a compressed size: each costs a compression."""


@dataclass(frozen=True)
class UsageProtocol:
    """How usage is measured; recorded with every number.

    Attributes:
        n_nulls: null draws (frames shuffled, streams turned) of what is counted.
        n_dear: null draws of what must be fitted or compressed.
        seed: of nulls and draws.
    """

    n_nulls: int = 20
    n_dear: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Counted:
    """Counts of a stream in one draw: grams by length (1 to 3 codes)."""

    stream: Stream
    grams: Mapping[int, Grams]


def count_stream(stream: Stream, rows: Rows, draw: int, seed: int) -> Counted:
    """Count the grams of a stream; draw 0 is the stream as it is, others have their frames shuffled."""
    drawn = shuffled(stream, draw, seed)
    return Counted(drawn, {n: code_grams(drawn, rows, n) for n in range(1, LONGEST + 1)})


def pooled_samples(rows: Rows, samples: Sequence[RowSample]) -> tuple[Rows, list[RowSample]]:
    """The same rows, and samples of them, without clusters: a row for each language, which is all that nulls need."""
    languages = sorted({row.language for row in rows.rows})
    of_row = np.array([languages.index(row.language) for row in rows.rows], np.int64)
    merged = Rows(tuple(Row(language, "", 0) for language in languages), of_row[rows.of_utterance])
    whole = []
    for sample in samples:
        kept = np.unique(of_row[sample.rows])
        one = Clusters(sample.clusters.unit, np.zeros(len(kept), np.int64), 1)
        whole.append(RowSample(sample.names, kept, one))
    return merged, whole


def gram_measures(counted: Counted, sample: RowSample, n_rows: int) -> dict[str, Floats]:
    """Entropies of a sample in nats by name; the first value of each is that of all clusters, then without each.

    Names are those of records: `entropy[plug-in]`, `conditional_entropy[1,miller-madow]`, `frame_mi[plug-in]`, ...
    """
    of_row = np.zeros(n_rows, np.int64)
    of_row[sample.rows] = sample.clusters.of_row
    grams = {n: each.of_rows(sample.rows, n_rows) for n, each in counted.grams.items()}

    def h(which: Grams) -> Entropy:
        return entropy(which, of_row, sample.clusters.n)

    found: dict[str, Floats] = {f"entropy[{bias}]": h(grams[1]).value(bias) for bias in BIASES}
    for order in ORDERS:
        # the contexts of the very grams that are counted, so that no conditional entropy is negative
        joint, context = h(grams[order + 1]), h(grams[order + 1].part(range(order)))
        for bias in BIASES:
            found[f"conditional_entropy[{order},{bias}]"] = np.maximum(joint.value(bias) - context.value(bias), 0.0)
    first, last, pair = h(grams[2].part([0])), h(grams[2].part([1])), h(grams[2])
    for bias in BIASES:
        found[f"frame_mi[{bias}]"] = np.maximum(first.value(bias) + last.value(bias) - pair.value(bias), 0.0)
    return found


def code_measures(counted: Counted, sample: RowSample, n_rows: int) -> dict[str, Floats]:
    """Used codes, share of the codebook, perplexity and exponent of Zipf of a sample; values as in `gram_measures`."""
    of_row = np.zeros(n_rows, np.int64)
    of_row[sample.rows] = sample.clusters.of_row
    singles = counted.grams[1].of_rows(sample.rows, n_rows)
    by_cluster = np.zeros((sample.clusters.n, len(singles.codes)), np.int64)
    np.add.at(by_cluster, (of_row[singles.row], singles.gram), singles.count)
    tables = np.concatenate([by_cluster.sum(axis=0, keepdims=True), by_cluster.sum(axis=0) - by_cluster])
    used = np.count_nonzero(tables, axis=1).astype(np.float64)
    return {
        "used_codes": used,
        "used_share": used / counted.stream.codebook_size,
        "perplexity": np.exp(entropy(singles, of_row, sample.clusters.n).plug_in),
        "zipf_exponent": zipf_exponents(tables),
    }


def mean_run(stream: Stream, rows: Rows, sample: RowSample) -> float:
    """Frames per run of equal codes in a sample; NaN without frames."""
    starts = stream.run_starts()
    row = rows.of_utterance[np.searchsorted(stream.bounds, starts, side="right") - 1]
    runs = summed(row, np.ones(len(row), np.int64), len(rows.rows))[sample.rows].sum()
    frames = summed(rows.of_utterance, stream.lengths, len(rows.rows))[sample.rows].sum()
    return float(frames / runs) if runs else float("nan")


def held_out(counted: Counted, order: int, half: Ints) -> tuple[Floats, Ints]:
    """Nats and frames of each row when the other half's Kneser-Ney model of that order foretells it."""
    losses = cross_entropy(counted.grams, order, half, counted.stream.codebook_size)
    return losses.nats, losses.frames


def compressed(stream: Stream, compressor: str) -> float:
    """Bits per frame of a whole stream."""
    return compression.bits_per_frame(stream.codes, stream.codebook_size, compressor)


def compressed_without(stream: Stream, rows: Rows, sample: RowSample, compressor: str) -> Floats:
    """Bits per frame without each of at most ten groups of clusters: float64 [n_groups]."""
    of_row = np.zeros(len(rows.rows), np.int64)
    of_row[sample.rows] = sample.clusters.of_row
    n_groups = min(COMPRESSION_GROUPS, sample.clusters.n)
    group = of_row[rows.of_utterance] % n_groups
    kept = (stream.take(np.flatnonzero(group != g)) for g in range(n_groups))
    return np.array([compressed(each, compressor) for each in kept])
