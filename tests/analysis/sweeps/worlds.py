"""A sweep of truly tiny trainings on seconds of real speech, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
import yaml

import hac.cli
import reports.cli
from analysis.sweeps.launch import in_process
from analysis.sweeps.run import Job, prepare
from analysis.sweeps.sweep_config import read_sweep
from hac.files.yaml_config import merged
from tests.corpora import make_corpus
from tests.hac import tiny_models
from tests.hac.train.tiny_run import TRAIN, tiny_corpus

STEPS = 2
COMMANDS: dict[str, Any] = typer.main.get_command(reports.cli.app).commands  # type: ignore[attr-defined]
run_here = in_process({"hac": hac.cli.app, "hac-analyze": reports.cli.app})


def make_files(folder: Path) -> Path:
    """Write speech to train on, speech to analyse, a teacher, a configuration `full.yaml`; returns the folder."""
    tiny_corpus(folder / "train")
    make_corpus(folder / "dev", n=4)
    tiny_models.save(tiny_models.encoder("hubert"), folder / "teacher")
    speech = {"where": str(folder / "teacher"), "layer": 1, "cache": str(folder / "targets")}
    config = merged(TRAIN, {"teachers": {"speech": speech}, "steps": STEPS, "losses": {"adversarial": 0}})
    config = merged(config, {"losses": {"feature_matching": 0}, "data": {"train": "nowhere.jsonl"}})
    (folder / "full.yaml").write_text(yaml.safe_dump(config))
    (folder / "untaught.yaml").write_text(yaml.safe_dump({"base": "full.yaml", "teachers": {"speech": None}}))
    return folder


SWEEP: dict[str, Any] = {
    "variants": ["full.yaml", "untaught.yaml"],
    "seeds": [0],
    "train": "train/manifest.jsonl",
    "evaluation": {"manifest": "dev/manifest.jsonl"},
    "analyses": {"pnmi": {"nulls": 2}, "usage": {"nulls": 2}},
    "devices": "cpu",
}


def write_sweep(folder: Path, name: str = "sweep.yaml", **changes: Any) -> Path:
    """Write `SWEEP` with changes; None removes a key."""
    values = {key: value for key, value in {**SWEEP, **changes}.items() if value is not None}
    path = folder / name
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def job_of(path: Path, output: Path) -> Job:
    """The sweep, checked."""
    return prepare(read_sweep(path, COMMANDS), output)
