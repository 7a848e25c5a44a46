"""Where tokens change against where phones or words begin and end: counts of boundaries that are found.

An estimate is the edge of a frame whose code differs from the code before. A reference is a distinct onset or offset
of an interval. Both lie on one integer clock, so 20 ms are 20 ms at any rate. A tolerance is inclusive:
|reference - estimate| <= tolerance. Which estimate finds which reference is a named rule:

- `greedy`: one-to-one, two pointers from left to right (VG-HuBERT, Peng and Harwath 2022, `unit_analysis.py`).
- `nearest`: one-to-one, the closest free pair first; ties to the earlier reference, then to the earlier estimate.
- `maximum`: one-to-one, as many pairs as possible: a maximum bipartite matching (mir_eval, `util.match_events`).
- `midpoint`: the window of a reference, +/- the tolerance, ends half-way to its neighbours (the midpoint itself is the
  earlier one's); a reference is hit once if any estimate lies in its window (Räsänen, Laine and Altosaar 2009,
  section 2.3; discophon's `segmentation.py`).

`greedy` and `maximum` always count the same. Let r and e be the first reference and the first estimate, within
tolerance of each other. If a matching pairs r with e' and r' with e instead, both later, then r' - e' <= r' - e and
e' - r' <= e' - r, so r' and e' are within tolerance too, and pairing r with e and r' with e' is as good. They are
counted by one loop; both names stay, because they are published as different rules. Tests compare with scipy's
bipartite matching. The reference 1.00, 1.04 s and the estimate 1.03, 1.08 s at +/- 50 ms score F1 1, .5, 1, .5.

Edges: `out` leaves out the first and the last reference of each utterance, and estimates at 0 and at the end of the
tokens, which are no changes (VG-HuBERT). `in` counts all four.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hac.data import timeline
from hac.data.alignments.alignment import Tier
from hac.data.ragged import bounds_of
from hac.data.tokens.token_store import Stream
from hac.errors import one_of
from probes.boundaries import kernels
from probes.clusters import Rows

Rule = Literal["greedy", "nearest", "maximum", "midpoint"]
RULES: tuple[Rule, ...] = get_args(Rule)
Edges = Literal["out", "in"]
EDGES: tuple[Edges, ...] = get_args(Edges)

_MATCHER = {
    "greedy": kernels.IN_ORDER,
    "nearest": kernels.NEAREST,
    "maximum": kernels.IN_ORDER,
    "midpoint": kernels.MIDPOINT,
}


@dataclass(frozen=True)
class References:
    """Reference boundaries: those of utterance u are `time_us[bounds[u]:bounds[u + 1]]`, ascending, each once.

    Attributes:
        time_us: int64 [n_references], microseconds.
        bounds: int64 [n_utterances + 1].
        edges: whether the first and last of each utterance are among them.
    """

    time_us: NDArray[np.int64]
    bounds: NDArray[np.int64]
    edges: Edges


@dataclass(frozen=True)
class BoundaryCounts:
    """What was found, by row; adds with `+`. Precision is hits / estimates, recall hits / references.

    Attributes:
        references: int64 [n_rows].
        estimates: int64 [n_rows].
        hits: int64 [n_rows, n_rules, n_tolerances], at most the lesser of the two.
    """

    references: NDArray[np.int64]
    estimates: NDArray[np.int64]
    hits: NDArray[np.int64]

    def __add__(self, other: BoundaryCounts) -> BoundaryCounts:
        """Counts of both; rows, rules and tolerances must be the same ones."""
        return BoundaryCounts(
            self.references + other.references, self.estimates + other.estimates, self.hits + other.hits
        )


def reference_boundaries(tier: Tier, edges: Edges = "out", silence: str | None = None) -> References:
    """Distinct onsets and offsets of a tier's intervals.

    Args:
        tier: intervals that ascend and do not overlap, as `hac.data.alignments.alignment.partition` leaves them.
        edges: see the module.
        silence: a label whose intervals are none of the tier's: what lies between words. Phones have silence among
            them; give None.

    Raises:
        ValueError: intervals overlap or do not ascend.
    """
    kept = tier.is_not(silence)
    utterance = np.repeat(tier.utterance_index()[kept], 2)
    time = np.stack([tier.onset_us[kept], tier.offset_us[kept]], axis=1).ravel()
    same = utterance[1:] == utterance[:-1]
    if (same & (time[1:] < time[:-1])).any():
        raise ValueError(f"intervals of tier {tier.name!r} overlap or do not ascend; make a partition of it first")
    new = np.append(True, ~same | (time[1:] > time[:-1]))[: len(time)]
    utterance, time = utterance[new], time[new]
    if edges == "out":
        alone = utterance[1:] != utterance[:-1]
        # the first of an utterance, and the last
        inner = ~(np.append(True, alone) | np.append(alone, True))[: len(time)]
        utterance, time = utterance[inner], time[inner]
    return References(time, bounds_of(np.bincount(utterance, minlength=len(tier.ids))), edges)


def count_boundaries(
    stream: Stream,
    references: References,
    rows: Rows,
    rules: Sequence[Rule],
    tolerances_us: Sequence[int],
) -> BoundaryCounts:
    """Count the references that change points find.

    Args:
        stream: whose codes change.
        references: of the same utterances, in the same order.
        rows: row of each utterance.
        rules: see the module.
        tolerances_us: microseconds, at least 0.
    """
    n_rows = len(rows.rows)
    ticks_per_s = timeline.clock([stream.frame_rate])
    scale = ticks_per_s // timeline.US_PER_S
    order = np.argsort(tolerances_us, kind="stable")
    place = np.argsort(order, kind="stable")
    matchers = [_MATCHER[rule] for rule in rules]
    hits = np.zeros((n_rows, len({*_MATCHER.values()}), len(order)), np.int64)
    estimates = np.zeros(n_rows, np.int64)
    kernels.count_hits(
        stream.codes,
        stream.bounds,
        timeline.ticks_per_frame(stream.frame_rate, ticks_per_s),
        references.edges == "in",
        references.time_us * scale,
        references.bounds,
        rows.of_utterance,
        np.asarray(tolerances_us, np.int64)[order] * scale,
        np.isin(np.arange(hits.shape[1]), matchers),
        hits,
        estimates,
    )
    for matcher in (kernels.NEAREST, kernels.MIDPOINT):
        # what a tolerance allows, every wider one does
        np.cumsum(hits[:, matcher], axis=1, out=hits[:, matcher])
    found = np.zeros(n_rows, np.int64)
    np.add.at(found, rows.of_utterance, np.diff(references.bounds))
    return BoundaryCounts(found, estimates, hits[:, matchers][:, :, place])


def check_rules(names: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of these names, each once, in the order given.

    Raises:
        HacError: there is no such rule.
    """
    return tuple(dict.fromkeys(one_of(name, RULES, "rule") for name in names))


def check_edges(name: str) -> Edges:
    """What is done with the edges, by name.

    Raises:
        HacError: it is neither `out` nor `in`.
    """
    return one_of(name, EDGES, "choice of edges")
