"""Do tokens change where phones or words begin and end?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from analysis import parallel
from analysis.boundaries.counting import (
    WORD_POLICY,
    BoundaryProtocol,
    StreamCounts,
    boundary_corpus,
    count_labels,
    count_streams,
)
from analysis.boundaries.scores import BoundaryScores, score_stream
from analysis.inputs.request import Request, about_of, streams_of, together
from analysis.results import durations as segments
from analysis.results.builder import make_results
from analysis.results.durations import Summary
from analysis.results.schema import Results
from analysis.statistics.row_samples import row_samples
from hac.data.alignments.alignment import PHONES, WORDS
from probes.boundaries.durations import DurationCounts
from probes.clusters import Row
from probes.nulls.circular_shift import OVER_SPEAKERS, ShiftedStream

COMMAND = "boundaries"
DEFINITIONS = {
    "greedy": "one-to-one, two pointers from left to right (VG-HuBERT); always counts what `maximum` counts",
    "nearest": "one-to-one, closest free pair first, ties to the earlier reference, then the earlier estimate",
    "maximum": "one-to-one, maximum bipartite matching (mir_eval)",
    "midpoint": "a reference is hit if an estimate lies in its window, cut half-way to its neighbours (discophon)",
}


@dataclass(frozen=True)
class Outcome:
    """Results, and what figures and tables need beside them.

    Attributes:
        results: every number.
        protocol: with its tiers and policy as they were used.
        runs: durations of runs, by stream.
        labels: durations of phones and words, by tier.
    """

    results: Results
    protocol: BoundaryProtocol
    runs: list[Summary]
    labels: list[Summary]


def run(request: Request[BoundaryProtocol], jobs: int = -1) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.

    Raises:
        HacError: a tier or stream is missing, or no utterance has everything.
    """
    marked = boundary_corpus(request.labels, request.tokens, request.protocol, request.failures)
    streams = [ShiftedStream(stream, marked.rings) for stream in streams_of(marked.tokens, request.streams)]
    counts = count_streams(marked, streams, request.protocol, jobs)
    about = about_of(request, marked.coverage, marked.warnings)
    return outcome_of(request.protocol, marked.policy, marked.rows.rows, counts, count_labels(marked), about, jobs)


def outcome_of(
    protocol: BoundaryProtocol,
    policy: str,
    rows: tuple[Row, ...],
    counts: Sequence[StreamCounts],
    labels: Mapping[str, DurationCounts],
    about: Mapping[str, Any],
    jobs: int,
    null: str = OVER_SPEAKERS,
) -> Outcome:
    """Results of counted streams.

    Args:
        protocol: as asked for.
        policy: name of the phone policy that was used; empty without phones.
        rows: of the count tables.
        counts: of each stream.
        labels: durations of each tier's intervals.
        about: from `about_of`.
        jobs: processes; 0 or less: one per core.
        null: what was shifted, and how far.
    """
    tasks = [(each, rows, protocol) for each in counts]
    scored: list[BoundaryScores] = parallel.run(score_stream, tasks, jobs=jobs, what="scoring streams")
    whole = row_samples(rows)[0]
    spoken = [segments.summarize(tier, "tier", durations, whole) for tier, durations in labels.items()]
    notes = [note for scores in scored for note in scores.notes]
    results = make_results(
        COMMAND,
        about,
        [record for scores in scored for record in scores.records],
        _protocols(protocol, tuple(labels), policy, null),
        streams={each.name: scores.info for each, scores in zip(counts, scored, strict=True)},
        coverage={"segments": {each.name: _finite(each) for each in spoken}},
        warnings=[*together(notes), *together(_coarse(counts, protocol))],
    )
    return Outcome(results, protocol, [scores.runs for scores in scored], spoken)


def _coarse(counts: Sequence[StreamCounts], protocol: BoundaryProtocol) -> list[tuple[str, str]]:
    """A warning for streams whose frames are longer than the window of the headline tolerance."""
    window = Fraction(2 * protocol.headline[1], 1000)
    return [
        (
            each.name,
            f"frames of {float(1000 / each.frame_rate):g} ms are too coarse for +/- {protocol.headline[1]} ms: even "
            f"tokens that miss nothing would find about {float(window * each.frame_rate):.0%} of the boundaries",
        )
        for each in counts
        if window * each.frame_rate < 1
    ]


def _finite(summary: Summary) -> dict[str, Any]:
    """A summary for JSON, which knows no NaN."""
    return {key: value if value == value else None for key, value in summary.to_dict().items()}


def _protocols(protocol: BoundaryProtocol, tiers: tuple[str, ...], policy: str, null: str) -> dict[str, dict[str, Any]]:
    rule, tolerance_ms = protocol.headline
    policies = {PHONES: policy, WORDS: WORD_POLICY}
    common = {
        "tiers": list(tiers),
        "tolerances_ms": list(protocol.tolerances_ms),
        "headline": [rule, tolerance_ms],
        "edges": protocol.edges,
        "label_policies": {tier: policies[tier] for tier in tiers},
        "null": null,
        "n_nulls": protocol.n_nulls,
        "interval": "95 %, cluster-jackknife-t",
        "seed": protocol.seed,
    }
    by_rule: dict[str, dict[str, Any]] = {name: {"rule": DEFINITIONS[name], **common} for name in protocol.rules}
    runs = {
        "segments": "runs of equal codes within an utterance, over silence too; phones and words without silence",
        "percentile": "least duration that so many percent do not exceed",
        **{key: common[key] for key in ("interval", "seed")},
    }
    return {**by_rule, segments.PROTOCOL: runs}
