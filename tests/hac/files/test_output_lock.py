"""Two runs where one writes: one refuses. With real processes, killed ones too."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from analysis.slices import COMMANDS as MEASURES
from hac.errors import HacError
from hac.files.output_lock import LOCK, locked
from tests.corpora import make_corpus
from tests.hac.command_line import Hac, Outcome, hac, refused

__all__ = ["hac"]  # a fixture

ROOT = Path(__file__).parents[3]
HOLD = r"""
import os, sys, time
from pathlib import Path
from hac.files.output_lock import locked
with locked([Path(p) for p in sys.argv[2:]] if sys.argv[1] == "folder" else [],
            [Path(p) for p in sys.argv[2:]] if sys.argv[1] == "file" else []):
    forked = os.fork() if os.environ.get("WITH_CHILD") else 1
    os.write(1, b"held\n" if forked else b"child\n")
    time.sleep(3600)
"""


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds places; all are gone after the test."""
    running = []

    def start(*words: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        lines = [process.stdout.readline() for _ in range(2 if environment else 1)]
        assert "held\n" in lines
        return process

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_folder_that_another_process_holds_is_refused(hold, tmp_path):
    other = hold("folder", tmp_path / "out")
    says = rf"out: another run is writing there \(process {other.pid} on .*\); wait"
    with pytest.raises(HacError, match=says), locked([tmp_path / "out"]):
        pass
    with locked([tmp_path / "out" / "inside"]), locked([tmp_path]):
        pass  # others are free


def test_a_file_that_another_process_holds_is_refused_and_its_neighbour_is_free(hold, tmp_path):
    hold("file", tmp_path / "report.html")
    with (
        pytest.raises(HacError, match=r"report\.html: another run is writing there"),
        locked([], [tmp_path / "report.html"]),
    ):
        pass
    with locked([], [tmp_path / "report.pdf"]):
        pass


@pytest.mark.parametrize("environment", [{}, {"WITH_CHILD": "1"}])
def test_a_killed_process_holds_nothing_even_where_a_child_of_it_lives_on(hold, tmp_path, environment):
    other = hold("folder", tmp_path / "out", **environment)
    other.kill()
    other.wait()
    assert (tmp_path / "out" / LOCK).exists()  # it could not tidy up
    with locked([tmp_path / "out"]):
        assert str(os.getpid()) in (tmp_path / "out" / LOCK).read_text()
    assert not list((tmp_path / "out").iterdir())


def test_nothing_is_left_but_what_was_written(tmp_path):
    with locked([tmp_path / "a" / "b"], [tmp_path / "c" / "report.html"]):
        assert (tmp_path / "a" / "b" / LOCK).exists()
    assert not list(tmp_path.iterdir())
    with locked([tmp_path / "a" / "b"]):
        (tmp_path / "a" / "b" / "results.json").touch()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["results.json"]


def test_what_a_killed_run_left_is_removed_and_nothing_else(hold, tmp_path):
    out = tmp_path / "out"
    stale = [out / ".results.json.abcd1234.part", out / "figures" / "deep" / ".a.png.0_z9qwer.part"]
    theirs = [out / "held" / ".results.json.abcd1234.part", out / ".film.mkv.part", out / "notes.part"]
    theirs.append(out / "1" / "2" / "3" / "4" / ".results.json.abcd1234.part")
    hold("folder", out / "held")
    for path in [*stale, *theirs]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with locked([out]):
        assert not any(path.exists() for path in stale)
        assert all(path.exists() for path in theirs)
    (tmp_path / ".a.csv.abcd1234.part").touch()
    (tmp_path / ".a.b.csv.abcd1234.part").touch()
    with locked([], [tmp_path / "a.csv"]):
        assert {path.name for path in tmp_path.glob(".*.part")} == {".a.b.csv.abcd1234.part"}


def test_a_file_system_without_locks_warns_and_works(tmp_path, monkeypatch, capsys):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with locked([tmp_path]):
        (tmp_path / "x").touch()
    assert "its file system knows no locks" in capsys.readouterr().err


HELD = (
    ("encode x.wav -t mfcc-kmeans:km -o", "tokens.parquet"),
    ("encode x.wav -t mfcc-kmeans:km -o", "folder"),
    ("decode tokens.parquet -o", "folder"),
    ("embed x.wav -m hac:run -o", "folder"),
    ("train run.yaml -o", "folder"),
    ("align manifest.jsonl -o", "alignments.parquet"),
    ("tokenizer fit mfcc-kmeans --manifest manifest.jsonl -o", "folder"),
    ("corpus import corpus -o", "manifest.jsonl"),
    ("corpus builtin", "folder"),
    ("corpus debian", "folder"),
    ("corpus wheel", "folder"),
    *((f"{command} -o", "folder") for command in MEASURES),
    ("merge shard -o", "folder"),
    ("export tokens.parquet -o", "folder"),
    ("history run -o", "folder"),
    ("demo -o", "folder"),
    ("table run -o", "table.tex"),
    ("report run --pdf other.pdf -o", "report.html"),
    ("report run -o other.html --pdf", "report.pdf"),
    ("report run -o other.html --files", "folder"),
)
SHARED = {
    "ablate": "several calls of a sweep share its folder: each training is held for itself",
    "compare": "one small file, renamed into place",
    "doctor": "writes nothing",
    "info": "writes nothing",
    "tokenizer list": "writes nothing",
    "tokenizer check": "writes nothing",
}


def test_commands_refuse_before_they_look_at_anything_else(hold, hac: Hac, tmp_path, monkeypatch, capsys):
    import reports.cli

    monkeypatch.chdir(tmp_path)
    hold("folder", *{place for _, place in HELD if "." not in place})
    hold("file", *{place for _, place in HELD if "." in place})
    for words, place in HELD:
        if words.split()[0] in [command.__name__ for command in reports.cli.COMMANDS]:
            monkeypatch.setattr(sys, "argv", ["hac-analyze", *words.split(), place])
            with pytest.raises(SystemExit) as ended:
                reports.cli.main()
            outcome = Outcome(int(str(ended.value.code)), *capsys.readouterr())
        else:
            outcome = hac(*words.split(), place)
        refused(outcome, f"{place}: another run is writing there", "another -o")


def test_two_encodings_at_once_make_what_one_makes(hac: Hac, tmp_path):
    """Of two real commands started together one ends well; the other ends well or refuses, whoever is first."""
    manifest = make_corpus(tmp_path / "corpus")
    assert hac(*["tokenizer", "fit", "mfcc-kmeans", "-k", "4", "-o"], tmp_path / "km", "--manifest", manifest).code == 0
    encode = ["encode", manifest, "-t", f"mfcc-kmeans:{tmp_path / 'km'}", "-j", "1", "-o"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "hac.cli", *encode, tmp_path / "both.parquet"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = {each.communicate()[1].strip(): each.returncode for each in both}
    assert ended.pop("") == 0
    assert all(code == 2 and "another run is writing there" in said for said, code in ended.items())
    assert hac(*encode, tmp_path / "alone.parquet").code == 0
    assert (tmp_path / "both.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
    assert not list(tmp_path.glob(".*"))


def commands() -> set[str]:
    import hac.cli
    from reports.cli import COMMANDS

    groups = {"": hac.cli.app, **{f"{group.name} ": group.typer_instance for group in hac.cli.app.registered_groups}}
    found = {
        f"{name}{command.name or command.callback.__name__}"
        for name, app in groups.items()
        for command in app.registered_commands
    }
    return found | {command.__name__ for command in COMMANDS}


def test_every_command_that_writes_is_held_above_or_says_why_not():
    named = [next(name for name in commands() if f"{words} ".startswith(f"{name} ")) for words, _ in HELD]
    assert {*named, *SHARED} == commands()
    assert not {*named} & {*SHARED}


def test_several_processes_of_one_training_are_one_run(monkeypatch, tmp_path):
    """torchrun's other processes do not ask for what the first one holds."""
    from hac.commands.train import one_run

    for rank, holds in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        with one_run(tmp_path / "out"):
            assert (tmp_path / "out" / LOCK).exists() == holds
