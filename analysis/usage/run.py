"""How a tokenizer uses its codebooks: from tokens alone, without alignments."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis import parallel
from analysis.inputs.request import Request, about_of, together
from analysis.inputs.token_corpus import check_streams, token_corpus
from analysis.results import durations
from analysis.results.builder import make_results
from analysis.results.schema import Results
from analysis.usage.compression import COMPRESSORS
from analysis.usage.counts import UsageProtocol
from analysis.usage.scores import CODES, PROTOCOL, StreamUsage, score_stream
from analysis.usage.stream_pairs import PROTOCOL as STREAMS
from analysis.usage.stream_pairs import pair_records
from probes.nulls.circular_shift import OVER_SPEAKERS
from probes.nulls.frame_shuffle import SHUFFLE_NAME

COMMAND = "usage"
FEW_FRAMES = 10
"""With fewer frames than this for each pair of codes in use, entropies of order 2 are far too low."""


@dataclass(frozen=True)
class Outcome:
    """Results, and what figures need beside them.

    Attributes:
        results: every number.
        streams: ranks and runs, by stream in the order of the results.
    """

    results: Results
    streams: list[StreamUsage]


def run(request: Request[UsageProtocol], jobs: int = -1) -> Outcome:
    """Measure every stream asked for, and what every two of them share.

    Args:
        request: what was asked for; joint streams are no streams of a codebook, and are refused.
        jobs: processes; 0 or less: one per core.

    Raises:
        HacError: there is no such stream, or no utterance that can be counted.
    """
    names = check_streams(request.tokens, request.streams)
    corpus = token_corpus(request.labels.manifest, request.tokens, request.failures)
    streams = [corpus.tokens.streams[name] for name in names]
    tasks = [(stream, corpus.rows, request.protocol) for stream in streams]
    scored: list[StreamUsage] = parallel.run(score_stream, tasks, jobs=jobs, what="measuring streams")
    pairs = pair_records(streams, corpus.rows, corpus.rings, request.protocol, jobs)
    notes = [note for each in scored for note in each.notes]
    results = make_results(
        COMMAND,
        about_of(request, corpus.coverage, [*corpus.warnings, *together(notes), *_thin(names, scored)]),
        [*(record for each in scored for record in each.records), *pairs],
        _protocols(request.protocol),
        streams={name: each.info for name, each in zip(names, scored, strict=True)},
    )
    return Outcome(results, scored)


def _thin(names: Sequence[str], scored: Sequence[StreamUsage]) -> list[str]:
    """A warning for streams with too few frames for the entropies of higher orders."""
    thin = [
        (
            name,
            f"fewer than {FEW_FRAMES} frames for each pair of codes in use: the plug-in entropies of orders 1 and 2 "
            "are far too low; read them with their chance level, and quote the held-out cross-entropy with them",
        )
        for name, each in zip(names, scored, strict=True)
        if each.info.n_frames < FEW_FRAMES * each.info.used_codes**2
    ]
    return together(thin)


def _protocols(protocol: UsageProtocol) -> dict[str, dict[str, Any]]:
    seed = {"seed": protocol.seed}
    shuffle = f"{SHUFFLE_NAME} within each utterance"
    return {
        CODES: {
            "interval": "95 %, cluster-jackknife-t",
            "zipf": "maximum likelihood over the ranks of codes that occur (Clauset et al. 2009; Hanel et al. 2017)",
        },
        PROTOCOL: {
            "logarithm": "natural",
            "bias": "plug-in and miller-madow; cross_entropy: interpolated Kneser-Ney, each half foretold by the other",
            "compressors": {name: _library(name) for name in COMPRESSORS},
            "null": shuffle,
            "n_nulls": protocol.n_nulls,
            "n_nulls_cross_entropy_and_compressed": protocol.n_dear,
            "interval": "95 %, cluster-jackknife-t (compressed: ten groups of clusters; cross-entropies: model fixed)",
            **seed,
        },
        STREAMS: {
            "logarithm": "natural",
            "bias": "plug-in",
            "null": f"{OVER_SPEAKERS}; the second stream is shifted",
            "n_nulls": protocol.n_nulls,
            "interval": "95 %, cluster-jackknife-t",
            **seed,
        },
        durations.PROTOCOL: {
            "segments": "runs of equal codes within an utterance",
            "percentile": "least duration that so many percent do not exceed",
            "interval": "95 %, cluster-jackknife-t",
            **seed,
        },
    }


def _library(compressor: str) -> str:
    return f"zlib {zlib.ZLIB_RUNTIME_VERSION}" if compressor.startswith("zlib") else "liblzma, as Python's lzma has it"
