"""Whole runs of a tiny model on real speech: they end, resume to the same bits, stop in order, say what is wrong."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest
from hac.errors import HacError
from hac.train.checkpoints import checkpoints
from hac.train.config import read_train_config
from hac.train.run import train
from tests.hac import tiny_models
from tests.hac.bf16 import needs_bf16
from tests.hac.tiny_hac import TINY, one_thread
from tests.hac.train.tiny_run import tiny_corpus

__all__ = ["one_thread"]  # a fixture that runs by itself

STEPS = 6


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with manifest.jsonl and a tiny speech teacher in teacher/."""
    folder = tmp_path_factory.mktemp("corpus")
    tiny_corpus(folder)
    tiny_models.save(tiny_models.encoder("hubert"), folder / "teacher")
    return folder


@pytest.fixture
def config(corpus, tmp_path):
    """A configuration of `STEPS` steps with a speech teacher, everything that could be random switched on."""
    values = {
        "model": {**TINY, "kmeans_init": True, "restart_dead_codes": True, "restart_interval": 2},
        "data": {
            "train": [str(corpus / "manifest.jsonl")],
            "batch_s": 2.0,
            "min_s": 0.5,
            "max_s": 3.0,
            "validation_share": 0.3,
        },
        "teachers": {
            "speech": {"where": str(corpus / "teacher"), "layer": 1, "cache": str(corpus / "targets")},
            "text": None,
        },
        "losses": {"window_s": 0.3},
        "discriminator": {
            "start_step": 1,
            "periods": [2],
            "fft_sizes": [256],
            "period_channels": [4, 4],
            "band_channels": 2,
        },
        "validation": {"every": 3, "max_utterances": 2, "clips": 1, "shifts": 1},
        "checkpoint": {"every": 2},
        "optimizer": {"learning_rate": 1e-3, "warmup_steps": 2},
        "ema": 0.9,
        "steps": STEPS,
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="module")
def undisturbed():
    """What an undisturbed run of the fixture `config` ends with; filled by the first test that needs it."""
    return {}


def bits(run: Path) -> dict[str, bytes]:
    """The last checkpoint's weights and state."""
    folder = checkpoints(run)[-1]
    assert folder.name == f"step-{STEPS:08d}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "trainer.safetensors")}


def metrics(run: Path) -> list[dict]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if not name.startswith("speed/")} for row in rows]


def whole_run(config: Path, folder: Path, *changes: str):
    said: list[str] = []
    outcome = train(read_train_config(config, changes), folder, log_line=said.append, cpu=True)
    return outcome, said


SERVER = multiprocessing.get_context("forkserver")
# with what a run imports on its way, or each of the processes would import it again
SERVER.set_forkserver_preload(
    ["hac.train.run", "hac.commands.train", "hac.teachers", "sklearn.cluster", "pystoi", "torch.utils.tensorboard"]
)


def command_line(words: list[str], said: Path) -> None:
    """Run `hac` with its output in a file."""
    from hac.cli import main

    sys.argv = ["hac", *words]
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    torch.set_num_threads(1)
    main()


class CommandLine:
    """`hac train` in a process of its own.

    Forked from a server that has imported what is needed and done nothing else: a fork of this process would inherit
    the locks of its threads.
    """

    def __init__(self, config: Path, out: Path, *words: str) -> None:
        self.said = out.parent / f"{out.name}.said"
        self.said.touch()
        arguments = (["train", str(config), "-o", str(out), "--cpu", *words], self.said)
        self.process = SERVER.Process(target=command_line, args=arguments)
        self.process.start()

    def wait(self, seconds: float = 1100) -> tuple[int | None, str]:
        self.process.join(seconds)
        return self.process.exitcode, self.said.read_text()

    def wait_for(self, condition: Callable[[], bool], seconds: float = 1100) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.is_alive() and time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.01)


