"""Fuzz one family of readers with atheris until the time is over; what is found is written down, and fuzzing goes on.

    python -m scripts.fuzz.worker FAMILY --seconds 600 --folder build/fuzz

The fuzzer's input is one byte that chooses a file of a reader, and the content of that file. Half of the changes are
libFuzzer's own, led by the branches that are reached; half change a value inside JSON, YAML, Parquet or safetensors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import atheris

from hac.files.atomic import write_text

LONGEST = 1 << 20
"""Bytes of an input."""
STATUS_S = 2.0
FRESH = 0.3
"""Share of the inputs that spoil a sound file, any reader's alike."""
NOT_INSTRUMENTED = ("numba", "probes.joint_counts.kernels", "probes.boundaries.kernels", "hac.align.hmm.viterbi")


class Fuzzer:
    """The readers of a family, each in a folder of its own.

    Args:
        family: name of a family, or of a reader.
        folder: takes `status.json`, `findings.jsonl` and the inputs behind them.
        seconds: of processor time: how long to go on.
    """

    def __init__(self, family: str, folder: Path, seconds: float) -> None:
        with atheris.instrument_imports(include=["hac", "probes", "analysis", "reports"], exclude=[*NOT_INSTRUMENTED]):
            from tests.fuzz.readers import READERS
            from tests.fuzz.trial import Bench

            scratch = Path(tempfile.mkdtemp(prefix="hac-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
            readers = [reader for reader in READERS if family in (reader.family, reader.name)]
            self.benches = [Bench(reader, scratch / reader.name / "folder") for reader in readers]
            for bench in self.benches:
                if (finding := bench.read()) is not None:
                    sys.exit(f"{bench.reader.name}: the sound folder cannot be read: {finding.text}")
        self.targets = [(bench, name) for bench in self.benches for name in bench.sound]
        self.folder = folder
        self.start = time.process_time()
        self.seconds = seconds
        self.runs: Counter[str] = Counter()
        self.seen: set[tuple[str, str]] = set()
        self.reported = 0.0

    def seeds(self) -> Path:
        """A folder with the sound files as inputs."""
        corpus = self.folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for i, (bench, name) in enumerate(self.targets):
            (corpus / f"seed-{i}").write_bytes(bytes([i]) + bench.sound[name])
        return corpus

    def one(self, data: bytes) -> None:
        """Read one spoilt file."""
        if time.process_time() - self.start > self.seconds:
            self.tell()
            os._exit(0)  # an exception would be taken for a crash
        if not data:
            return
        bench, name = self.targets[data[0] % len(self.targets)]
        finding = bench.read_with(name, data[1:])
        self.runs[bench.reader.name] += 1
        if finding is not None and (finding.kind, finding.place) not in self.seen:
            self.seen.add((finding.kind, finding.place))
            digest = hashlib.sha256(data).hexdigest()[:16]
            (self.folder / f"input-{digest}").write_bytes(data[1:])
            about = {"reader": bench.reader.name, "file": name, "input": f"input-{digest}", **vars_of(finding)}
            with (self.folder / "findings.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(about) + "\n")
        if time.monotonic() - self.reported > STATUS_S:
            self.tell()

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Another input of the same reader and file."""
        from tests.fuzz.formats import spoilt

        if not data:
            return b"\0"
        rng = Random(seed)
        if rng.random() < FRESH:  # libFuzzer prefers what reaches new branches, and would forget the small readers
            i = rng.randrange(len(self.targets))
            bench, name = self.targets[i]
            return (bytes([i]) + spoilt(name, bench.sound[name], rng))[:max_size]
        name = self.targets[data[0] % len(self.targets)][1]
        content = spoilt(name, data[1:], rng) if rng.random() < 0.5 else atheris.Mutate(data[1:], max_size - 1)
        return (data[:1] + content)[:max_size]

    def tell(self) -> None:
        """Write down how far the fuzzing is."""
        self.reported = time.monotonic()
        status = {"runs": dict(self.runs), "cpu_s": time.process_time() - self.start, "findings": len(self.seen)}
        write_text(self.folder / "status.json", json.dumps(status))


def vars_of(finding: Any) -> dict[str, str]:
    """A finding as JSON."""
    return {"kind": finding.kind, "place": finding.place, "text": finding.text}


def main() -> None:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family")
    parser.add_argument("--seconds", type=float, required=True, help="of processor time")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    from tests.fuzz.trial import bounded_memory

    fuzzer = Fuzzer(given.family, given.folder, given.seconds)
    corpus = fuzzer.seeds()
    settings = [f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=0", "-use_value_profile=0", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *settings, str(corpus)], fuzzer.one, custom_mutator=fuzzer.mutate)
    with bounded_memory():
        atheris.Fuzz()


if __name__ == "__main__":
    main()
