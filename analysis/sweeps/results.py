"""A comparison over seeds as results: a record for each difference, in the schema of every other analysis.

`phonetic.difference[pnmi]` with the group `variant=no_teachers` is the mean over seeds; `variant=no_teachers,seed=0` is
that of one seed. Its null is 0, with the standard error of the difference for its deviation.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from analysis.comparison.differences import Difference
from analysis.comparison.seeds import Compared
from analysis.results.provenance import input_facts, provenance
from analysis.results.schema import Record, Results
from analysis.sweeps.run import Job

COMMAND = "ablate"
ONE_SEED = (
    "each variant was trained from one seed: the intervals know of other speakers, not of what another training of the "
    "same variant would give"
)


def comparison_results(job: Job, compared: Compared, failed: Mapping[str, str]) -> Results:
    """What a comparison says, with where it comes from.

    Args:
        job: the sweep.
        compared: the differences.
        failed: trainings that are not wholly in it, with reasons.
    """
    n_tests = sum(math.isfinite(one.p) for one in compared.differences)
    records = [_record(one, f"variant={one.run}", n_tests, compared.counted) for one in compared.differences]
    records += [
        _record(one.difference, f"variant={one.difference.run},seed={one.seed}", 0, compared.counted)
        for one in compared.by_seed
    ]
    return Results(
        command=COMMAND,
        status="partial" if failed else "complete",
        system=job.sweep.path.stem,
        metrics=records,
        protocols={analysis: _protocol(job, analysis) for analysis in job.sweep.analyses},
        coverage={"utterances": {"counted": max(compared.counted.values(), default=0)}},
        failures={"not-finished": len(failed)} if failed else {},
        failed=[{"id": cell, "reason": "not-finished", "detail": why} for cell, why in sorted(failed.items())],
        warnings=_warnings(job, compared),
        provenance=_provenance(job),
    )


def _warnings(job: Job, compared: Compared) -> list[str]:
    """What a reader must know before quoting a difference."""
    one_seed = [ONE_SEED] if len(job.sweep.seeds) == 1 else []
    return list(dict.fromkeys([*one_seed, *job.warnings, *compared.warnings]))


def _record(one: Difference, group: str, n_tests: int, counted: Mapping[str, int]) -> Record:
    stream, rest = _parted(one.id)
    return Record(
        id=f"{stream}.difference[{rest}]",
        stream=stream,
        group=group,
        estimate=one.difference,
        value=one.difference,
        ci_low=one.low,
        ci_high=one.high,
        null_mean=0.0 if math.isfinite(one.p) else math.nan,
        null_sd=one.error if math.isfinite(one.p) else math.nan,
        n=counted.get(one.analysis, 0),
        protocol=one.analysis,
        ci_method="none" if one.method == "none" else f"{one.method}-jackknife" + "-and-seeds" * (one.n_seeds > 1),
        note=_note(one, n_tests),
    )


def _parted(id: str) -> tuple[str, str]:
    """Stream and metric of `acoustic.0.pnmi[silence-dropped]`."""
    head, mark, tail = id.partition("[")
    stream, _, metric = head.rpartition(".")
    return stream, metric + mark + tail


def _note(one: Difference, n_tests: int) -> str:
    what = f"{one.base:.5g} in the reference, {one.other:.5g} here ({one.of}, {one.n_seeds} seeds)"
    if not math.isfinite(one.p):
        return f"{what}; {one.note or 'undefined: one of the two is undefined'}"
    if not n_tests:
        return f"{what}; p {one.p:.3g}, not corrected: one seed of several"
    return f"{what}; p {one.p_holm:.3g} (Holm over {n_tests}): {one.verdict}"


def _protocol(job: Job, analysis: str) -> dict[str, Any]:
    sweep = job.sweep
    return {
        "reference": sweep.reference,
        "seeds": list(sweep.seeds),
        "checkpoint": sweep.checkpoint,
        "options": dict(sweep.analyses[analysis].options),
        "metrics": list(sweep.metrics) or "all",
    }


def _provenance(job: Job) -> dict[str, Any]:
    sweep = job.sweep
    files = {"sweep": sweep.path, "manifest": job.evaluation.manifest, "alignments": job.evaluation.alignments}
    inputs = input_facts(files)
    cells = {
        cell.name: {"key": cell.key, "data": cell.data, "steps": cell.config.steps, "codebooks": cell.codebooks}
        for cell in job.cells
    }
    settings = {variant.name: json.loads(json.dumps(variant.changes, default=str)) for variant in sweep.variants}
    return provenance(inputs, {"variants": settings, "trainings": cells}, {}, {})
