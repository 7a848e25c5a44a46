"""How fast tokens are counted and scored: `python -m benchmarks.counting [--hours 10.3] [--times-ten]`.

Three measurements, on made-up tokens and phones with realistic run lengths:

1. one stream on one core: ours, scikit-learn's `mutual_info_score`, and a Python loop over frames, the same numbers;
2. the whole job from stores on disk, the size of LibriSpeech dev-clean + dev-other (5,567 utterances, 10.3 h, 73
   speakers, 9 streams at 50 Hz of 1,024 codes; 20 nulls), two processes, time and memory;
3. with `--times-ten`, ten times that corpus, as ratios to 2.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
from sklearn.metrics import mutual_info_score

from analysis.statistics.information import information
from hac.data.alignments.alignment import Alignments, Tier, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from probes.clusters import Row, Rows
from probes.joint_counts.counts import count
from probes.joint_counts.frame_labels import cells

RATE = Fraction(50)
K, N_PHONES, N_STREAMS = 1024, 41, 9
SPEAKERS_PER_HOUR = 7.1
MEAN_PHONE_S = 0.08


def corpus(hours: float, seed: int = 0) -> tuple[Manifest, Tier, TokenStore]:
    """Made-up speech: phones of 80 ms on average on a 10 ms grid, codes that follow them half of the time."""
    rng = np.random.default_rng(seed)
    n = round(hours * 5567 / 10.3)
    durations = np.round(rng.uniform(2, 11.3, n), 3)
    durations *= hours * 3600 / durations.sum()
    durations = np.round(durations, 3)
    ids = tuple(f"utt{i:07d}" for i in range(n))
    ends, labels, bounds = [], [], [0]
    shares = rng.dirichlet(np.full(N_PHONES, 3.0))
    for duration in durations:
        steps = np.maximum(1, rng.geometric(0.01 / MEAN_PHONE_S, int(duration / MEAN_PHONE_S)))
        inner = np.cumsum(steps) * 10_000
        inner = inner[inner < duration * 1e6 - 10_000]
        ends.append(np.append(inner, round(duration * 1e6)))
        labels.append(rng.choice(N_PHONES, len(inner) + 1, p=shares))
        bounds.append(bounds[-1] + len(inner) + 1)
    offset = np.concatenate(ends).astype(np.int64)
    onset = np.concatenate([np.append(0, end[:-1]) for end in ends]).astype(np.int64)
    names = ("sil", *(f"p{i:02d}" for i in range(1, N_PHONES)))
    order = np.argsort(names)
    label = np.argsort(order)[np.concatenate(labels)].astype(np.int32)
    tier = Tier("phones", ids, np.array(bounds, np.int64), label, onset, offset, tuple(sorted(names)))
    return _manifest(ids, durations, hours), tier, _tokens(tier, durations, rng)


def _manifest(ids: tuple[str, ...], durations: np.ndarray, hours: float) -> Manifest:
    n_speakers = max(1, round(hours * SPEAKERS_PER_HOUR))
    rows = [
        Utterance(id, f"{id}.flac", float(duration), f"spk{i % n_speakers:04d}", "en")
        for i, (id, duration) in enumerate(zip(ids, durations, strict=True))
    ]
    return Manifest(Path.cwd(), tuple(rows))


def _tokens(tier: Tier, durations: np.ndarray, rng: np.random.Generator) -> TokenStore:
    n_frames = np.ceil(durations * float(RATE)).astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(n_frames)])
    centre = cells(tier, n_frames, RATE, "centre")
    phone = np.zeros(bounds[-1], np.int32)
    utterance = np.repeat(np.arange(len(n_frames)), np.diff(centre.bounds))
    phone[bounds[utterance] + centre.frame] = centre.label
    streams = {}
    for s in range(N_STREAMS):
        runs = np.repeat(rng.integers(0, K, bounds[-1] // 2 + 1), 2)[: bounds[-1]]
        codes = np.where(runs % 2, runs, (phone * 25 + runs % 25) % K).astype(np.int32)
        streams[f"acoustic.{s}"] = Stream(f"acoustic.{s}", K, RATE, codes, bounds)
    return TokenStore(tier.ids, streams, {"tokenizer": "made-up"})


def python_counter(tier: Tier, stream: Stream) -> dict[tuple[int, int], int]:
    """What one would write first: a loop over frames, each against the phones it touches, exactly."""
    found: dict[tuple[int, int], int] = defaultdict(int)
    frame_us = 1_000_000 // int(RATE)
    # plain lists: a loop over numpy scalars would be several times slower still
    onset, offset, labels = tier.onset_us.tolist(), tier.offset_us.tolist(), tier.labels.tolist()
    for u in range(len(tier.ids)):
        j = int(tier.bounds[u])
        stop = int(tier.bounds[u + 1])
        for i, code in enumerate(stream.codes[stream.bounds[u] : stream.bounds[u + 1]].tolist()):
            start, end = i * frame_us, (i + 1) * frame_us
            while j < stop and offset[j] <= start:
                j += 1
            k = j
            while k < stop and onset[k] < end:
                found[labels[k], code] += min(end, offset[k]) - max(start, onset[k])
                k += 1
    return found


def best(call: Callable[[], object], repeats: int = 5) -> float:
    """Shortest wall time of several calls, seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def one_stream(tier: Tier, tokens: TokenStore) -> dict[str, float]:
    """Counting and scoring one stream on one core, against scikit-learn and a Python loop."""
    stream = tokens.streams["acoustic.0"]
    n_frames = np.diff(stream.bounds)
    everything = Rows((Row("", "", 0),), np.zeros(len(tier.ids), np.int64))
    aligned = cells(tier, n_frames, RATE)
    framed = cells(tier, n_frames, RATE, "centre")
    labels = framed.label
    codes = stream.codes[: len(labels)]

    def ours() -> float:
        return information(count(framed, stream, everything, tier.vocabulary).table).mutual

    total = len(stream.codes)
    exact = best(lambda: count(aligned, stream, everything, tier.vocabulary))
    lay = best(lambda: cells(tier, n_frames, RATE))
    pairs = labels.tolist(), codes.tolist()
    counter = best(lambda: Counter(zip(*pairs, strict=True)), 1)
    counted = best(lambda: count(framed, stream, everything, tier.vocabulary))
    scored, sklearn = best(ours), best(lambda: mutual_info_score(labels, codes), 3)
    loop = best(lambda: python_counter(tier, stream), 1)
    check = python_counter(tier, stream)
    table = count(aligned, stream, everything, tier.vocabulary)
    units = int(table.units_per_s) // 1_000_000
    assert sum(check.values()) * units == table.table.sum()
    return {
        "frames": total,
        "count, exact overlap: M frames/s": total / exact / 1e6,
        "lay + count, exact overlap: M frames/s": total / (lay + exact) / 1e6,
        "scikit-learn mutual_info_score / ours (count + score)": sklearn / scored,
        "Python loop, exact overlap / ours (lay + count)": loop / (lay + exact),
        "Python loop, exact overlap / ours (count)": loop / exact,
        "collections.Counter over (phone, code) pairs / ours (count)": counter / counted,
    }


