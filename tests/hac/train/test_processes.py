"""One run over several processes: as `torchrun` and `accelerate launch` start them, and resumed by another number.

Two computations of the same sums in another order differ in their last bits, and AdamW makes of a gradient that is
nearly nothing a whole step: so weights are compared within a few learning rates, losses within 0.1 %.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from hac.train.checkpoints import checkpoints
from hac.train.config import model_config
from tests.hac.train.test_run import SERVER, command_line, metrics
from tests.hac.train.tiny_run import TRAIN, tiny_config, tiny_corpus
from tests.waiting import WAIT_S

ROOT = Path(__file__).parents[3]
STEPS, HALF = 6, 3
LEARNING_RATE = 1e-3


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A configuration without anything that each process draws for itself."""
    folder = tmp_path_factory.mktemp("processes")
    tiny_corpus(folder)
    values = {
        **TRAIN,
        "data": {**TRAIN["data"], "train": str(folder / "manifest.jsonl"), "batch_s": 6.0},
        "optimizer": {"learning_rate": LEARNING_RATE, "schedule": "constant"},
        "validation": {**TRAIN["validation"], "every": STEPS},
        "checkpoint": {"every": HALF, "keep": "all"},
        "steps": STEPS,
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("localhost", 0))
        return int(server.getsockname()[1])


def ranked(words: list[str], said: Path, environment: dict[str, str]) -> None:
    """Run `hac` as one of several processes."""
    os.environ.update(environment)
    command_line(words, said)


def run(config: Path, out: Path, n: int, *words: str) -> list[tuple[int | None, str]]:
    """Train in n processes with the environment that torchrun gives them: exit codes and what they said."""
    shared = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port()), "GLOO_SOCKET_IFNAME": "lo"}
    started = []
    for rank in range(n):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n)}
        said = out.parent / f"{out.name}.{rank}.said"
        arguments = (
            ["train", str(config), "-o", str(out), "--cpu", *words],
            said,
            {**shared, **place} if n > 1 else {},
        )
        started.append((SERVER.Process(target=ranked, args=arguments), said))
        started[-1][0].start()
    for process, _ in started:
        process.join(WAIT_S)
        if process.is_alive():
            process.kill()
            process.join()
    return [(process.exitcode, said.read_text()) for process, said in started]


@pytest.fixture(scope="module")
def one(config, tmp_path_factory):
    """The folder of a run by one process."""
    out = tmp_path_factory.mktemp("one") / "run"
    ((code, said),) = run(config, out, 1)
    assert code == 0, said
    return out


def weights(out: Path) -> dict:
    return load_file(checkpoints(out)[-1] / "model.safetensors") | load_file(
        checkpoints(out)[-1] / "trainer.safetensors"
    )


def comparable(out: Path) -> list[dict]:
    """Every step, and the validation after the last; a run in two parts validated at the end of the first besides."""
    return [row for row in metrics(out) if "mel" in row or row["step"] == STEPS]


def assert_like(out: Path, other: Path) -> None:
    """The same losses and weights, within what the order of sums makes of them."""
    assert checkpoints(out)[-1].name == checkpoints(other)[-1].name == f"step-{STEPS:08d}"
    for ours, theirs in zip(comparable(out), comparable(other), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5), ours["step"]
    ours, theirs = weights(out), weights(other)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        if "optimizer" not in name and tensor.is_floating_point():
            moved = float((tensor - theirs[name]).abs().max())
            assert moved <= 2 * LEARNING_RATE * STEPS, name


@pytest.mark.parametrize(("first", "then"), [(2, 2), (1, 2), (2, 1)])
def test_a_run_goes_on_with_another_number_of_processes(config, one, tmp_path, first, then):
    for n, words in ((first, ("--set", f"steps={HALF}")), (then, ())):
        for code, said in run(config, tmp_path / "run", n, *words):
            assert code == 0, said
    assert_like(tmp_path / "run", one)
    said = (tmp_path / "run.0.said").read_text()
    assert "going on from" in said and f"step-{HALF:08d}" in said


def test_more_processes_than_a_batch_can_feed_are_refused(config, one, tmp_path):
    """A batch is never made larger behind the user's back: results would be another batch's."""
    before = {path: path.read_bytes() for path in one.rglob("*") if path.is_file()}
    ended = run(config, one, 4, "--set", f"steps={2 * STEPS}")
    assert [code for code, _ in ended] == [2] * 4
    says = "data.batch_s = 6 s cannot feed 4 parts (processes x accumulate)"
    assert all(said.count("error: ") == 1 and says in said and "Traceback" not in said for _, said in ended)
    assert {path: path.read_bytes() for path in one.rglob("*") if path.is_file()} == before


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ACCELERATE = [
    sys.executable,
    "-m",
    "accelerate.commands.accelerate_cli",
    "launch",
    "--multi_gpu",
    "--num_processes",
    "2",
]
ACCELERATE += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_launchers_start_one_run(config, one, tmp_path, launcher: Sequence[str]):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    port = [] if "--standalone" in launcher else ["--main_process_port", str(free_port())]
    command = [*launcher, *port, "-m", "hac.cli", "train", str(config), "--cpu", "-o", str(tmp_path / "run")]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1100)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("last checkpoint:") == 1, ended.stdout
    assert_like(tmp_path / "run", one)


def test_nothing_here_is_drawn_by_each_process():
    """Else two processes could not be compared with one."""
    model = model_config(tiny_config())
    assert model.quantizer_dropout == model.transformer_dropout == 0
    assert not model.kmeans_init and not model.restart_dead_codes
