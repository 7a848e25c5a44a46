"""Runs made up in memory, with numbers as they are wanted: no corpus, no files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from analysis.results.schema import Record, Results, StreamInfo
from analysis.statistics.jackknife import LeftOut, jackknife
from reports.document.runs import ReportRun

COVERAGE = {
    "utterances": {"counted": 48, "key": "same"},
    "hours": {"counted": 1.5},
    "speakers": 12,
    "languages": ["en"],
}


def made_record(
    id: str, estimate: float, error: float = 0.01, *, seed: int = 0, n: int = 12, null: float = 0.1, **fields: Any
) -> Record:
    """A corrected record whose jackknife error is about `error`; records of one seed share what makes speakers easy."""
    rng = np.random.default_rng(seed)
    left_out = estimate + error * rng.normal(size=n) / np.sqrt(n - 1)
    interval = jackknife(estimate, left_out)
    given: dict[str, Any] = {
        "id": id,
        "stream": id.rsplit(".", 1)[0],
        "estimate": estimate,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "is_corrected": True,
        "value": null + estimate * (1 - null),
        "null_mean": null,
        "null_sd": 0.001,
        "n_nulls": 20,
        "n": 1000,
        "protocol": "p",
        "ci_method": interval.method,
        "note": f"clusters: {n} (speaker)",
        "left_out": LeftOut(left_out),
    }
    return Record(**{**given, **fields})


def made_run(system: str, command: str, *records: Record, **fields: Any) -> ReportRun:
    """A run of these records; `coverage` and all else of `Results` as they are given."""
    streams = {
        record.stream: StreamInfo(codebook_size=1024, frame_rate="50", used_codes=9, n_frames=9, hours=1.5)
        for record in records
    }
    given = {"streams": streams, "coverage": COVERAGE, **fields}
    results = Results(command=command, system=system, metrics=list(records), **given)
    return ReportRun(system, Path("nowhere") / system / command, results)


def with_coverage(**fields: Any) -> dict[str, Any]:
    """Coverage with something else in it."""
    return {**COVERAGE, **fields}


FITTED = {
    "inputs": {"manifest": {"content_sha256": "abc"}},
    "tokenizer": {"tokenizer_provenance": {"manifest_sha256": "abc"}},
}
"""Provenance of units that were fitted on what they are scored on."""
