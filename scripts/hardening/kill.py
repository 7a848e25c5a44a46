"""Kill commands with SIGKILL at random moments, run them again, and compare every byte: `make kill`.

    python -m scripts.hardening.kill [--kills 10] [--only encode,train] [--seed 0] [--folder DIR]

Each command runs undisturbed first, which gives the reference bytes and its usual duration. Then, again and again from
an empty folder: start, SIGKILL at a moment drawn evenly from that duration, the same command once more to its end.
Every second time only the process itself is killed, so that its workers live on while the command runs again; the other
times all its processes. What a rerun leaves must be what the undisturbed run left, hidden files included.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = "out"
"""What a trial writes, below its own folder: always the same relative name, since results tell their command line."""
LIMIT_S = 600.0


@dataclass(frozen=True)
class Job:
    """A command to be killed.

    Attributes:
        name: of the row.
        words: `hac` or `hac-analyze` and what follows; paths are absolute or below the trial's folder.
        may_differ: by the end of a file's path: what is left of its content to compare, None for nothing.
    """

    name: str
    words: Sequence[str]
    may_differ: Mapping[str, Callable[[bytes], bytes] | None] = field(default_factory=dict)


@dataclass
class Row:
    """What became of a command's kills."""

    name: str
    usual_s: float
    kills: int = 0
    running: int = 0
    begun: int = 0
    survivors: int = 0
    findings: list[str] = field(default_factory=list)


SERVER = multiprocessing.get_context("forkserver")
# what the commands import before they work: kills shall meet their work, not the start of Python
PRELOADED = (
    *("hac.train.run", "hac.commands.train", "sklearn.cluster", "pystoi", "torch.utils.tensorboard"),
    *(
        "hac.coding.encode",
        "hac.tokenizers.kmeans",
        "hac.features.mfcc",
        "reports.cli",
        "analysis.pnmi.run",
        "analysis.reconstruction.run",
    ),
    *("reports.render.result_files", "reports.reconstruction.files", "reports.page.write_report", "weasyprint"),
)
SERVER.set_forkserver_preload(list(PRELOADED))
FIXED = {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}
Process = Any
"""One of `SERVER`."""


def as_command(words: Sequence[str], folder: Path, said: Path) -> None:
    """Become a command, in a process group and a folder of its own."""
    os.setsid()
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ.update(FIXED, TMPDIR=str(temporary), JOBLIB_TEMP_FOLDER=str(temporary))
    tempfile.tempdir = None
    os.chdir(folder)
    log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = list(words)
    main = import_module({"hac": "hac.cli", "hac-analyze": "reports.cli"}[words[0]]).main
    try:
        main()
    finally:
        # as Python itself ends; a child of `multiprocessing` would wait for joblib's idle workers instead
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def start(words: Sequence[str], folder: Path, said: Path) -> Process:
    """Start a command."""
    process = SERVER.Process(target=as_command, args=(words, folder, said))
    process.start()
    return process


def finish(words: Sequence[str], folder: Path) -> tuple[int | None, float, str]:
    """Run a command to its end: exit code, seconds, what it said."""
    said = folder / "said.log"
    began = time.monotonic()
    process = start(words, folder, said)
    try:
        process.join(LIMIT_S)
    finally:
        end_group(process)
    return process.exitcode, time.monotonic() - began, said.read_text(errors="replace")


def end_group(process: Process) -> None:
    """SIGKILL to all processes of a group, and wait for its first."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may not have had a group of its own yet
    process.join()


def snapshot(folder: Path, job: Job) -> dict[str, str]:
    """SHA-256 of what must be the same of every file below a folder, hidden ones too, by path."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        name = path.relative_to(folder).as_posix()
        rule = next((end for end in job.may_differ if end in f"/{name}"), None)
        if rule is None:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif (reduce := job.may_differ[rule]) is not None:
            found[name] = hashlib.sha256(reduce(path.read_bytes())).hexdigest()
    return found