def whole_job(hours: float, folder: Path) -> dict[str, float]:
    """`hac-analyze pnmi` from stores on disk in a process of its own: seconds, and peak memory of the whole tree."""
    manifest, tier, tokens = corpus(hours)
    write_manifest(manifest, folder / "manifest.jsonl")
    write_alignments(Alignments({"phones": tier}, {}), folder / "alignments.parquet")
    write_tokens(tokens, folder / "tokens.parquet")
    store = sum(stream.codes.nbytes for stream in tokens.streams.values()) + tier.offset_us.nbytes * 2
    store += tier.labels.nbytes
    del manifest, tier, tokens
    command = ["-m", "reports", "pnmi", "--tokens", "tokens.parquet", "--manifest", "manifest.jsonl", "-j", "2"]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"hac-analyze pnmi failed with {process.returncode}")
    return {"hours": hours, "seconds": seconds, "peak GB": peak / 1e9, "of which stores GB": store / 1e9}


def _memory(pid: int) -> int:
    """Proportional set size of a process and its children: shared pages count once."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10.3)
    parser.add_argument("--times-ten", action="store_true")
    options = parser.parse_args()
    _, tier, tokens = corpus(options.hours)
    figures: dict[str, object] = {"one stream, one core": one_stream(tier, tokens)}
    del tier, tokens
    with tempfile.TemporaryDirectory() as folder:
        first = whole_job(options.hours, Path(folder))
    figures["whole job"] = first
    if options.times_ten:
        with tempfile.TemporaryDirectory() as folder:
            tenth = whole_job(10 * options.hours, Path(folder))
        figures["ten times the corpus"] = {
            **tenth,
            "time ratio": tenth["seconds"] / first["seconds"],
            "memory ratio without stores": (tenth["peak GB"] - tenth["of which stores GB"])
            / (first["peak GB"] - first["of which stores GB"]),
        }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
