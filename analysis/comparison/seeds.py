"""Differences between variants that were trained several times, from several seeds.

The difference of a variant is the mean over seeds of its difference to the baseline trained from the same seed. Two
things make it uncertain, and both enter its interval as if independent: other speakers (the runs' numbers, averaged over
seeds, without the same speaker in turn, as `analysis.comparison.differences` takes them) and other seeds (the scatter
of the differences over the square root of their number). That is what drawing speakers and seeds with replacement gives
(Owen 2007, the pigeonhole bootstrap), each part put back by its n / (n - 1), computed instead of drawn; what the two
do together is in both parts, so the interval is a little wide. Each part has its own Student's t: with two seeds, one
degree of freedom, the interval is very wide unless they agree.

With one seed the interval knows nothing of what another training would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.comparison.comparable import check_comparable, same_utterances
from analysis.comparison.differences import Difference, difference, with_verdicts
from analysis.comparison.runs import Run, whole_corpus
from analysis.comparison.streams import at_equal_bits
from analysis.results.schema import Record
from analysis.statistics.jackknife import LeftOut
from hac.errors import HacError

Key = tuple[str, str]


@dataclass(frozen=True)
class SeedDifference:
    """The difference of one seed's training to the reference of that seed."""

    seed: int
    analysis: str
    difference: Difference


@dataclass(frozen=True)
class Compared:
    """What a comparison over seeds found.

    Attributes:
        differences: means over seeds, Holm-corrected over all of them.
        by_seed: the same of every seed, not corrected for their number.
        warnings: what a reader must know.
        counted: utterances of each analysis.
    """

    differences: list[Difference]
    by_seed: list[SeedDifference]
    warnings: list[str]
    counted: dict[str, int]


def compare_over_seeds(
    analyses: Mapping[str, Mapping[str, Mapping[int, Run]]],
    reference: str,
    *,
    wanted: Callable[[Record], bool] = whole_corpus,
    allow_levels: bool = False,
) -> Compared:
    """Differences of every variant to the reference, in every analysis, over the seeds that both have.

    Args:
        analyses: finished runs by analysis, variant and seed.
        reference: the variant that the others are compared with.
        wanted: which records; by default those of the whole corpus.
        allow_levels: compare variants whose levels differ also where a protocol names them (`intervene`).
    """
    found: list[Difference] = []
    by_seed: list[SeedDifference] = []
    warnings: list[str] = []
    counted: dict[str, int] = {}
    for analysis, variants in analyses.items():
        base = variants.get(reference, {})
        if base:
            first = next(iter(base.values())).results
            counted[analysis] = int(first.coverage.get("utterances", {}).get("counted", 0))
        for name, runs in variants.items():
            seeds = sorted(base.keys() & runs.keys())
            if name == reference:
                continue
            if not seeds:
                warnings.append(f"{analysis}: {name} and {reference} have no finished seed in common: not compared")
                continue
            try:
                pairs, notes = _pairs(analysis, [(base[seed], runs[seed]) for seed in seeds], allow_levels)
            except HacError as error:
                warnings.append(f"{analysis}: {name} is not compared: {error}")
                continue
            warnings += [f"{analysis}: {name}: {note}" for note in dict.fromkeys(notes)]
            paired = all(same_utterances(first, second) for first, second in pairs)
            for one, single in _differences(analysis, name, pairs, paired, wanted):
                found.append(one)
                by_seed += [SeedDifference(seed, analysis, each) for seed, each in zip(seeds, single, strict=True)]
    return Compared(with_verdicts(found), by_seed, warnings, counted)


def _pairs(
    analysis: str, pairs: Sequence[tuple[Run, Run]], allow_levels: bool
) -> tuple[list[tuple[Run, Run]], list[str]]:
    """Runs of the reference and of a variant as they can be compared, and what a reader must know.

    Raises:
        HacError: they cannot.
    """
    allowed = allow_levels and analysis == "intervene"
    notes = check_comparable([run for pair in pairs for run in pair], allow_protocol=allowed)
    if analysis != "recon":
        return list(pairs), notes
    at_rates = [(base, at_equal_bits(base, run)) for base, run in pairs]
    return [(base, run) for base, (run, _) in at_rates], notes + [note for _, (_, note) in at_rates if note]


def _differences(
    analysis: str,
    name: str,
    pairs: Sequence[tuple[Run, Run]],
    paired: bool,
    wanted: Callable[[Record], bool],
) -> list[tuple[Difference, list[Difference]]]:
    """Of one variant: the mean difference of every wanted record that all runs have, with that of each pair."""
    tables = [(_by_key(base), _by_key(other)) for base, other in pairs]
    shared = set.intersection(*(set(table) for pair in tables for table in pair))
    found = []
    for key, record in tables[0][0].items():
        if key not in shared or not wanted(record):
            continue
        rows = [(base[key], other[key]) for base, other in tables]
        one = difference(mean_record([a for a, _ in rows]), mean_record([b for _, b in rows]), name, paired, rows)
        single = [replace(difference(a, b, name, paired), analysis=analysis) for a, b in rows]
        found.append((replace(one, analysis=analysis), single))
    return found


def mean_record(records: Sequence[Record]) -> Record:
    """The mean of one number over several trainings, on all speakers and without each; it has no interval itself."""
    first = records[0]
    if len(records) == 1:
        return first
    alike = len({(record.ci_method, record.is_corrected) for record in records}) == 1
    return first.model_copy(
        update={
            **{
                name: _mean([getattr(record, name) for record in records])
                for name in ("estimate", "value", "null_mean")
            },
            **dict.fromkeys(("ci_low", "ci_high", "null_sd"), math.nan),
            "is_corrected": all(record.is_corrected for record in records),
            "left_out": _mean_left_out([record.left_out for record in records]) if alike else None,
        }
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _mean_left_out(found: Sequence[LeftOut | None]) -> LeftOut | None:
    """The mean without each cluster; None where the runs do not have the same number of clusters."""
    known = [one.values for one in found if one is not None]
    if len(known) < len(found) or len({values.shape for values in known}) > 1:
        return None
    return LeftOut(np.mean(known, axis=0))


def _by_key(run: Run) -> dict[Key, Record]:
    return {(record.id, record.group): record for record in run.results.metrics}
