"""The sweeps and scripts that ship: they are fair tables as they are, and call the command as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from analysis.sweeps.sweep_config import read_sweep
from analysis.sweeps.trainings import cells_of, check_cells
from hac.errors import HacError
from tests.analysis.sweeps.worlds import COMMANDS
from tests.hac.train.tiny_run import tiny_corpus

ROOT = Path(__file__).parents[3]


def own(folder: Path, name: str, **changes: object) -> Path:
    """A sweep of one's own over a shipped one."""
    tiny_corpus(folder)
    speech = {"train": "manifest.jsonl", "evaluation": {"manifest": "manifest.jsonl"}}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"base": str(ROOT / "configs" / "sweeps" / name), **speech, **changes}))
    return path


@pytest.mark.parametrize(
    ("name", "n_cells", "n_warnings"),
    [("teachers.yaml", 24, 0), ("levels.yaml", 12, 3)],
)
def test_shipped_sweeps_are_fair_tables(tmp_path, name, n_cells, n_warnings):
    sweep = read_sweep(
        own(tmp_path, name, set={"steps": 3, "model": str(ROOT / "configs/model/hac-nano.yaml")}), COMMANDS
    )
    cells = cells_of(sweep, tmp_path)
    assert len(cells) == n_cells and len(check_cells(cells, sweep.reference, sweep.allow)) == n_warnings
    assert {cell.config.steps for cell in cells} == {3}
    assert {Path(cell.config.model["base"]).name for cell in cells} == {"hac-nano.yaml"}
    assert all(cell.config.data.train == (str(tmp_path / "manifest.jsonl"),) for cell in cells)
    sizes = {cell.variant: len(cell.codebooks) for cell in cells}
    assert sizes["full"] == 9 and sizes["acoustic_only"] == (9 if name == "teachers.yaml" else 7)


def test_an_analysis_of_the_base_can_be_left_out(tmp_path):
    sweep = read_sweep(own(tmp_path, "teachers.yaml", analyses={"recon": False, "usage": {"nulls": 3}}), COMMANDS)
    assert "recon" not in sweep.analyses and sweep.analyses["usage"].options["nulls"] == 3 and "words" in sweep.analyses


def test_a_key_of_a_variant_that_is_unknown_is_told_where_it_stands(tmp_path):
    variants = [str(ROOT / "configs/ablation/full.yaml")]
    variants.append({"name": "x", "config": variants[0], "set": {"teachers": {"txt": None}}})
    sweep = read_sweep(own(tmp_path, "teachers.yaml", variants=variants), COMMANDS)
    with pytest.raises(HacError, match=r"own\.yaml: variant x: .*: teachers: unknown key 'txt'; did you mean 'text'"):
        cells_of(sweep, tmp_path)


def test_a_shipped_sweep_alone_says_what_it_lacks():
    with pytest.raises(HacError, match="no manifest of held-out speech"):
        read_sweep(ROOT / "configs" / "sweeps" / "teachers.yaml", COMMANDS)


@pytest.mark.parametrize(
    ("script", "environment", "words"),
    [
        ("sweep.sbatch", {"SLURM_ARRAY_TASK_ID": "7"}, "ablate s.yaml -o out --index 7 --devices cuda:0"),
        (
            "sweep_torchrun.sh",
            {},
            "ablate s.yaml -o out --at-once 1 --devices cuda:0 --launcher torchrun --standalone --nproc-per-node 4",
        ),
    ],
)
def test_scripts_call_the_command(tmp_path, script, environment, words):
    stub = tmp_path / "hac-analyze"
    stub.write_text('#!/bin/bash\necho "$@"\n')
    stub.chmod(0o755)
    call = ["bash", str(ROOT / "scripts" / script), "s.yaml", "out", "4"]
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", **environment}
    done = subprocess.run(call, capture_output=True, text=True, env=path, check=True)
    assert done.stdout.strip() == words
    import inspect

    from reports.commands.ablate import ablate

    known = inspect.signature(ablate).parameters
    assert all(
        word[2:].replace("-", "_") in known for word in words.split() if word in ("--index", "--at-once", "--devices")
    )
