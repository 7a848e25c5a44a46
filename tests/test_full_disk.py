"""A full disk and a read-only one, real ones: a small tmpfs. One sentence, exit code 2, nothing half-written; with room
again the same command ends with the bytes of an undisturbed run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from scripts.hardening.kill import TIMED, Job, snapshot
from tests.corpora import make_corpus
from tests.hac.train.tiny_run import TRAIN

SIZE, PAGE = 16 << 20, 4096


@dataclass
class World:
    """What the commands read, on a disk with room, and what they leave there, by command; both made when needed."""

    folder: Path
    done: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)

    def words(self, command: str, out: str = "out") -> list[str]:
        """The command line, writing to a folder below where it is called."""
        corpus, at = self.folder / "corpus", str(self.folder)
        manifest = ["--manifest", str(corpus / "manifest.jsonl")]
        lines = {
            "fit": ["hac", "tokenizer", "fit", "mfcc-kmeans", "-k", "4", *manifest, "-o", out],
            "encode": [
                "hac",
                "encode",
                manifest[1],
                "-t",
                f"mfcc-kmeans:{at}/km",
                "-o",
                "out/tokens.parquet",
                "-j",
                "1",
            ],
            "pnmi": ["hac-analyze", "pnmi", "--tokens", f"{corpus}/tokens.parquet", *manifest, "-o", out, "-j", "1"],
            "recon": ["hac-analyze", "recon", "--decoded", f"copy={corpus}/audio", *manifest, "-o", out, "-j", "1"],
            "report": ["hac-analyze", "report", f"{at}/pnmi", "-o", "out/report.html", "--files", "out/files"],
            "train": ["hac", "train", f"{at}/train.yaml", "--cpu", "-o", "out"],
        }
        more = {
            "recon": ["--metrics", "si_sdr,mel_distance", "--asr", "none", "--speaker", "none", "--mos", "none"],
        }
        return [*lines[command], *more.get(command, [])]

    def job(self, command: str) -> Job:
        """What must be the same of its files."""
        return Job(command, self.words(command), TIMED if command == "train" else {})

    def wanted(self, command: str) -> tuple[dict[str, str], int]:
        """Snapshot of what an undisturbed run leaves, and the bytes that it takes on the disk."""
        if command not in self.done:
            where = self.folder / f"with-{command}"
            where.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                for first, made in {"encode": ("fit", "km"), "report": ("pnmi", "pnmi")}.items():
                    if command == first and not (self.folder / made[1]).exists():
                        assert call(self.words(*made), self.folder, patch) == 0
                assert call(self.words(command), where, patch) == 0
            files = [path for path in (where / "out").rglob("*") if path.is_file()]
            pages = sum(-(-path.stat().st_size // PAGE) * PAGE for path in files)
            self.done[command] = snapshot(where / "out", self.job(command)), pages
        return self.done[command]


COMMANDS = (
    *("encode", "pnmi", "report"),
    *(pytest.param(command, marks=pytest.mark.slow) for command in ("recon", "train")),
)


def call(words: list[str], where: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command line in this process, below a folder."""
    import hac.cli
    import reports.cli

    monkeypatch.setattr(sys, "argv", words)
    with chdir(where):
        try:
            (hac.cli.main if words[0] == "hac" else reports.cli.main)()
        except SystemExit as ended:
            return int(str(ended.code or 0))
    return 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("roomy")
    make_corpus(folder / "corpus")
    config = {**TRAIN, "data": {**TRAIN["data"], "train": str(folder / "corpus" / "manifest.jsonl")}}
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    return World(folder)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of `SIZE` bytes."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(where)]
    try:
        made = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"needs mount: {error}")
    if made.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {made.stderr.strip()}")
    yield where
    subprocess.run(["umount", str(where)], check=True)


Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What was said on stderr since the last time."""
    return lambda: capsys.readouterr().err


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(world: World, disk: Path, said: Said, monkeypatch: pytest.MonkeyPatch, command: str, share: float):
    wanted, taken = world.wanted(command)
    filler = disk / "filler"
    left = int(share * taken) // PAGE * PAGE  # whole pages
    filler.write_bytes(bytes(SIZE - left))
    said()
    assert call(world.words(command), disk, monkeypatch) == 2
    text = said()
    assert len(errors(text)) == 1, text
    assert "no space left on the disk" in text
    assert "Traceback" not in text
    assert not list(disk.rglob("*.part"))
    assert not list(disk.rglob("*.lock"))
    assert not (disk / "out" / "results.json").exists()
    filler.unlink()
    assert call(world.words(command), disk, monkeypatch) == 0, said()
    assert snapshot(disk / "out", world.job(command)) == wanted


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_disk(world: World, disk: Path, said: Said, monkeypatch: pytest.MonkeyPatch, command: str):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    said()
    assert call(world.words(command), disk, monkeypatch) == 2
    text = said()
    assert text.startswith("error: out")
    assert text.count("\n") == 1, text
    assert "cannot be written (Read-only file system); choose another folder with -o" in text
    assert not list(disk.iterdir())


def test_a_corpus_on_a_read_only_disk_is_read(
    world: World, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world.wanted("encode")
    make_corpus(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    words = ["hac", "encode", str(disk / "manifest.jsonl"), "-t", f"mfcc-kmeans:{world.folder / 'km'}", "-j", "1"]
    assert call([*words, "-o", "tokens.parquet"], tmp_path, monkeypatch) == 0
