"""What ten thousand hours cost: `python -m benchmarks.scale --hours 10000 [--shard-hours 10] [--one-store 100,300]`.

Speech is made up shard by shard, from a small corpus whose tokens and alignments are real outputs of this project:
`hac corpus builtin` in English, encoded by the reference model (stream `phonetic`, 1,024 codes at 50 Hz). A shard holds
utterances of it drawn anew, one run of codes in twenty drawn anew from all, speakers of its own (six in ten hours).
So phones, words, codes and their runs are those of speech, at any length. Then, each in a process of its own:

1. every shard is counted by `hac-analyze pnmi --shard i/n --own-stores`, and its stores are thrown away. The first
   `--alone` shards have a process each, as on a cluster of jobs; the others are counted one after the other by the same
   command in one process of `--batch` shards, which tells whether memory grows;
2. all shards are merged by `hac-analyze merge` (as it is, on one core), and so are the first 10, 100, ... of them;
3. `--one-store` counts so many hours in one store, by the plain command.

CPU seconds (user and system) and peak memory come from the kernel for each process; the making is told apart. What is
done is kept in the folder of `--keep`, and the same command goes on from there; `--at-most N` stops after N shards.
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
from pathlib import Path
from typing import Any

import numpy as np

from analysis.shards.count_file import GROUPS, META
from benchmarks.scale_source import Source, tokens_of
from benchmarks.timing import Time, timed
from hac.data.manifest.formats import read_manifest

BATCH = """
import json, resource, sys, time
from pathlib import Path
import psutil
from analysis.sweeps.launch import Call, in_process
from reports.cli import app
launch = in_process({"hac-analyze": app})
for line in sys.stdin:
    words, before, start = json.loads(line), time.process_time(), time.perf_counter()
    code = launch(Call("hac-analyze", tuple(words), Path(sys.argv[1])))
    cpu, wall = time.process_time() - before, time.perf_counter() - start
    now, peak = psutil.Process().memory_info().rss, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([code, wall, cpu, peak * 1024 / 1e9, now / 1e9]), flush=True)
"""
"""Runs command lines one after the other in one process; says what each took, the peak until then and what is held."""


def stores(folder: Path) -> tuple[str, ...]:
    """The options that name a folder's stores."""
    return ("--tokens", tokens_of(folder), "--manifest", str(folder / "manifest.parquet"))


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


class Counter:
    """Counts shards, each in a process of its own or many in one.

    Args:
        folder: for counts, and for the stores while they are there.
        n: of shards.
        record: of what was measured.
    """

    def __init__(self, folder: Path, n: int, record: Record) -> None:
        self.folder, self.n, self.record = folder, n, record
        self._process: subprocess.Popen[str] | None = None
        self._left = 0

    def words(self, i: int) -> tuple[str, ...]:
        """The command line of a shard."""
        place = ("--shard", f"{i + 1}/{self.n}", "--own-stores", "-o", str(counts(self.folder, i)))
        return ("pnmi", *stores(self.folder / "stores"), *place)

    def alone(self, i: int) -> None:
        """A shard in a process of its own."""
        self.record.add(kind="alone", shard=i, **vars(timed("-m", "reports", *self.words(i))))

    def together(self, i: int, hours: float, made_s: float, batch: int) -> None:
        """A shard in a process that counts several."""
        if self._process is None or not self._left:
            self.close()
            command = [sys.executable, "-c", BATCH, str(self.folder / "log.txt")]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._left = batch
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(self.words(i)) + "\n")
        self._process.stdin.flush()
        code, wall, cpu, peak, held = json.loads(self._process.stdout.readline())
        if code:
            raise SystemExit(f"shard {i} failed with {code}; see {self.folder / 'log.txt'}")
        place = batch - self._left
        self._left -= 1
        size = (counts(self.folder, i) / "counts.parquet").stat().st_size
        facts = {"hours": hours, "made_cpu_s": made_s, "bytes": size, "load": os.getloadavg()[0], "held_gb": held}
        self.record.add(kind="shard", shard=i, place=place, **vars(Time(wall, cpu, peak)), **facts)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait()


def counts(folder: Path, i: int) -> Path:
    """Where the counts of a shard go."""
    return folder / "counts" / f"{i:05d}"


def count_shards(source: Source, n: int, hours: float, folder: Path, record: Record, given: argparse.Namespace) -> bool:
    """Make, count and throw away every shard; whether all are done."""
    done = {row["shard"] for row in record.of("shard")}
    apart = {row["shard"] for row in record.of("alone")}
    counter = Counter(folder, n, record)
    left = [i for i in range(n) if i not in done]
    for i in left[: n if given.at_most is None else given.at_most]:
        start = time.process_time()
        written = source.write(hours, i, folder / "stores")
        made_s = time.process_time() - start
        if i < given.alone and i not in apart:
            counter.alone(i)
        counter.together(i, written, made_s, given.batch)
        shutil.rmtree(folder / "stores")
    counter.close()
    return given.at_most is None or len(left) <= given.at_most


def merge_shards(n: int, there: int, folder: Path, record: Record) -> None:
    """Merge the shards that are there, and before that the first 10, 100, ... as if they were all of n."""
    done = {row["shards"] for row in record.of("merge")}
    for size in sorted({size for size in (10, 100, 1000, 10_000) if size < there} | {there}):
        if size not in done:
            paths = [counts(folder, i) for i in range(size)]
            if size < n:
                paths = [_as_one_of(path, size, folder / f"first-{size}") for path in paths]
            cost = timed("-m", "reports", "merge", *map(str, paths), "-o", str(folder / f"merged-{size}"), "-j", "1")
            record.add(kind="merge", shards=size, **vars(cost), load=os.getloadavg()[0])
            shutil.rmtree(folder / f"first-{size}", ignore_errors=True)