def trial(job: Job, folder: Path, after_s: float, whole_group: bool, wanted: Mapping[str, str], row: Row) -> None:
    """One kill, one rerun, one comparison; the row says what became of it."""
    shutil.rmtree(folder / OUT, ignore_errors=True)
    (folder / OUT).mkdir()
    process = start(job.words, folder, folder / "killed.log")
    time.sleep(after_s)
    row.kills += 1
    alive = process.exitcode is None
    row.running += alive
    if whole_group:
        end_group(process)
    else:
        process.kill()
        process.join()
    begun = any(path.is_file() and path.name != ".lock" for path in (folder / OUT).rglob("*"))
    row.begun += alive and begun
    try:
        code, _, said = finish(job.words, folder)
    finally:
        end_group(process)  # workers that outlived it
    found = snapshot(folder / OUT, job)
    where = f"{'group' if whole_group else 'process'} killed after {after_s:.2f} s"
    if code != 0:
        row.findings.append(f"{where}: the rerun ended with {code}: {said.strip().splitlines()[-1][:200]}")
    elif found != wanted:
        names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        row.findings.append(f"{where}: differs: {', '.join(names[:5])}")
    else:
        row.survivors += 1


def run_job(job: Job, folder: Path, kills: int, rng: random.Random, say: Callable[[str], None]) -> Row:
    """All kills of one command.

    Raises:
        RuntimeError: the undisturbed run fails, or a second one gives other bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen = []
    for _ in range(2):  # the second one finds everything in the system's cache, as the trials do
        shutil.rmtree(folder / OUT, ignore_errors=True)
        (folder / OUT).mkdir()
        code, usual_s, said = finish(job.words, folder)
        if code != 0:
            raise RuntimeError(f"{job.name}: the undisturbed run ended with {code}:\n{said}")
        seen.append(snapshot(folder / OUT, job))
    if seen[0] != seen[1]:
        different = sorted(name for name in {*seen[0], *seen[1]} if seen[0].get(name) != seen[1].get(name))
        raise RuntimeError(f"{job.name}: two undisturbed runs differ in {', '.join(different)}")
    row = Row(job.name, usual_s)
    say(f"{job.name}: {usual_s:.1f} s undisturbed, {len(seen[0])} files compared")
    for i in range(kills):
        trial(job, folder, rng.random() * usual_s, i % 2 == 0, seen[0], row)
        say(f"{job.name}: kill {i + 1} of {kills}, {row.survivors} survived")
    return row


def without(*keys: str) -> Callable[[bytes], bytes]:
    """Lines of JSON, or one JSON, without these keys at any depth."""

    def pruned(value: object) -> object:
        if isinstance(value, dict):
            return {key: pruned(item) for key, item in value.items() if key not in keys}
        return [pruned(item) for item in value] if isinstance(value, list) else value

    def reduce(content: bytes) -> bytes:
        try:
            values = [json.loads(content)]
        except ValueError:
            values = [json.loads(line) for line in content.splitlines()]
        return json.dumps([pruned(value) for value in values]).encode()

    return reduce


TIMED = {
    "/tensorboard/": None,
    "/metrics.jsonl": without("speed/audio_s_per_s"),
    "/trainer.json": without("wall_s"),
}
"""What may differ, of `hac train` alone. TensorBoard's own files tell time and process in their names and records; the
log tells how fast each step was, and a checkpoint how many seconds all steps took. All else is compared whole."""

TRAINING = """
base: {configs}/train/hac-nano.yaml
model: {{base: {configs}/model/hac-nano.yaml, encoder_hidden_size: 4, decoder_hidden_size: 32, latent_dim: 24,
  transformer_dim: 16, transformer_heads: 2, transformer_ff_dim: 32, phonetic_layers: 1, lexical_layers: 1,
  restart_interval: 2}}
