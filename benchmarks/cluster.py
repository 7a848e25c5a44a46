"""What a cluster costs beside processes of one machine: `python -m benchmarks.cluster [--hours 2]`.

Made-up speech of `benchmarks.words`' and `benchmarks.leakage`'s kind; `hac-analyze pnmi` and `boundaries` with `-j 2`,
and with `--cluster` on two local workers, in turn; each twice, since the first run loads what the second one finds. The
files must be equal but for the command line in them. Seconds by the clock: the workers are not children of the command.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.leakage import write_corpus
from benchmarks.timing import timed

COMMANDS = ("pnmi", "boundaries")


@contextmanager
def workers(folder: Path, n: int) -> Iterator[Path]:
    """A scheduler with workers, each a process of one thread; yields the scheduler's file."""
    file = folder / "scheduler.json"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base = [sys.executable, "-m"]
    scheduler = ["distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1"]
    worker = ["distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]
    worker += ["--no-dashboard", "--local-directory", str(folder)]
    started = [subprocess.Popen([*base, *scheduler, "--scheduler-file", str(file)], **quiet)]
    try:
        while not file.exists():
            time.sleep(0.1)
        started += [subprocess.Popen([*base, *worker], **quiet) for _ in range(n)]
        yield file
    finally:
        for process in started:
            process.kill()
            process.wait()


def seconds(command: str, corpus: Path, output: Path, *where: str) -> float:
    """What one command took."""
    words = ("--tokens", str(corpus / "tokens.parquet"), "--manifest", str(corpus / "manifest.jsonl"), *where)
    return timed("-m", "reports", command, *words, "-o", str(output)).wall_s


def numbers(folder: Path) -> bytes:
    """The results without the command line that made them."""
    results = json.loads((folder / "results.json").read_bytes())
    del results["provenance"]["run"]["argv"]
    return json.dumps(results).encode() + (folder / "metrics.csv").read_bytes()


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["hours"] = write_corpus(given.hours, folder)
        with workers(folder, 2) as scheduler:
            for command in COMMANDS:
                here, there = folder / f"{command}-here", folder / f"{command}-there"
                taken: dict[str, list[float]] = {"processes": [], "cluster": []}
                for _ in range(2):
                    taken["processes"].append(seconds(command, folder, here, "-j", "2"))
                    taken["cluster"].append(seconds(command, folder, there, "--cluster", str(scheduler)))
                ratio = taken["cluster"][1] / taken["processes"][1]
                found[command] = {**taken, "ratio": ratio, "equal": numbers(here) == numbers(there)}
    print(json.dumps({**found, "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
