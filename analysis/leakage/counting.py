"""Counting what every stream tells of every factor, alone and beside another stream, draw by draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.leakage.information import Information, InformationOf, Joint, Labelled, information
from analysis.leakage.layout import FrameLabels, Layout
from probes.leakage.cells import MOST_CELLS, Cells, Codes, Counter, Sums, by_label, cells, given_order, marginals
from probes.nulls.circular_shift import NULL_NAME
from probes.nulls.run_permutation import permuted_runs

SHIFT, LABELS, RUNS = NULL_NAME, "labels-dealt", "codes-dealt"
"""Names of the nulls: of a frame factor, of an utterance factor, and of codes among runs of the given stream."""
NULLS_SCORED = 4
"""Null draws that take part in the interval of a corrected value: enough to keep it quiet."""
Vector = NDArray[np.float64]


class Work:
    """Counting under one given stream; what several counts share is made once."""

    def __init__(self, plan: Layout, given: int | None) -> None:
        self._plan = plan
        self._given = given_order(None if given is None else plan.streams[given], plan.n_frames)
        self._counter = Counter(max(stream.n_codes for stream in plan.streams), plan.n_clusters)
        self._plain: dict[int, tuple[Cells, Sums]] = {}
        self._cells: dict[tuple[str, int], tuple[Cells, Labelled]] = {}

    def labelled(self, factor: FrameLabels, draw: int = 0) -> Labelled:
        """What a factor sums to (draw: which one of its null draws its labels are)."""
        return self._grouped(factor, draw)[1]

    def joints(self, factors: Sequence[FrameLabels], codes: Codes, without_each: bool, draw: int = 0) -> list[Joint]:
        """What codes sum to under each factor.

        Args:
            factors: the factors.
            codes: of the frames, in order of time.
            without_each: whether the sums without each cluster are wanted.
            draw: which one of their null draws the labels are.
        """
        placed = self._given.placed(codes)
        of_codes: dict[int, Sums] = {}
        made = []
        for factor in factors:
            grouped = self._grouped(factor, draw)[0]
            if factor.mask not in of_codes:
                of_codes[factor.mask] = self._counter.count(self._plain[factor.mask][0], placed, without_each)
            made.append(Joint(self._counter.count(grouped, placed, without_each), of_codes[factor.mask]))
        return made

    def _grouped(self, factor: FrameLabels, draw: int) -> tuple[Cells, Labelled]:
        key = (factor.name, draw)
        if key not in self._cells:
            if factor.mask not in self._plain:
                alike = np.minimum(factor.labels, 0)
                frames = by_label(alike, 1, self._plan.clusters, self._plan.n_clusters)
                plain = cells(self._given, frames, alike, self._plan.clusters)
                self._plain[factor.mask] = plain, self._counter.sizes(plain)
            grouped = cells(self._given, factor.frames, factor.labels, self._plan.clusters)
            of_given = self._plain[factor.mask][1]
            n_by = np.bincount(self._plan.clusters[factor.frames], minlength=self._plan.n_clusters)
            labelled = Labelled(self._counter.sizes(grouped), of_given, len(factor.frames), n_by)
            self._cells[key] = grouped, labelled
        return self._cells[key]

    def forget(self, factor: FrameLabels, draw: int) -> None:
        """Drop what was kept of a null draw."""
        self._cells.pop((factor.name, draw), None)


def unconditional(plan: Layout, place: int) -> list[InformationOf]:
    """What each stream tells of one factor.

    Args:
        plan: the layout.
        place: of the factor in it.
    """
    factor = plan.factors[place]
    work = Work(plan, None)
    draws: list[list[Information]] = [[] for _ in plan.streams]
    for draw in range(plan.protocol.n_nulls + 1):
        permuted = draw > 0 and factor.kind == "utterance"
        one = plan.permuted(factor, draw) if permuted else factor
        for stream, done in zip(plan.streams, draws, strict=True):
            codes = plan.shifted(stream.codes, draw) if draw and not permuted else stream.codes
            scored = draw <= NULLS_SCORED
            if stream.n_codes * factor.n_labels <= MOST_CELLS:
                n_clusters = plan.n_clusters if scored else 0
                at = (one.labels, one.n_labels, codes, stream.n_codes, plan.clusters, n_clusters)
                sums = marginals(*at)
                done.append(
                    information(Labelled(sums.labels, sums.frames, sums.n, sums.n_by), Joint(sums.both, sums.codes))
                )
                continue
            label_draw = draw if permuted else 0
            joint = work.joints([one], codes, scored, label_draw)[0]
            done.append(information(work.labelled(one, label_draw), joint))
        if permuted:
            work.forget(factor, draw)
    return [InformationOf(done[0], {name_of(factor): tuple(done[1:])}) for done in draws]


@dataclass(frozen=True)
class Beside:
    """What was counted under one given stream.

    A pair of streams sums to the same whichever of the two is given, so `joints` of a pair are in one of the two only.

    Attributes:
        labelled: of each factor as it is, and in each draw of shifted or permuted labels: [1 + draws][factors].
        joints: by place of stream, likewise: [1 + draws][factors].
        runs: by place of stream, of each factor, the draws of codes permuted among runs: [draws][factors].
    """

    labelled: list[list[Labelled]]
    joints: dict[int, list[list[Joint]]]
    runs: dict[int, list[list[Information]]]


def conditional(plan: Layout, given: int, all_given: Sequence[int]) -> Beside:
    """Count every stream and factor under a given stream.

    Two nulls, since each of them tells too little in one case. Codes permuted among the runs with the same given code
    keep how the two streams go together, but not that the codes of a stream last: a stream that knows nothing and
    changes slowly would seem to tell of words and speakers. Labels shifted (or permuted) under both streams at once
    keep that, but not what the given stream tells of the factor.

    Args:
        plan: the layout.
        given: place of the given stream.
        all_given: places of all streams that are given in turn.
    """
    work, one = Work(plan, given), plan.streams[given]
    others = [a for a in range(len(plan.streams)) if a != given]
    made = Beside([], {a: [] for a in others if a > given or a not in all_given}, {a: [] for a in others})
    for draw in range(plan.protocol.n_given_nulls + 1):
        factors = [plan.permuted(factor, draw) for factor in plan.factors] if draw else plan.factors
        made.labelled.append([work.labelled(factor, draw) for factor in factors])
        for a, joints in made.joints.items():
            joints.append(work.joints(factors, plan.streams[a].codes, draw <= 1, draw))
        if draw:
            for factor in factors:
                work.forget(factor, draw)
    for a, runs in made.runs.items():
        for draw in range(1, plan.protocol.n_given_nulls + 1):
            permuted = permuted_runs(plan.streams[a], one, draw, plan.protocol.seed)
            runs.append(_information(made.labelled[0], work.joints(plan.factors, permuted, draw == 1)))
    return made


def _information(labelled: Sequence[Labelled], joints: Sequence[Joint]) -> list[Information]:
    return [information(of, joint) for of, joint in zip(labelled, joints, strict=True)]


def measured(parts: Mapping[int, Beside], factors: Sequence[FrameLabels]) -> dict[tuple[int, int, int], InformationOf]:
    """What each stream tells of each factor beyond each given stream.

    Args:
        parts: what `conditional` counted, by place of the given stream.
        factors: in the order they were counted in.

    Returns:
        By the places of the stream, the given one and the factor.
    """
    made = {}
    for b, part in parts.items():
        for a, runs in part.runs.items():
            joints = part.joints[a] if a in part.joints else parts[a].joints[b]
            actual, *moved = map(_information, part.labelled, joints)
            for f, factor in enumerate(factors):
                nulls = {RUNS: tuple(draw[f] for draw in runs), name_of(factor): tuple(draw[f] for draw in moved)}
                made[a, b, f] = InformationOf(actual[f], nulls)
    return made


def name_of(factor: FrameLabels) -> str:
    """Name of the null that breaks what tokens know of a factor."""
    return LABELS if factor.kind == "utterance" else SHIFT
