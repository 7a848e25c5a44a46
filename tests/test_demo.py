"""The demo on a little speech that is there already: every step runs, and the report holds every system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hac.cli import app as hac_app
from hac.reference import reference_models
from reports.cli import app

pytestmark = pytest.mark.slow


def test_every_step_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.demo.SIZE", 64)
    monkeypatch.setattr("reports.commands.demo.FEW", 4)
    monkeypatch.setattr("reports.commands.demo.FEWER", 2)
    corpus = ["corpus", "builtin", str(tmp_path / "corpus"), "--minutes", "1.5", "--languages", "en", "--voices", "4"]
    assert CliRunner().invoke(hac_app, corpus).exit_code == 0
    done = CliRunner().invoke(app, ["demo", "-o", str(tmp_path), "-j", "1"])
    assert done.exit_code == 0, done.output
    systems = {*reference_models(), "mfcc-kmeans-64", "control"}
    assert {path.name for path in (tmp_path / "runs").iterdir()} == systems
    measured = json.loads((tmp_path / "runs/reference/pnmi/results.json").read_text())
    assert measured["status"] == "complete" and measured["system"] == "reference"
    page = (tmp_path / "report.html").read_text()
    assert all(system in page for system in systems)
    assert f"$ hac-analyze intervene --ckpt reference --manifest {tmp_path}/corpus/few-4.jsonl" in done.output
