"""Fuzz the readers of files: `python -m scripts.fuzz [FAMILY_OR_READER ...] --seconds 600`, or `make fuzz`.

Each family runs in a process of its own (see `worker`), which is started again where an input ends it: that is a
finding too. Ends with 1 where anything but one of our own errors came out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.readers import FAMILIES, READERS


@dataclass
class Tally:
    """What a family's processes did, all together; time of the processor alone counts."""

    minutes: float = 0.0
    ended: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)


def fuzz(family: str, seconds: float, folder: Path) -> Tally:
    """Fuzz a family (or one reader) for so many seconds of processor time."""
    tally = Tally()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "findings.jsonl").unlink(missing_ok=True)
    while (left := seconds - 60 * tally.minutes) > 1:
        (folder / "status.json").unlink(missing_ok=True)
        words = [sys.executable, "-m", "scripts.fuzz.worker", family, "--seconds", f"{left}", "--folder", str(folder)]
        code = 0
        try:
            with (folder / "log.txt").open("ab") as log:
                code = subprocess.run(words, stdout=log, stderr=log, check=False).returncode
        except KeyboardInterrupt:
            seconds = 0.0  # what was done until then counts
        status = _status(folder)
        tally.minutes += status["cpu_s"] / 60
        tally.runs.update(status["runs"])
        if code and seconds:
            tally.ended += 1
            if not status["runs"]:
                sys.exit(f"{family}: the fuzzer did not start; see {folder / 'log.txt'}")
    if (folder / "findings.jsonl").is_file():
        lines = (folder / "findings.jsonl").read_text(encoding="utf-8").splitlines()
        tally.findings = [json.loads(line) for line in lines]
    return tally


def _status(folder: Path) -> dict[str, Any]:
    path = folder / "status.json"
    empty: dict[str, Any] = {"runs": {}, "cpu_s": 0.0}
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else empty


def main() -> None:
    """Fuzz what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*FAMILIES, *(reader.name for reader in READERS)]
    parser.add_argument("names", nargs="*", help=f"families or readers: {', '.join(names)}; all families by default")
    parser.add_argument("--seconds", type=float, default=600.0, help="of processor time, for each of them")
    parser.add_argument("-o", "--out", type=Path, default=Path("build/fuzz"))
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in names]:
        parser.error(f"no such family or reader: {unknown[0]}; there are {', '.join(names)}")
    bad = 0
    for family in given.names or FAMILIES:
        tally = fuzz(family, given.seconds, given.out / family)
        bad += len(tally.findings) + tally.ended
        each = ", ".join(f"{name} {n:,}" for name, n in sorted(tally.runs.items()))
        print(
            f"{family}: {tally.minutes:.1f} min, {tally.runs.total():,} readings ({each}), "
            f"{len(tally.findings)} findings, "
            f"{tally.ended} processes ended",
            flush=True,
        )
        with (given.out / "runs.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"family": family, **vars(tally), "runs": dict(tally.runs)}) + "\n")
        for finding in tally.findings:
            print(f"  {finding['reader']}, {finding['file']}: {finding['kind']} in {finding['place']}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