data: {{train: {manifest}, batch_s: 6, max_s: 6, validation_share: 0.3, alignments: {alignments}}}
teachers: {{speech: null, text: null}}
losses: {{window_s: 0.3}}
discriminator: {{start_step: 1, periods: [2], fft_sizes: [256], period_channels: [4, 4], band_channels: 2}}
validation: {{every: 3, max_utterances: 2, clips: 1, shifts: 1}}
checkpoint: {{every: 1, keep: 2}}
ema: 0.9
steps: 6
"""


def prepare(folder: Path, say: Callable[[str], None]) -> list[Job]:
    """What the commands read, made once; and the commands."""
    corpus, short, units = folder / "corpus", folder / "corpus" / "short.jsonl", folder / "units"
    manifest, alignments = corpus / "manifest.jsonl", corpus / "alignments.parquet"
    folder.mkdir(parents=True, exist_ok=True)

    def make(made: Path, *words: object) -> None:
        if made.exists():
            return
        say(" ".join(map(str, words)))
        code, _, said = finish([str(word) for word in words], folder)
        if code != 0:
            raise RuntimeError(said)

    # more than two shards of two minutes, so that something can be finished and something left
    make(alignments, "hac", "corpus", "builtin", corpus, "--minutes", "4.5", "--voices", "4", "--languages", "en,de")
    short.write_text("".join(manifest.read_text().splitlines(keepends=True)[:13]))
    config = folder / "train.yaml"
    config.write_text(TRAINING.format(configs=ROOT / "configs", manifest=short, alignments=alignments))
    tokenizer, decoded = f"mfcc-kmeans:{units}", folder / "decoded"
    make(units, "hac", "tokenizer", "fit", "mfcc-kmeans", "--manifest", manifest, "-k", "32", "-o", units)
    encode = ["hac", "encode", manifest, "-t", tokenizer, "-j", "2", "-o"]
    make(folder / "tokens.parquet", *encode, folder / "tokens.parquet")
    make(folder / "few.parquet", "hac", "encode", short, "-t", "hac:reference", "-j", "1", "-o", folder / "few.parquet")
    make(decoded, "hac", "decode", folder / "few.parquet", "--manifest", short, "-j", "1", "-o", decoded)
    count = ["hac-analyze", "pnmi", "--tokens", folder / "tokens.parquet", "--manifest", manifest, "-j", "2", "-o"]
    recon = ["hac-analyze", "recon", "--decoded", decoded, "--manifest", short, "--asr", "none", "--speaker", "none"]
    recon += ["--metrics", "stoi,si_sdr,mel_distance", "--null-pairs", "24", "--mos", "none", "-j", "2", "-o"]
    make(folder / "runs" / "pnmi", *count, folder / "runs" / "pnmi")
    make(folder / "runs" / "recon", *recon, folder / "runs" / "recon")
    report = ["hac-analyze", "report", folder / "runs", "-o", f"{OUT}/report.html", "--pdf", f"{OUT}/report.pdf"]
    lists: dict[str, list[object]] = {
        "hac encode": [*encode, f"{OUT}/tokens.parquet"],
        "hac-analyze pnmi": [*count, OUT],
        "hac-analyze recon": [*recon, OUT],
        "hac train": ["hac", "train", config, "--cpu", "-o", OUT],
        "hac-analyze report": [*report, "--files", f"{OUT}/files"],
    }
    return [
        Job(name, [str(word) for word in words], TIMED if name == "hac train" else {}) for name, words in lists.items()
    ]


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, findings below."""
    lines = ["| command | usual time | kills | landed while running | after it had written | same bytes |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| `{row.name}` | {row.usual_s:.1f} s | {row.kills} | {row.running} | {row.begun} | {row.survivors} |"
        )
    lines += ["", *(f"- `{row.name}`, {finding}" for row in rows for finding in row.findings)]
    return "\n".join(lines).rstrip()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, help="kills of each command")
    parser.add_argument("--only", default="", help="commands by comma; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder, removed afterwards")
    asked = parser.parse_args()

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="hac-kill-") as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        jobs = prepare(folder, say)
        chosen = [job for job in jobs if not asked.only or job.name.split()[-1] in asked.only.split(",")]
        rows = [
            run_job(job, folder / "trials" / job.words[1], asked.kills, random.Random(f"{asked.seed} {job.name}"), say)
            for job in chosen
        ]
    print(table(rows))
    sys.exit(any(row.findings for row in rows))


if __name__ == "__main__":
    main()
