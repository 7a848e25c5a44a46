"""How fast leakage is measured: `python -m benchmarks.leakage [--hours 10] [--nulls 20] [--given-nulls 2]`.

Made-up speech, on disk as the command reads it: 9 streams of 1,024 codes at 50 Hz (seven that change with every other
frame, one with runs of two, one of four frames), 40 phones and 20,000 word types with Zipf's frequencies, F0 and energy
on the 10 ms grid, speakers as in LibriSpeech in two languages. The whole of `hac-analyze leakage` (nine factors, 72
ordered pairs of streams) runs in a process of its own on two cores: wall-clock time, and the peak memory of all its
processes. Core-seconds are what the processes themselves had of the cores: on a machine that others use too, they say
more than the clock, and the load says how busy it was.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.words import RATE, corpus, peak_bytes
from hac.data.alignments.alignment import PHONES, Alignments, Tier, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.ragged import bounds_of
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from hac.parallel.resumable import write_rows

K, N_PHONES, PHONES_PER_WORD = 1024, 40, 4
RUNS = {**{f"acoustic.{i}": 1.5 for i in range(7)}, "phonetic": 2.0, "lexical": 4.0}
"""Mean run of each stream, frames."""
VOICED, F0_HZ = 0.6, 120.0


def write_corpus(hours: float, folder: Path, seed: int = 0) -> float:
    """Write manifest, alignments, tokens and prosody; returns the hours of speech."""
    rng = np.random.default_rng(seed)
    manifest, words, _ = corpus(hours, seed)
    rows = tuple(_voiced(i, row) for i, row in enumerate(manifest.utterances))
    write_manifest(Manifest(folder, rows), folder / "manifest.jsonl")
    tiers = {"words": words, PHONES: _phones(words, rng)}
    write_alignments(Alignments(tiers, {}), folder / "alignments.parquet")
    frames = np.array([int(row.duration * float(RATE)) for row in rows])
    bounds = bounds_of(frames)
    streams = {name: Stream(name, K, RATE, _codes(bounds, run, rng), bounds) for name, run in RUNS.items()}
    write_tokens(TokenStore(words.ids, streams, {"tokenizer": "made-up"}), folder / "tokens.parquet")
    _write_prosody(rows, folder / "prosody.parquet", rng)
    return float(sum(row.duration for row in rows)) / 3600


def _voiced(i: int, row: Utterance) -> Utterance:
    speaker = int(str(row.speaker)[1:])
    gender = "female" if speaker % 2 else "male"
    return Utterance(row.id, row.path, row.duration, row.speaker, ("en", "de")[speaker % 3 > 0], gender=gender)


def _phones(words: Tier, rng: np.random.Generator) -> Tier:
    """Four phones to every word."""
    part = (words.offset_us - words.onset_us) // PHONES_PER_WORD
    place = np.tile(np.arange(PHONES_PER_WORD), len(words.labels))
    onset = np.repeat(words.onset_us, PHONES_PER_WORD) + place * np.repeat(part, PHONES_PER_WORD)
    offset = onset + np.repeat(part, PHONES_PER_WORD)
    labels = rng.integers(0, N_PHONES, len(onset)).astype(np.int32)
    names = tuple(sorted(IPA[:N_PHONES]))
    return Tier(PHONES, words.ids, words.bounds * PHONES_PER_WORD, labels, onset, offset, names)


IPA = tuple("abdefhijklmnopstuvwzæðŋɑɔəɛɜɡɪɹʃʊʌʒθɒɐɾʔçxɣ")


def _codes(bounds: NDArray[np.int64], run: float, rng: np.random.Generator) -> NDArray[np.int32]:
    change = rng.random(bounds[-1]) < 1 / run
    change[bounds[:-1]] = True
    return rng.integers(0, K, int(change.sum()))[np.cumsum(change) - 1].astype(np.int32)


def _write_prosody(rows: tuple[Utterance, ...], path: Path, rng: np.random.Generator) -> None:
    points = np.array([int(row.duration * 100) for row in rows])
    n = int(points.sum())
    f0 = (F0_HZ * np.exp(0.3 * np.repeat(rng.normal(size=n // 4 + 1), 4)[:n])).astype(np.float32)
    f0[np.repeat(rng.random(n // 20 + 1) > VOICED, 20)[:n]] = np.nan
    energy = rng.normal(-30, 10, n).astype(np.float32)
    ends = pa.array(bounds_of(points).astype(np.int32))
    columns = {"id": pa.array([row.id for row in rows])}
    columns |= {
        name: pa.ListArray.from_arrays(ends, pa.array(of)) for name, of in (("f0_hz", f0), ("energy_db", energy))
    }
    write_rows(pa.table(columns), path, {"version": 1, "kind": "prosody"})


def command(folder: Path, nulls: int, given_nulls: int) -> list[str]:
    """The command line of the job."""
    job = [sys.executable, "-m", "reports", "leakage", "--tokens", str(folder / "tokens.parquet"), "-j", "2"]
    job += ["--manifest", str(folder / "manifest.jsonl"), "--prosody", str(folder / "prosody.parquet")]
    return [*job, "--nulls", str(nulls), "--given-nulls", str(given_nulls), "-o", str(folder / "out")]


def whole_job(hours: float, nulls: int, given_nulls: int, folder: Path) -> dict[str, float]:
    """Time and memory of the command, from files to files."""
    written = write_corpus(hours, folder)
    write_corpus(0.05, folder / "small")
    # compile the loops once, as on a machine that ran the command before
    subprocess.run(command(folder / "small", 2, 1), stdout=subprocess.DEVNULL, check=True)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(command(folder, nulls, given_nulls), stdout=subprocess.DEVNULL)
    peak = peak_bytes(child)
    seconds = time.perf_counter() - start
    if child.wait():
        raise SystemExit("the job failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = {"hours": written, "nulls": nulls, "given_nulls": given_nulls, "seconds": seconds}
    return {**said, "core_seconds": cpu, "load": os.getloadavg()[0], "peak_gb": peak / 1e9}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--nulls", type=int, default=20)
    parser.add_argument("--given-nulls", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(whole_job(arguments.hours, arguments.nulls, arguments.given_nulls, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
