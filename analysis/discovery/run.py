"""Word discovery: do the segments of a token stream, or of a given segmentation, fall together with words?

The scores are the field's own (see `probes.discovery.term_discovery`), each beside its null and its interval.

- Null: the segments of each utterance are shifted circularly in time against its words and phones; one that comes to
  lie across the end is cut in two. Their lengths, classes and number stay, their place is lost.
- Interval: each cluster (speaker) is left out in turn. Token and boundary scores and coverage are ratios of sums over
  utterances; types and pairs do not add and are counted again without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.discovery.scores import PROTOCOL, records
from analysis.inputs.corpus import Labels, MatchedCorpus, match
from analysis.inputs.request import Request, about_of, streams_of, together
from analysis.results.builder import make_results
from analysis.results.schema import Results, StreamInfo
from hac.data.alignments.alignment import PHONES, WORDS, Tier, partition
from hac.data.phones.policy import NOISE, SILENCE, load_policy
from hac.data.segments import read_segments, runs_of, within
from hac.data.timeline import US_PER_S
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog, HacError
from probes.clusters import Clusters, clusters_of
from probes.discovery import term_discovery
from probes.discovery.discovery_counts import DiscoveryCounts, count, pairs_in_classes, shifted, words_to_find
from probes.nulls.circular_shift import OVER_SPEAKERS, Rings

COMMAND = "discovery"
Silence = Literal["keep", "drop"]


@dataclass(frozen=True)
class Protocol:
    """How a segmentation is scored; recorded with every number.

    Attributes:
        n_nulls: null draws (circular shifts); few, for the package takes its time over each.
        seed: of shifts and draws.
        phone_policy: name of the phone policy.
        max_pairs: most pairs of different transcriptions that NED compares in a draw; beyond, there is no NED.
        silence: `keep`: segments over nothing but silence count, as in the package; `drop`: they are left out, as
            if a perfect detector of speech had been at work.
    """

    n_nulls: int = 5
    seed: int = 0
    phone_policy: str = "auto"
    max_pairs: int = 2_000_000
    silence: Silence = "keep"


@dataclass(frozen=True)
class Outcome:
    """The results; there are no tables behind them."""

    results: Results


@dataclass(frozen=True)
class _Gold:
    """What is to be found, utterance by utterance."""

    rings: Rings
    phones: Tier
    words: Tier
    durations_us: NDArray[np.int64]
    cluster_of: NDArray[np.int64]
    clusters: Clusters


def check_silence(name: str) -> Silence:
    """`keep` or `drop`.

    Raises:
        HacError: it is neither.
    """
    if name == "keep":
        return "keep"
    if name == "drop":
        return "drop"
    raise HacError(f"--silence {name!r} is not known; choose keep or drop")


def given(path: Path, labels: Labels, failures: FailureLog) -> tuple[dict[str, Tier], TokenStore]:
    """A segmentation from a file, by its name (the file's), and a token store without streams for the request.

    Every utterance that has labels is scored, also where the file has no segment of it: its words were not found.

    Raises:
        HacError: the file cannot be used.
    """
    segments = read_segments(path, failures)
    manifest = labels.manifest
    ids = manifest.ids if manifest else sorted({id for tier in labels.alignments.tiers.values() for id in tier.ids})
    # brackets would look like those of a protocol
    name = re.sub(r"[\[\]]", "_", path.stem)
    return {name: segments}, TokenStore(tuple(ids), {}, {"tokenizer": path.stem})


def run(
    request: Request[Protocol],
    jobs: int = -1,
    segmentations: Mapping[str, Tier] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Score every stream asked for, or the given segmentations.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
        segmentations: segments by name, in place of the streams' runs.
        say: told how much there is to do before it is done.

    Raises:
        HacError: no utterance can be scored, there is no word to find, or the scorer's package is not installed.
    """
    term_discovery.package()
    protocol = request.protocol
    met = match(request.labels, request.tokens, (PHONES, WORDS), request.failures)
    gold, policy, coverage = _gold(met, request.labels.alignments.tier(PHONES).vocabulary, protocol.phone_policy)
    streams = [] if segmentations is not None else streams_of(met.tokens, request.streams)
    found = _segments(met, streams, segmentations, request.failures)
    for name, segments in found.items():
        say(
            f"{name}: {segments.n_intervals:,} segments in {len(np.unique(segments.labels)):,} classes, "
            f"{pairs_in_classes(segments):,} pairs in a class at most"
        )
    tasks = [(gold, segments, protocol, r) for segments in found.values() for r in range(protocol.n_nulls + 1)]
    counted = parallel.run(_count_draw, tasks, jobs=jobs, what="scoring segments")
    step = protocol.n_nulls + 1
    by_name = {name: counted[i * step : (i + 1) * step] for i, name in enumerate(found)}
    coverage["segments"] = {name: _segment_facts(found[name], draws[0]) for name, draws in by_name.items()}
    about = about_of(request, coverage, met.warnings)
    return Outcome(_results(protocol, policy, gold, by_name, {s.name: _info(s, met) for s in streams}, about))


def _gold(met: MatchedCorpus, vocabulary: Sequence[str], policy_name: str) -> tuple[_Gold, str, dict[str, Any]]:
    """Phones and words to be found, the name of the phone policy, and what to say of it all."""
    # the policy is chosen by all labels there are, so that a subset gets the same one
    policy = load_policy(policy_name, vocabulary)
    phones, report = partition(met.tiers[PHONES], met.durations_us, policy)
    words, counts = words_to_find(met.tiers[WORDS], phones, (SILENCE, NOISE))
    if not words.n_intervals:
        raise HacError(
            f"there is no word to find in {len(met.ids)} utterances: {counts['found']} words in the alignments, none "
            "of which lasts and holds a phone; align words first, for instance with: hac align MANIFEST"
        )
    clusters = clusters_of(met.rows.rows)
    durations = np.array([met.durations_us[id] for id in met.ids], np.int64)
    gold = _Gold(met.rings, phones, words, durations, clusters.of_row[met.rows.of_utterance], clusters)
    return gold, policy.name, {**met.coverage, "alignment_rules": report.to_dict(), "words": counts}


def _segments(
    met: MatchedCorpus, streams: list[Stream], segmentations: Mapping[str, Tier] | None, failures: FailureLog
) -> dict[str, Tier]:
    """Segments by name, within their utterances."""
    if segmentations is not None:
        return {name: within(tier, met.ids, met.durations_us, failures) for name, tier in segmentations.items()}
    return {stream.name: within(runs_of(stream, met.ids), met.ids, met.durations_us, None) for stream in streams}


def _count_draw(gold: _Gold, segments: Tier, protocol: Protocol, r: int) -> DiscoveryCounts:
    """Counts of draw r (0: the segments as they are)."""
    if r:
        shifts = gold.rings.shifts(gold.durations_us, Fraction(US_PER_S), r, protocol.seed)
        segments = shifted(segments, gold.durations_us, gold.rings, shifts)
    return count(
        gold.phones,
        gold.words,
        segments,
        gold.cluster_of,
        gold.clusters.n,
        protocol.max_pairs,
        silence=protocol.silence == "keep",
    )


def _segment_facts(segments: Tier, counts: DiscoveryCounts) -> dict[str, int]:
    return {
        "found": segments.n_intervals,
        "classes": len(np.unique(segments.labels)),
        "scored": counts.kept,
        # the package throws away what holds no phone, `--silence drop` what holds silence only
        "left_out": segments.n_intervals - counts.kept,
        "pairs": int(counts.ned.pairs[0]),
        "pairs_compared": counts.ned.comparisons if counts.ned.distance is not None else 0,
    }


def _info(stream: Stream, met: MatchedCorpus) -> StreamInfo:
    return StreamInfo(
        codebook_size=stream.codebook_size,
        frame_rate=str(stream.frame_rate),
        used_codes=len(stream.used_codes()),
        n_frames=len(stream.codes),
        hours=sum(met.durations_us[id] for id in met.ids) / US_PER_S / 3600,
    )


def _results(
    protocol: Protocol,
    policy: str,
    gold: _Gold,
    by_name: Mapping[str, list[DiscoveryCounts]],
    streams: dict[str, StreamInfo],
    about: Mapping[str, Any],
) -> Results:
    metrics = [
        record
        for name, (actual, *nulls) in by_name.items()
        for record in records(name, actual, nulls, gold.clusters, protocol.max_pairs)
    ]
    notes = [(name, text) for name, draws in by_name.items() for text in _warnings(draws[0], protocol)]
    if gold.clusters.note:
        notes.append(("whole corpus", gold.clusters.note))
    return make_results(
        COMMAND, about, metrics, {PROTOCOL: _protocol(protocol, policy)}, streams=streams, warnings=together(notes)
    )


def _warnings(counts: DiscoveryCounts, protocol: Protocol) -> list[str]:
    texts = []
    if counts.ned.distance is None:
        texts.append(
            f"NED was left out: it would take {counts.ned.comparisons:,} comparisons, more than --max-pairs "
            f"{protocol.max_pairs:,}"
        )
    if counts.sets["type_hits"][0] > counts.sets["types"][0]:
        texts.append("type recall is above 1: words are pronounced in more than one way, and types go by pronunciation")
    return texts


def _protocol(protocol: Protocol, policy: str) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        **asdict(protocol),
        "phone_policy": policy,
        "scorer": f"{term_discovery.PACKAGE} {version(term_discovery.PACKAGE)}",
        "null": f"{OVER_SPEAKERS}; a segment across an utterance's end is cut in two",
        "interval": "95 %, cluster-jackknife-t",
    }