def test_a_run_ends_with_checkpoints_metrics_and_a_model_that_loads(config, tmp_path):
    from hac.model.hac_model import HacModel

    outcome, said = whole_run(config, tmp_path / "run")
    assert outcome is not None
    assert not outcome.stopped
    assert [path.name for path in checkpoints(tmp_path / "run")][-1] == f"step-{STEPS:08d}"
    rows = metrics(tmp_path / "run")
    steps = [row for row in rows if "mel" in row]
    assert [row["step"] for row in steps] == list(range(1, STEPS + 1))
    assert "adversarial/generator" not in steps[0]
    assert steps[1]["adversarial/generator"] > 0
    assert -1 <= steps[0]["distillation/phonetic/cosine"] <= 1
    checks = [row for row in rows if "validation/mel" in row]
    assert [row["step"] for row in checks] == [3, 6]
    assert {"codebook/phonetic/perplexity", "validation/phonetic/teacher_cosine"} <= set(checks[0])
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert any("train on" in line for line in said)
    assert HacModel.from_pretrained(outcome.checkpoint).config.phonetic_codebook_size == 16
    assert outcome.best is not None


@pytest.mark.parametrize("first", [2, 3, 5])
def test_a_run_in_two_parts_ends_with_the_bits_of_one(config, tmp_path, undisturbed, first):
    if not undisturbed:
        whole_run(config, tmp_path / "whole")
        undisturbed.update(bits=bits(tmp_path / "whole"), metrics=metrics(tmp_path / "whole"))
    whole_run(config, tmp_path / "run", f"steps={first}")
    _, said = whole_run(config, tmp_path / "run")
    assert any(f"going on from {tmp_path / 'run' / 'checkpoints'}" in line for line in said)
    assert bits(tmp_path / "run") == undisturbed["bits"]
    # the shorter run validated at its own last step besides
    both = [row for row in metrics(tmp_path / "run") if "mel" in row or row["step"] in (3, 6)]
    assert both == undisturbed["metrics"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(("precision=bf16",), marks=needs_bf16),
        ("accumulate=2", "data.batch_s=6"),
        ("ema=null", "losses.waveform=1"),
    ],
)
def test_options_of_a_step_train_as_well(config, tmp_path, changes):
    whole_run(config, tmp_path / "run", "steps=2", *changes)
    rows = [row for row in metrics(tmp_path / "run") if "mel" in row]
    assert [row["step"] for row in rows] == [1, 2]
    assert all(0 < row["mel"] < 50 for row in rows)


def test_a_killed_run_goes_on_to_the_same_bits(config, tmp_path):
    """SIGKILL at random moments after a checkpoint was written, in the middle of a step or of the next checkpoint."""
    steps = ("--set", "checkpoint.every=1")
    code, said = CommandLine(config, tmp_path / "whole", *steps).wait()
    assert code == 0, said
    rng = random.Random(0)
    for _ in range(2):
        run = CommandLine(config, tmp_path / "killed", *steps)
        before = len(checkpoints(tmp_path / "killed"))
        run.wait_for(lambda before=before: len(checkpoints(tmp_path / "killed")) > before)
        time.sleep(rng.random() * 0.2)
        run.process.kill()
        assert run.wait()[0] == -signal.SIGKILL
    code, said = CommandLine(config, tmp_path / "killed", *steps).wait()
    assert code == 0, said
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")
    assert not list((tmp_path / "killed" / "checkpoints").glob(".*"))


@pytest.mark.parametrize("workers", [0, 2])
def test_sigterm_saves_and_stops(config, workers, tmp_path):
    """Also where all processes of the job get it, those that read first: so do Slurm and `timeout`."""
    words = ["steps=100000", "checkpoint.every=100000", f"data.workers={workers}"]
    run = CommandLine(config, tmp_path / "run", *(part for word in words for part in ("--set", word)))
    log = tmp_path / "run" / "metrics.jsonl"
    run.wait_for(lambda: log.is_file() and log.stat().st_size > 0)
    readers = psutil.Process(run.process.pid).children()
    if len(readers) != workers:
        run.process.kill()
    assert len(readers) == workers
    for process in [*readers, run.process]:
        os.kill(process.pid, signal.SIGTERM)
    code, said = run.wait()
    assert not any(reader.is_running() for reader in readers)
    assert code == 143, said
    assert "stopped by SIGTERM; saved" in said
    assert "Traceback" not in said
    done = [row["step"] for row in metrics(tmp_path / "run") if "mel" in row]
    assert checkpoints(tmp_path / "run")[-1].name == f"step-{done[-1]:08d}"


