"""What ten thousand hours cost: `python -m benchmarks.scale --hours 10000 [--shard-hours 10] [--one-store 100,300]`.

Speech is made up shard by shard, from a small corpus whose tokens and alignments are real outputs of this project:
`hac corpus builtin` in English, encoded by the reference model (stream `phonetic`, 1,024 codes at 50 Hz). A shard holds
utterances of it drawn anew, one run of codes in twenty drawn anew from all, speakers of its own (six in ten hours).
So phones, words, codes and their runs are those of speech, at any length. Then, each in a process of its own:

1. every shard is counted by `hac-analyze pnmi --shard i/n --own-stores`, and its stores are thrown away;
2. after 1, 3, 10, 30, ... % of the shards (and at the end), those there are merged by `hac-analyze merge`;
3. `--one-store` counts so many hours in one store of each kind, by the plain command.

CPU seconds (user and system) and peak memory come from the kernel for each process; the making is told apart. What is
done is kept in FOLDER (`--keep`), and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.alignment import Alignments, Tier, read_alignments, write_alignments
from hac.data.alignment_tiers import bounds_of
from hac.data.manifest import Manifest, Utterance, read_manifest, write_manifest
from hac.data.tokens import Stream, TokenStore, read_tokens, write_tokens

STREAM, LANGUAGE = "phonetic", "en"
SEED_MINUTES, SEED_VOICES = 40, 64
SPEAKERS_PER_10_H = 6
REDRAWN = 0.05
POINTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of all shards after which they are merged."""


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        wall_s: by the clock, which other work on the machine moves.
        cpu_s: user and system time of the process and its children.
        peak_gb: largest resident set of one process.
    """

    wall_s: float
    cpu_s: float
    peak_gb: float


def timed(*words: str) -> Cost:
    """Run a command line of this Python and see what it took."""
    start = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *words],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)


class Source:
    """The small corpus that speech is drawn from.

    Args:
        folder: with manifest, alignments and tokens; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "tokens.parquet").is_file():
            make = ("corpus", "builtin", str(folder), "--minutes", str(SEED_MINUTES), "--voices", str(SEED_VOICES))
            _hac(*make, "--languages", LANGUAGE)
            _hac("encode", str(folder / "manifest.jsonl"), "-t", "reference", "-s", STREAM, "-o", _tokens(folder))
        self.manifest = read_manifest(folder / "manifest.jsonl")
        ids = self.manifest.ids
        self.tiers = {name: tier.select(ids) for name, tier in read_alignments(_alignments(folder)).tiers.items()}
        self.stream = read_tokens(Path(_tokens(folder))).select(ids)[STREAM]
        self.durations = np.array([u.duration for u in self.manifest.utterances])

    def write(self, hours: float, index: int, folder: Path) -> float:
        """Write stores of about so many hours that no other index has the like of; returns the hours."""
        rng = np.random.default_rng([0, index])
        picks = rng.integers(0, len(self.durations), round(hours * 3600 / self.durations.mean()))
        ids = tuple(f"{index:05d}-{i:07d}" for i in range(len(picks)))
        n_speakers = max(1, round(hours * SPEAKERS_PER_10_H / 10))
        voices = np.sort(rng.integers(0, n_speakers, len(picks)))
        rows = tuple(
            Utterance(id, f"{id}.flac", float(self.durations[pick]), f"s{index:05d}-{voice:03d}", LANGUAGE)
            for id, pick, voice in zip(ids, picks.tolist(), voices.tolist(), strict=True)
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(Manifest(folder, rows), folder / "manifest.parquet")
        tiers = {name: _drawn(tier, picks, ids) for name, tier in self.tiers.items()}
        write_alignments(Alignments(tiers, {}), Path(_alignments(folder)))
        stream = self._redrawn(self.stream.take(picks), rng)
        write_tokens(TokenStore(ids, {STREAM: stream}, {"tokenizer": "made-up"}), Path(_tokens(folder)))
        return float(self.durations[picks].sum()) / 3600

    def _redrawn(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """The stream with some runs said anew, as often as each code is said."""
        starts = stream.run_starts()
        codes = stream.codes[starts]
        new = rng.random(len(starts)) < REDRAWN
        codes[new] = rng.choice(self.stream.codes, int(new.sum()))
        lengths = np.diff(np.append(starts, len(stream.codes)))
        return replace(stream, codes=np.repeat(codes, lengths))


def _drawn(tier: Tier, picks: NDArray[np.int64], ids: tuple[str, ...]) -> Tier:
    """Utterances of a tier under new ids, some of them again and again."""
    lengths = np.diff(tier.bounds)[picks]
    bounds = bounds_of(lengths)
    rows = np.arange(bounds[-1]) + np.repeat(tier.bounds[picks] - bounds[:-1], lengths)
    columns = {name: getattr(tier, name)[rows] for name in ("labels", "onset_us", "offset_us")}
    return replace(tier, ids=ids, bounds=bounds, **columns)


def _hac(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "hac.cli", *words], check=True, stdout=subprocess.DEVNULL)


def _tokens(folder: Path) -> str:
    return str(folder / "tokens.parquet")


def _alignments(folder: Path) -> str:
    return str(folder / "alignments.parquet")


def stores(folder: Path) -> tuple[str, ...]:
    """The options that name a folder's stores; tiny, so that interpreter and imports are told apart from counting."""
    return ("--tokens", _tokens(folder), "--manifest", str(folder / "manifest.parquet"))


class Record:
    """Measurements on disk, one JSON line each: what is there is not done again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.rows = [json.loads(line) for line in lines]

    def add(self, **row: Any) -> None:
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["kind"] == kind]


def count_shards(source: Source, n: int, hours: float, folder: Path, record: Record) -> None:
    """Make, count and throw away every shard; merge what there is now and then."""
    done = {row["shard"] for row in record.of("shard")}
    for i in range(n):
        if i not in done:
            start = time.process_time()
            told = source.write(hours, i, folder / "stores")
            made_s = time.process_time() - start
            place = ("--shard", f"{i + 1}/{n}", "--own-stores", "-o", str(folder / "counts" / f"{i:05d}"))
            cost = timed("-m", "analysis", "pnmi", *stores(folder / "stores"), *place)
            bytes_ = (folder / "counts" / f"{i:05d}" / "counts.parquet").stat().st_size
            facts = {"hours": told, "made_cpu_s": made_s, "bytes": bytes_, "load": os.getloadavg()[0]}
            record.add(kind="shard", shard=i, **vars(cost), **facts)
            shutil.rmtree(folder / "stores")
    if not record.of("merge"):
        cost = timed(
            "-m", "analysis", "merge", *map(str, sorted((folder / "counts").iterdir())), "-o", str(folder / "merged")
        )
        record.add(kind="merge", shards=n, **vars(cost), load=os.getloadavg()[0])


def count_one_store(source: Source, hours: float, folder: Path, record: Record, command: str) -> None:
    """One store of so many hours, counted whole by the plain command."""
    if any(row["hours_asked"] == hours and row["command"] == command for row in record.of("store")):
        return
    place = folder / f"store-{hours:g}"
    if not place.is_dir():
        source.write(hours, 99_999, place)
    told = sum(u.duration for u in read_manifest(place / "manifest.parquet").utterances) / 3600
    cost = timed("-m", "analysis", command, *stores(place), "-j", "1", "-o", str(folder / f"{command}-{hours:g}"))
    size = sum(file.stat().st_size for file in place.iterdir())
    record.add(kind="store", command=command, hours_asked=hours, hours=told, bytes=size, **vars(cost))


def summary(record: Record) -> dict[str, Any]:
    """The figures of the page: what a shard takes early and late, all together, and for 1,000 hours."""
    shards, merges = record.of("shard"), record.of("merge")
    found: dict[str, Any] = {"one store": record.of("store")}
    if shards:
        hours, cpu = (sum(row[key] for row in shards) for key in ("hours", "cpu_s"))
        tenth = max(1, len(shards) // 10)
        found["shards"] = {
            "n": len(shards),
            "hours": hours,
            "cpu_s": cpu,
            "hours_per_core_second": hours / cpu,
            "cpu_s_per_1000_h": cpu / hours * 1000,
            "peak_gb": max(row["peak_gb"] for row in shards),
            "peak_gb_first_and_last_tenth": [
                max(row["peak_gb"] for row in part) for part in (shards[:tenth], shards[-tenth:])
            ],
            "counts_mb_each": sum(row["bytes"] for row in shards) / len(shards) / 1e6,
        }
    if merges:
        found["merge"] = merges[-1]
    return found


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100.0, help="in shards; 0: none")
    parser.add_argument("--shard-hours", type=float, default=10.0)
    parser.add_argument("--one-store", default="", help="hours in one store, by comma")
    parser.add_argument("--commands", default="pnmi", help="for one store: pnmi, words, boundaries, by comma")
    parser.add_argument("--source", type=Path, help="folder of the small corpus; made where it is not there")
    parser.add_argument("--keep", type=Path, help="folder for what is measured, to go on with")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        source, record = Source(given.source or folder / "source"), Record(folder / "scale.jsonl")
        if n := round(given.hours / given.shard_hours):
            count_shards(source, n, given.shard_hours, folder, record)
        for hours in filter(None, given.one_store.split(",")):
            for command in given.commands.split(","):
                count_one_store(source, float(hours), folder, record, command)
        print(json.dumps(summary(record), indent=1))


if __name__ == "__main__":
    main()
