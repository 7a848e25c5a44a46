"""Probes beside the counts of `hac-analyze leakage`, and the summary of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.inputs.corpus import voices_of
from analysis.inputs.request import parts_of
from analysis.leakage.factors import FactorCorpus
from analysis.leakage.run import Extra, Further, Outcome
from analysis.probing.disentanglement import N_PERMUTATIONS, dci_records
from analysis.probing.run import Vectors, probe_streams
from analysis.probing.tasks import ProbeProtocol, Voices
from hac.data.embedding_store import EmbeddingStore
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.token_store import Stream
from hac.errors import HacError

SOURCE = "leakage"
SUMMARY = "leakage_dci"
"""Protocol of the summary."""


def further(
    manifest: Manifest | None, protocol: ProbeProtocol, embeddings: Path | None = None, jobs: int = -1
) -> Further:
    """Probes as what `analysis.leakage.run.run` puts behind its own records.

    Args:
        manifest: who speaks.
        protocol: how probes are trained.
        embeddings: a store of vectors, which are probed too.
        jobs: processes; 0 or less: one per core.

    Raises:
        HacError: there is no such store.
    """
    from hac.data.embedding_store import read_embeddings

    store = read_embeddings(embeddings) if embeddings is not None else None

    def probe(corpus: FactorCorpus, streams: Sequence[Stream]) -> Extra:
        vectors = vectors_of(store, streams, corpus.met.ids) if store else None
        joint = [s.name for s in streams if len(parts_of(corpus.met.tokens, s.name)) > 1]
        speakers = tuple(speaker for _, speaker in voices_of(corpus.met.ids, manifest))
        voices = Voices(corpus.met.ids, speakers, corpus.met.languages)
        factors = list(corpus.factors.values())
        found = probe_streams(streams, factors, voices, protocol, vectors, jobs, joint)
        return Extra(found.records, found.protocols)

    return probe


def vectors_of(store: EmbeddingStore, streams: Sequence[Stream], ids: Sequence[str]) -> dict[str, Vectors]:
    """The vectors of the streams that have any, frame by frame.

    Raises:
        HacError: no stream has vectors, or not as many as it has tokens.
    """
    found: dict[str, Vectors] = {}
    for stream in streams:
        if stream.name not in store.streams:
            continue
        vectors = store.vectors(stream.name, ids)
        if store.streams[stream.name].frame_rate != stream.frame_rate or len(vectors) != len(stream.codes):
            raise HacError(
                f"{store.folder}: {len(vectors)} vectors of {stream.name!r} at {store.streams[stream.name].frame_rate} "
                f"Hz, but {len(stream.codes)} tokens at {stream.frame_rate} Hz; embed with the model of the tokens"
            )
        found[stream.name] = vectors
    if not found:
        raise HacError(
            f"{store.folder}: holds vectors of {', '.join(store.streams)}, but the streams are "
            f"{', '.join(stream.name for stream in streams)}; embed with the model of the tokens"
        )
    return found


def with_summary(outcome: Outcome, seed: int = 0) -> Outcome:
    """The outcome with disentanglement and completeness of the chance-corrected shares; joint streams are left out."""
    results = outcome.results
    single = [name for name in outcome.streams if all(part == name for part in name.split("+"))]
    importance, n = np.zeros((len(single), len(outcome.factors))), 0
    for i, stream in enumerate(single):
        for j, factor in enumerate(outcome.factors):
            record = results.get(f"{stream}.leakage[{factor}]")
            importance[i, j] = record.estimate if math.isfinite(record.estimate) else 0.0
            n = max(n, record.n)
    made = dci_records(importance, single, outcome.factors, source=SOURCE, protocol=SUMMARY, n=n, seed=seed)
    about = {
        "importance": "chance-corrected share of the factor that the stream tells, at least 0; 0 where undefined",
        "null": f"the same importances permuted over the cells, {N_PERMUTATIONS} times",
        "formula": "Eastwood and Williams 2018, section 2",
        "seed": seed,
    }
    update = {"metrics": [*results.metrics, *made], "protocols": {**results.protocols, SUMMARY: about}}
    return replace(outcome, results=results.model_copy(update=update))
