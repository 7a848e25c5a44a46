"""Signal metrics of many pairs of audio files: in processes, each pair once.

A row is known by the hashes of both files and of the settings, so a run that was stopped goes on, and one more
condition costs only its own pairs. Rows are kept in small JSON files beside the results.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.audio_quality.pairs import NOT_MEASURED, Part, mean_part, ratios_of, undefined
from analysis.results.ratios import Ratios
from hac.data.audio.audio import AudioError, read_audio
from hac.errors import HacError
from hac.files.atomic import sha256_file, write_text
from hac.files.parsing import load_json
from hac.judges.stoi import Score
from probes.signal.pitch_errors import PitchErrors, pitch_errors
from probes.signal.signal_metrics import (
    SIGNAL_METRICS,
    LengthPolicy,
    LengthsDiffer,
    Samples,
    equal_lengths,
    signal_scores,
)

PITCH_METRICS = ("f0_corr", "f0_rmse_cents", "gross_pitch_error", "voicing_error")
TASK_PAIRS = 24
"""Pairs given to a process at a time: what a killed run can lose, per process."""
LIBRARIES = ("pesq", "pystoi", "soxr", "numpy", "scipy")

Row = dict[str, Any]
"""What was measured of a pair: `lengths` in samples, `scores` (name -> value, reason), `pitch`, or `failed`."""


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """How pairs are measured.

    Attributes:
        sample_rate: Hz at which both files are read.
        metrics: names from `SIGNAL_METRICS` and `PITCH_METRICS`.
        policy: what happens to unequal lengths.
    """

    sample_rate: int
    metrics: tuple[str, ...]
    policy: LengthPolicy

    @property
    def has_pitch(self) -> bool:
        """Whether F0 is compared."""
        return any(name in PITCH_METRICS for name in self.metrics)

    def basis(self) -> dict[str, Any]:
        """Everything a row depends on but the audio."""
        names = (*LIBRARIES, *(["praat-parselmouth"] if self.has_pitch else []))
        libraries = {name: _version(name) for name in names}
        return {"program": f"hac-codec {version('hac-codec')}", **asdict(self), "libraries": libraries}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise HacError(
            f"these metrics need the package {package}: pip install 'hac-codec[quality]', or choose others (--metrics)"
        ) from error


@dataclass(frozen=True, slots=True)
class Pair:
    """One reconstruction and what it is compared with; `policy` is its own, where it is not that of the settings."""

    reference: Path
    estimate: Path
    policy: LengthPolicy | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """A pair with its settings, the hashes of its files, and the row's key."""

    pair: Pair
    settings: SignalSettings
    sha256: tuple[str, str]
    key: str


def measure(pairs: Sequence[Pair], settings: SignalSettings, folder: Path, jobs: int = 1) -> list[Row]:
    """Rows of these pairs, in their order.

    Args:
        pairs: any files.
        settings: how to measure.
        folder: keeps what was measured.
        jobs: processes; 0 or less: one per core.
    """
    by_policy = {pair.policy: replace(settings, policy=pair.policy or settings.policy) for pair in pairs}
    bases = {policy: json.dumps(own.basis(), sort_keys=True) for policy, own in by_policy.items()}
    hashes = _hashes({path for pair in pairs for path in (pair.reference, pair.estimate)})
    listed = []
    for pair in pairs:
        digests = hashes[pair.reference], hashes[pair.estimate]
        key = hashlib.sha256(json.dumps([*digests, bases[pair.policy]]).encode()).hexdigest()
        listed.append(_Job(pair, by_policy[pair.policy], digests, key))
    rows = _kept(folder)
    missing = {job.key: job for job in listed if job.key not in rows}
    # pairs of one reference stand together, so that it is read once
    ordered = sorted(missing.values(), key=lambda job: (job.sha256[0], job.sha256[1]))
    tasks = [(ordered[i : i + TASK_PAIRS], folder) for i in range(0, len(ordered), TASK_PAIRS)]
    for made in parallel.run(_measure, tasks, jobs=jobs, what=f"measuring ({TASK_PAIRS} pairs a step)"):
        rows.update(made)
    return [rows[job.key] for job in listed]


