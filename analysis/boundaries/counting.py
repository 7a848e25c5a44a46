"""From labels and tokens to the counts behind every boundary score: integers by row, for each draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.inputs.corpus import AssignRows, Labels, TokenCorpus, match
from hac.data.alignments.alignment import PHONES, WORDS, Tier, partition
from hac.data.phones.policy import SILENCE, PhonePolicy, load_policy
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.boundaries.boundary_counts import (
    RULES,
    BoundaryCounts,
    Edges,
    References,
    Rule,
    count_boundaries,
    reference_boundaries,
)
from probes.boundaries.durations import DurationCounts, label_durations, run_durations
from probes.clusters import Rows, assign_rows
from probes.nulls.circular_shift import ShiftedStream

TIERS = (PHONES, WORDS)
WORD_POLICY = "words"
MAX_TOLERANCE_MS = 1000


@dataclass(frozen=True)
class BoundaryProtocol:
    """How change points are held against boundaries; recorded with every number.

    Attributes:
        rules: matching rules, see `probes.boundaries.boundary_counts`.
        tolerances_ms: whole milliseconds from 0 to 1000.
        headline_rule, headline_ms: what tables, figures and languages show; the first of its list where it is not
            among them.
        edges: `out` or `in`, see `probes.boundaries.boundary_counts`.
        tiers: `phones`, `words` or both; empty: those that the alignments have.
        n_nulls: null draws (circular shifts).
        seed: of shifts and draws.
        phone_policy: name of the phone policy.

    Raises:
        HacError: a tolerance is out of range, there is none, or a tier is not known.
    """

    rules: tuple[Rule, ...] = RULES
    tolerances_ms: tuple[int, ...] = (10, 20, 30, 40, 50)
    headline_rule: Rule = "greedy"
    headline_ms: int = 20
    edges: Edges = "out"
    tiers: tuple[str, ...] = ()
    n_nulls: int = 20
    seed: int = 0
    phone_policy: str = "auto"

    def __post_init__(self) -> None:
        bad = [ms for ms in self.tolerances_ms if not 0 <= ms <= MAX_TOLERANCE_MS]
        if bad or not self.tolerances_ms:
            found = f"a tolerance of {bad[0]} ms" if bad else "no tolerance"
            raise HacError(f"{found}; expected whole milliseconds from 0 to {MAX_TOLERANCE_MS}, such as 10,20,30,40,50")
        for tier in self.tiers:
            if tier not in TIERS:
                raise HacError(f"tier {tier!r} has no boundaries to look for; choose among {', '.join(TIERS)}")

    @property
    def headline(self) -> tuple[Rule, int]:
        """The rule and the tolerance in ms that stand for all."""
        rule = self.headline_rule if self.headline_rule in self.rules else self.rules[0]
        return rule, self.headline_ms if self.headline_ms in self.tolerances_ms else self.tolerances_ms[0]


@dataclass(frozen=True)
class BoundaryCorpus(TokenCorpus):
    """Utterances with tokens and tiers, ready to be counted.

    Attributes:
        tiers: phones and words, each a partition of the utterance's time.
        durations_us: int64 [n_utterances].
        policy: name of the phone policy.
    """

    tiers: dict[str, Tier]
    durations_us: NDArray[np.int64]
    policy: str

    def subset(self, part: NDArray[np.int64]) -> BoundaryCorpus:
        """The utterances at some places: a shard."""
        chosen = self._at(part)
        tiers = {name: tier.select(chosen.ids) for name, tier in self.tiers.items()}
        return replace(chosen, tiers=tiers, durations_us=self.durations_us[part])


@dataclass(frozen=True)
class StreamCounts:
    """Everything counted of one stream; the counts of disjoint utterances add.

    Attributes:
        name: of the stream.
        codebook_size: codes lie below this.
        frame_rate: Hz.
        codes: int64 [n_used], the codes that occur, ascending.
        boundaries: tier -> counts of each draw (0: the tokens as they are; 1..: nulls).
        runs: durations of runs of equal codes.
    """

    name: str
    codebook_size: int
    frame_rate: Fraction
    codes: NDArray[np.int64]
    boundaries: Mapping[str, Sequence[BoundaryCounts]]
    runs: DurationCounts

    @property
    def n_frames(self) -> int:
        """Tokens of the stream."""
        return int(self.runs.time.sum())


def boundary_corpus(
    labels: Labels,
    tokens: TokenStore,
    protocol: BoundaryProtocol,
    failures: FailureLog,
    assign: AssignRows = assign_rows,
) -> BoundaryCorpus:
    """The utterances that have tokens and every tier, with their rows; what fell out goes into the failures.

    Raises:
        HacError: a tier asked for is missing, or no utterance has everything.
    """
    names = protocol.tiers or tuple(name for name in TIERS if name in labels.alignments.tiers) or (PHONES,)
    met = match(labels, tokens, names, failures, assign)
    tiers, reports, policy = {}, {}, ""
    for name in names:
        # the policy is chosen by all labels there are, so that a shard or a subset gets the same one
        chosen = _policy(name, protocol.phone_policy, labels.alignments.tier(name).vocabulary)
        tiers[name], report = partition(met.tiers[name], met.durations_us, chosen)
        reports[name] = report.to_dict()
        policy = chosen.name if name == PHONES else policy
    durations = np.array([met.durations_us[id] for id in met.ids], np.int64)
    coverage = {**met.coverage, "alignment_rules": reports}
    return BoundaryCorpus(met.ids, met.voices, met.tokens, met.rows, coverage, met.warnings, tiers, durations, policy)


def _policy(tier: str, phone_policy: str, vocabulary: Sequence[str]) -> PhonePolicy:
    return load_policy(phone_policy if tier == PHONES else WORD_POLICY, vocabulary)


def count_streams(
    marked: BoundaryCorpus, streams: Sequence[ShiftedStream], protocol: BoundaryProtocol, jobs: int
) -> list[StreamCounts]:
    """Count every stream against every tier, draw by draw.

    Args:
        marked: the labels.
        streams: of the same utterances in the same order, with their null draws.
        protocol: see `BoundaryProtocol`.
        jobs: processes; 0 or less: one per core.
    """
    references = {
        name: reference_boundaries(tier, protocol.edges, None if name == PHONES else SILENCE)
        for name, tier in marked.tiers.items()
    }
    n_draws = protocol.n_nulls + 1
    tasks = [(tokens, references, marked.rows, r, protocol) for tokens in streams for r in range(n_draws)]
    found = parallel.run(_count_draw, tasks, jobs=jobs, what="counting boundaries")
    counts = []
    for i, tokens in enumerate(streams):
        stream, draws = tokens.draw(0, protocol.seed), found[i * n_draws : (i + 1) * n_draws]
        counts.append(
            StreamCounts(
                stream.name,
                stream.codebook_size,
                stream.frame_rate,
                stream.used_codes(),
                {name: [draw[name] for draw in draws] for name in references},
                run_durations(stream, marked.rows),
            )
        )
    return counts


def _count_draw(
    tokens: ShiftedStream,
    references: Mapping[str, References],
    rows: Rows,
    r: int,
    protocol: BoundaryProtocol,
) -> dict[str, BoundaryCounts]:
    stream = tokens.draw(r, protocol.seed)
    tolerances_us = [ms * 1000 for ms in protocol.tolerances_ms]
    return {
        name: count_boundaries(stream, marks, rows, protocol.rules, tolerances_us) for name, marks in references.items()
    }


def count_labels(marked: BoundaryCorpus) -> dict[str, DurationCounts]:
    """Durations of the phones and words themselves, silence left out."""
    return {
        name: label_durations(tier, marked.durations_us, marked.rows, SILENCE) for name, tier in marked.tiers.items()
    }