def test_a_loss_that_is_not_finite_stops_and_names_the_last_good_checkpoint(config, tmp_path):
    whole_run(config, tmp_path / "run", "steps=2")
    with pytest.raises(HacError, match=r"is (nan|inf).*the last good checkpoint is .*step-00000002") as raised:
        # a weight that overflows single precision
        settings = read_train_config(config)
        broken = settings.model_copy(update={"losses": settings.losses.model_copy(update={"mel": 1e39})})
        import hac.train.run as run_module

        check = run_module.check_same_run
        run_module.check_same_run = lambda *_: None
        try:
            train(broken, tmp_path / "run", log_line=lambda _: None, cpu=True)
        finally:
            run_module.check_same_run = check
    assert "\n" not in str(raised.value)
    assert checkpoints(tmp_path / "run")[-1].name == "step-00000002"


def test_another_configuration_in_the_same_folder_is_refused(config, tmp_path):
    whole_run(config, tmp_path / "run", "steps=2")
    with pytest.raises(HacError, match=r"was trained with seed = 0, now it is 1; give another -o"):
        whole_run(config, tmp_path / "run", "seed=1")


def test_other_speech_under_the_same_name_is_refused(config, tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    speech = read_manifest(Path(yaml.safe_load(config.read_text())["data"]["train"][0]))
    write_manifest(speech, manifest)
    whole_run(config, tmp_path / "run", "steps=2", f"data.train={manifest}")
    record = (tmp_path / "run" / "run.json").read_bytes()
    write_manifest(Manifest(speech.root, speech.utterances[1:]), manifest)
    with pytest.raises(HacError, match=r"its (train|validation) speech was .* of other content; give another -o"):
        whole_run(config, tmp_path / "run", "steps=4", f"data.train={manifest}")
    assert (tmp_path / "run" / "run.json").read_bytes() == record


def test_a_full_disk_stops_and_names_the_last_good_checkpoint(config, tmp_path, monkeypatch):
    import errno

    import hac.train.checkpoints as module

    whole_run(config, tmp_path / "run", "steps=2")

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(HacError, match=r"no space left on the disk.*the last good checkpoint is .*step-00000002"):
        whole_run(config, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000002"]


def test_the_text_teacher_and_utterances_without_a_transcript(config, corpus, tmp_path):
    manifest = read_manifest(corpus / "manifest.jsonl")
    import dataclasses

    blank = [dataclasses.replace(u, text=" " if i == 0 else u.text) for i, u in enumerate(manifest.utterances)]
    write_manifest(Manifest(manifest.root, tuple(blank)), corpus / "one-blank.jsonl")
    changes = (
        f"data.train={corpus / 'one-blank.jsonl'}",
        "teachers.text={name: minilm}",
        f"teachers.text.cache={tmp_path / 'texts'}",
        "steps=3",
    )
    _, said = whole_run(config, tmp_path / "run", *changes)
    assert any(line.startswith("1 of ") and "no transcript" in line for line in said)
    rows = metrics(tmp_path / "run")
    assert all(abs(row["distillation/lexical/cosine"]) <= 1 for row in rows if "mel" in row)
    check = next(row for row in rows if "validation/mel" in row)
    assert 0 <= check["validation/lexical/recall_at_1"] <= 1
    nobody = [dataclasses.replace(u, text=None) for u in manifest.utterances]
    write_manifest(Manifest(manifest.root, tuple(nobody)), corpus / "no-text.jsonl")
    with pytest.raises(HacError, match="none of the manifest's"):
        whole_run(config, tmp_path / "other", f"data.train={corpus / 'no-text.jsonl'}", *changes[1:])


def test_what_cannot_be_read_on_the_way_is_listed_once_and_stops_a_strict_run(config, tmp_path):
    speech = tmp_path / "speech"
    manifest = read_manifest(tiny_corpus(speech))
    parts = {"train": manifest.utterances[:6], "held-out": manifest.utterances[6:]}
    for name, part in parts.items():
        write_manifest(Manifest(speech, part), speech / f"{name}.jsonl")
    for name in ("utt-1", "utt-6"):
        (speech / "audio" / f"{name}.wav").unlink()
    changes = (
        f"data.train={speech / 'train.jsonl'}",
        f"data.validation={speech / 'held-out.jsonl'}",
        f"data.alignments={speech / 'alignments.parquet'}",
        "teachers.speech=null",
        "steps=6",
    )
    _, said = whole_run(config, tmp_path / "run", *changes)
    assert "data.alignments hold phones of 2 of the 2 held-out utterances" in said
    listed = [json.loads(line) for line in (tmp_path / "run" / "failures.jsonl").read_text().splitlines()]
    assert sorted((row["id"], row["reason"]) for row in listed) == [
        ("utt-1", "audio-missing"),
        ("utt-6", "audio-missing"),
    ]
    checks = [row for row in metrics(tmp_path / "run") if "validation/mel" in row]
    assert [row["validation/unreadable"] for row in checks] == [1.0, 1.0]
    with pytest.raises(HacError, match=r"utt-1.*--strict"):
        train(read_train_config(config, changes), tmp_path / "strict", log_line=said.append, strict=True, cpu=True)


def test_the_shuffled_teacher_teaches_something_else(config, tmp_path):
    whole_run(config, tmp_path / "true", "steps=1", "data.validation_share=0.2")
    whole_run(config, tmp_path / "shuffled", "steps=1", "data.validation_share=0.2", "teachers.speech.shuffled=true")
    true, shuffled = (metrics(tmp_path / name)[0] for name in ("true", "shuffled"))
    assert true["mel"] == shuffled["mel"]
    assert true["distillation/phonetic/loss"] != shuffled["distillation/phonetic/loss"]


def test_units_of_the_teacher_are_taught_and_travel_with_the_run(config, tmp_path):
    changes = ("teachers.speech.loss=units", "teachers.speech.units=12", "teachers.speech.unit_directions=4", "steps=2")
    outcome, _ = whole_run(config, tmp_path / "run", *changes)
    assert outcome is not None
    rows = metrics(tmp_path / "run")
    # two maps, each at first about as unsure as twelve units allow
    assert 0.5 * 2 * math.log(12) < rows[0]["distillation/phonetic/loss"] < 2 * 2 * math.log(12)
    assert 0 <= rows[0]["distillation/phonetic/accuracy"] <= 1
    (check,) = [row for row in rows if "validation/mel" in row]
    assert 0 <= check["validation/phonetic/teacher_accuracy"] <= 1
    tensors = load_file(outcome.checkpoint / "trainer.safetensors")
    assert tensors["heads.phonetic.centroids"].shape == (12, 4)
    again, _ = whole_run(config, tmp_path / "run", *changes[:3], "steps=2")
    assert again is not None and again.progress.step == 2


def test_a_teacher_of_a_level_that_is_off_is_refused(config, tmp_path):
    with pytest.raises(HacError, match=r"teachers\.speech=null"):
        whole_run(config, tmp_path / "run", "model.phonetic=false", "model.lexical_input=parallel")


def test_the_command_line_says_what_is_wrong_in_one_sentence(config, tmp_path):
    for words, says in (
        (["--set", "teachers.speach.name=x"], "did you mean 'speech'"),
        (["--set", "data.train=gone.jsonl"], "gone.jsonl"),
        (["--set", "teachers.speech.where=gone", "--set", "teachers.speech.cache=null"], "gone"),
        (["--set", "data.max_s=0.55"], "no utterance between"),
    ):
        code, said = CommandLine(config, tmp_path / "run", *words).wait()
        assert code == 2, said
        assert said.strip().splitlines()[-1].startswith("error: ")
        assert says in said
        assert "Traceback" not in said
        assert not (tmp_path / "run" / "checkpoints").exists()