def _as_one_of(path: Path, n: int, folder: Path) -> Path:
    """The same counts, said to be of n shards."""
    import pyarrow.parquet as pq

    to = folder / path.name / "counts.parquet"
    to.parent.mkdir(parents=True)
    with pq.ParquetFile(path / "counts.parquet") as file:
        meta = json.loads(file.schema_arrow.metadata[META])
        meta["shard"][1] = n
        schema = file.schema_arrow.with_metadata({META: json.dumps(meta, ensure_ascii=False).encode()})
        with pq.ParquetWriter(to, schema, compression="zstd") as writer:
            for group in range(file.metadata.num_row_groups):
                writer.write_table(file.read_row_group(group).cast(schema), row_group_size=1 << 62)
            writer.add_key_value_metadata({GROUPS: file.metadata.metadata[GROUPS]})
    return to.parent


def count_one_store(source: Source, hours: float, folder: Path, record: Record, command: str) -> None:
    """One store of so many hours, counted whole by the plain command."""
    if any(row["hours_asked"] == hours and row["command"] == command for row in record.of("store")):
        return
    place = folder / f"store-{hours:g}"
    if not place.is_dir():
        source.write(hours, 99_999, place)
    spoken = sum(u.duration for u in read_manifest(place / "manifest.parquet").utterances) / 3600
    cost = timed("-m", "reports", command, *stores(place), "-j", "1", "-o", str(folder / f"{command}-{hours:g}"))
    size = sum(file.stat().st_size for file in place.iterdir())
    about = {"command": command, "hours_asked": hours, "hours": spoken, "bytes": size, "load": os.getloadavg()[0]}
    record.add(kind="store", **about, **vars(cost))


def summary(record: Record) -> dict[str, Any]:
    """The figures of the page: what a shard takes early and late, all together, and for 1,000 hours."""
    shards, alone, merges = record.of("shard"), record.of("alone"), record.of("merge")
    found: dict[str, Any] = {}
    if shards:
        hours, cpu = (sum(row[key] for row in shards) for key in ("hours", "cpu_s"))
        tenth = max(1, len(shards) // 10)
        found["shards"] = {
            "n": len(shards),
            "hours": hours,
            "cpu_s": cpu,
            "hours_per_core_second": hours / cpu,
            "cpu_s_per_1000_h": cpu / hours * 1000,
            "made_cpu_s": sum(row["made_cpu_s"] for row in shards),
            "peak_gb_by_tenth": [
                max(row["peak_gb"] for row in shards[start : start + tenth]) for start in range(0, len(shards), tenth)
            ],
            "counts_mb_each": sum(row["bytes"] for row in shards) / len(shards) / 1e6,
            "load": [min(row["load"] for row in shards), max(row["load"] for row in shards)],
        }
    if alone:
        found["cpu_s_of_a_process_of_its_own"] = float(np.median([row["cpu_s"] for row in alone]))
    found["merges"] = [{key: row[key] for key in ("shards", "cpu_s", "wall_s", "peak_gb", "load")} for row in merges]
    found["one store"] = record.of("store")
    return found


def draw(record: Record, path: Path) -> None:
    """Memory and time against hours, from what was measured so far."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "scale"
    figure, (memory, cpu) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    shards, whole = record.of("shard"), [row for row in record.of("store") if row["command"] == "pnmi"]
    hours = np.cumsum([row["hours"] for row in shards])
    for axis, key, name in ((memory, "peak_gb", "peak memory, GB"), (cpu, "cpu_s", "core-seconds")):
        values = [row[key] for row in shards]
        axis.plot(hours, np.cumsum(values) if key == "cpu_s" else values, label="shards of own stores")
        axis.plot([row["hours"] for row in whole], [row[key] for row in whole], "o--", label="one store")
        axis.set(xlabel="hours counted", ylabel=name, xscale="log", yscale="log" if key == "cpu_s" else "linear")
        axis.legend()
    memory.set_ylim(0)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100.0, help="in shards; 0: none")
    parser.add_argument("--shard-hours", type=float, default=10.0)
    parser.add_argument("--at-most", type=int, help="so many shards now; the same command goes on")
    parser.add_argument("--merge-now", action="store_true", help="merge those that are there, though not all are")
    parser.add_argument("--batch", type=int, default=100, help="shards that one process counts")
    parser.add_argument("--alone", type=int, default=5, help="shards that are counted in a process of their own too")
    parser.add_argument("--one-store", default="", help="hours in one store, by comma")
    parser.add_argument("--commands", default="pnmi", help="for one store: pnmi, words, boundaries, by comma")
    parser.add_argument("--source", type=Path, help="folder of the small corpus; made where it is not there")
    parser.add_argument("--figure", type=Path, help="SVG of memory and time against hours")
    parser.add_argument("--keep", type=Path, help="folder for what is measured, to go on with")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        source, record = Source(given.source or folder / "source"), Record(folder / "scale.jsonl")
        n = round(given.hours / given.shard_hours)
        if n and (count_shards(source, n, given.shard_hours, folder, record, given) or given.merge_now):
            merge_shards(n, len(record.of("shard")), folder, record)
        for hours in filter(None, given.one_store.split(",")):
            for command in given.commands.split(","):
                count_one_store(source, float(hours), folder, record, command)
        if given.figure:
            draw(record, given.figure)
        print(json.dumps(summary(record), indent=1))


if __name__ == "__main__":
    main()
