"""All checkpoints of a run as one result file: a group for each."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.results.provenance import input_facts, provenance
from analysis.results.schema import Record, Results
from analysis.sweeps.history import CheckpointScores, CheckpointSeries, Flag

COMMAND = "history"


def group_of(step: int) -> str:
    """The group of a checkpoint's records."""
    return f"checkpoint=step-{step:08d}"


def history_results(
    job: CheckpointSeries, measured: CheckpointScores, flags: Sequence[Flag], collapse_share: float
) -> Results:
    """Every number of every checkpoint, what fell, and where it comes from."""
    noted: dict[tuple[int, str, str], list[str]] = {}
    for flag in flags:
        noted.setdefault((flag.step, flag.analysis, flag.id), []).append(flag.sentence)
    records = []
    for point in measured.points():
        notes = [point.record.note, *noted.get((point.step, point.analysis, point.record.id), [])]
        records.append(_record(point.record, point.analysis, point.step, notes))
    last = measured.runs[max(measured.runs)] if measured.runs else {}
    protocols = {
        f"{analysis}.{name}": dict(protocol)
        for analysis, run in last.items()
        for name, protocol in run.results.protocols.items()
    }
    if protocols:
        rule = {"drop": "against the best checkpoint before, paired; p times those before, then Holm"}
        protocols["flags"] = {**rule, "collapse_share": collapse_share, "collapse_of": "perplexity, used_codes"}
    warnings = [warning for run in last.values() for warning in run.results.warnings]
    return Results(
        command=COMMAND,
        status="partial" if measured.failed else "complete",
        system=job.run.resolve().name,
        metrics=records,
        streams=next((dict(run.results.streams) for run in last.values()), {}),
        protocols=protocols,
        coverage=next((dict(run.results.coverage) for run in last.values()), {}),
        failures={"checkpoint-failed": len(measured.failed)} if measured.failed else {},
        failed=[
            {"id": name, "reason": "checkpoint-failed", "detail": why} for name, why in sorted(measured.failed.items())
        ],
        warnings=list(dict.fromkeys([*(flag.sentence for flag in flags), *warnings])),
        provenance=_provenance(job, measured),
    )


def _record(record: Record, analysis: str, step: int, notes: Sequence[str]) -> Record:
    update = {"group": group_of(step), "protocol": f"{analysis}.{record.protocol}"}
    return record.model_copy(update={**update, "note": "; ".join(note for note in notes if note)})


def _provenance(job: CheckpointSeries, measured: CheckpointScores) -> dict[str, object]:
    files = {"manifest": job.evaluation.manifest, "alignments": job.evaluation.alignments}
    inputs = input_facts(files)
    tokenizers = {
        group_of(step): next(iter(runs.values())).results.provenance.get("tokenizer", {})
        for step, runs in measured.runs.items()
        if runs
    }
    options = {"run": str(job.run), "analyses": {name: dict(one.options) for name, one in job.analyses.items()}}
    return provenance(inputs, options, tokenizers, {})