def _hashes(paths: Iterable[Path]) -> dict[Path, str]:
    """Hash of each file's bytes; empty where it cannot be read, which its row will say."""

    def digest(path: Path) -> str:
        try:
            return sha256_file(path)
        except OSError:
            return ""

    ordered = sorted(paths)
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(ordered, pool.map(digest, ordered), strict=True))


def _kept(folder: Path) -> dict[str, Row]:
    """All rows of earlier runs; a file that cannot be read is no row."""
    rows: dict[str, Row] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            rows.update(load_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
    return rows


def _measure(jobs: Sequence[_Job], folder: Path) -> dict[str, Row]:
    """One task of a process: rows by key, written to a file of their own."""
    rows = {job.key: _row(job, job.settings) for job in jobs}
    name = hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()[:32]
    # what failed may be there the next time: it is not kept
    kept = {key: row for key, row in rows.items() if row["failed"] is None}
    write_text(folder / f"{name}.json", json.dumps(kept))
    return rows


def _row(job: _Job, settings: SignalSettings) -> Row:
    rate, pair = settings.sample_rate, job.pair
    try:
        reference, estimate = _audio(pair.reference, job.sha256[0], rate), _audio(pair.estimate, job.sha256[1], rate)
        lengths = [len(reference), len(estimate)]
        one, other = equal_lengths(reference, estimate, settings.policy, rate)
    except AudioError as error:
        return {"failed": [error.reason, f"{error.path}: {error.detail}"]}
    except LengthsDiffer as error:
        return {"failed": ["lengths-differ", str(error)]}
    scores = signal_scores(one, other, rate, [name for name in settings.metrics if name in SIGNAL_METRICS])
    row: Row = {"failed": None, "lengths": lengths}
    row["scores"] = {name: [score.value, score.reason] for name, score in scores.items()}
    if settings.has_pitch:
        tracks = [_f0(path, sha, rate) for path, sha in zip((pair.reference, pair.estimate), job.sha256, strict=True)]
        if settings.policy == "pad":
            longest = max(len(track) for track in tracks)
            tracks = [np.pad(track, (0, longest - len(track)), constant_values=np.nan) for track in tracks]
        errors = asdict(pitch_errors(*tracks))
        row["pitch"] = {**errors, "correlation": [*errors["correlation"].values()]}
    return row


@lru_cache(maxsize=8)
def _audio(path: Path, _sha256: str, sample_rate: int) -> Samples:
    return read_audio(path, sample_rate).samples


@lru_cache(maxsize=64)
def _f0(path: Path, sha256: str, sample_rate: int) -> NDArray[np.float32]:
    """F0 of a whole file: its own, whatever it is compared with."""
    from probes.signal.prosody import prosody

    return prosody(_audio(path, sha256, sample_rate), sample_rate).f0_hz


def signal_ratios(rows: Sequence[Row | None], metrics: Sequence[str]) -> dict[str, Ratios]:
    """Every metric on all utterances.

    Args:
        rows: of each utterance; None where it was not measured.
        metrics: names from `SIGNAL_METRICS` and `PITCH_METRICS`.
    """
    return {
        metric: ratios_of((_part(metric, row) for row in rows), root=metric == "f0_rmse_cents") for metric in metrics
    }


def _part(metric: str, row: Row | None) -> Part:
    if row is None:
        return undefined(NOT_MEASURED)
    if row["failed"] is not None:
        return undefined(row["failed"][0])
    if metric in PITCH_METRICS:
        return pitch_part(metric, PitchErrors(**{**row["pitch"], "correlation": Score(*row["pitch"]["correlation"])}))
    return mean_part(Score(*row["scores"][metric]))


def pitch_part(metric: str, errors: PitchErrors) -> Part:
    """One of `PITCH_METRICS` of one pair."""
    if metric == "f0_corr":
        return mean_part(errors.correlation)
    above, below, reason = {
        "f0_rmse_cents": (errors.squares, errors.both, "f0-none-voiced"),
        "gross_pitch_error": (errors.gross, errors.both, "f0-none-voiced"),
        "voicing_error": (errors.voicing, errors.frames, "f0-no-frames"),
    }[metric]
    return (float(above), float(below), "") if below else undefined(reason)
