"""How fast words are detected: `python -m benchmarks.words [--hours 100] [--peer ResDAVEnet-VQ --peer-hours 10]`.

Made-up speech: 20,000 word types with Zipf's frequencies, 50 Hz, 1,024 codes with runs of three frames, speakers as in
LibriSpeech. Two measurements:

1. the whole of `hac-analyze words` (both definitions, 10 + 10 null draws) in a process of its
   own: wall-clock time, peak memory of all its processes, and hours of speech per core-second;
2. with `--peer`, a checkout of github.com/wnhsu/ResDAVEnet-VQ: its `steps/unit_analysis.py` on the same tokens and
   words, which scores one definition without nulls or intervals, beside the same scores from ours; as a ratio, in turn,
   and the largest difference of any word's F1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from analysis.words.counting import scopes
from analysis.words.detection import RESDAVENET_STOP_WORDS, candidates, detect
from hac.data.alignments.alignment import Alignments, Tier, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from probes.clusters import assign_rows
from probes.words.word_codes import Words, WordType, count_words, label_frames

RATE, K, N_WORDS = Fraction(50), 1024, 20_000
WORDS_PER_S, PAUSES = 2.8, 0.2
SPEAKERS_PER_HOUR = 7.1
REPEATS = 3


def corpus(hours: float, seed: int = 0) -> tuple[Manifest, Tier, Stream]:
    """Made-up words, and codes that know nothing of them."""
    rng = np.random.default_rng(seed)
    n = round(hours * 540)
    durations = np.round(rng.uniform(2, 11.3, n), 3)
    counts = np.maximum(1, (durations * WORDS_PER_S).astype(int))
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    shares = 1 / np.arange(1, N_WORDS + 1)
    labels = rng.choice(N_WORDS, bounds[-1], p=shares / shares.sum()).astype(np.int32)
    lengths = rng.gamma(4, 0.08, bounds[-1])
    lengths *= np.repeat(durations / np.add.reduceat(lengths, bounds[:-1]), counts)
    ends = np.cumsum(lengths)
    starts = np.append(0, ends[:-1])
    base = np.repeat(starts[bounds[:-1]], counts)
    pause = np.where(rng.random(len(lengths)) < PAUSES, 0.3 * lengths, 0)
    onset, offset = (np.rint(x * 1e6).astype(np.int64) for x in (starts - base, ends - base - pause))
    ids = tuple(f"utt{i:07d}" for i in range(n))
    tier = Tier("words", ids, bounds, labels, onset, offset, tuple(f"w{i:05d}" for i in range(N_WORDS)))
    frames = (durations * 50).astype(np.int64)
    edges = np.concatenate([[0], np.cumsum(frames)]).astype(np.int64)
    change = rng.random(edges[-1]) < 1 / 3
    change[edges[:-1]] = True
    codes = rng.integers(0, K, int(change.sum()))[np.cumsum(change) - 1].astype(np.int32)
    speakers = max(12, int(hours * SPEAKERS_PER_HOUR))
    rows = [
        Utterance(id, f"{id}.wav", float(d), f"s{i % speakers:04d}", "en")
        for i, (id, d) in enumerate(zip(ids, durations, strict=True))
    ]
    return Manifest(Path(), tuple(rows)), tier, Stream("units", K, RATE, codes, edges)


def whole_job(hours: float, folder: Path) -> dict[str, float]:
    """Time and memory of the command, from files to files."""
    manifest, tier, stream = corpus(hours)
    write_manifest(Manifest(folder, manifest.utterances), folder / "manifest.jsonl")
    write_alignments(Alignments({"words": tier}, {}), folder / "alignments.parquet")
    write_tokens(TokenStore(tier.ids, {"units": stream}, {"tokenizer": "made-up"}), folder / "tokens.parquet")
    spoken = float(sum(u.duration for u in manifest.utterances)) / 3600
    words = [sys.executable, "-m", "reports", "words", "--tokens", str(folder / "tokens.parquet")]
    words += ["--manifest", str(folder / "manifest.jsonl"), "-o", str(folder / "out"), "-j", "2"]
    warm_up(folder)
    start = time.perf_counter()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    peak = peak_bytes(child)
    seconds = time.perf_counter() - start
    if child.wait():
        raise SystemExit("the job failed")
    return {"hours": spoken, "seconds": seconds, "peak_gb": peak / 1e9, "hours_per_core_second": spoken / seconds / 2}


def warm_up(folder: Path) -> None:
    """Compile the loops once, as on a machine that ran the command before."""
    manifest, tier, stream = corpus(0.05)
    small = folder / "small"
    write_manifest(Manifest(small, manifest.utterances), small / "manifest.jsonl")
    write_alignments(Alignments({"words": tier}, {}), small / "alignments.parquet")
    write_tokens(TokenStore(tier.ids, {"units": stream}, {"tokenizer": "made-up"}), small / "tokens.parquet")
    words = [sys.executable, "-m", "reports", "words", "--tokens", str(small / "tokens.parquet"), "--nulls", "2"]
    words += ["--manifest", str(small / "manifest.jsonl"), "-o", str(small / "out"), "-j", "1"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


def peak_bytes(child: subprocess.Popen[bytes]) -> int:
    """Largest sum of private memory over the process and its children, sampled."""
    process, peak = psutil.Process(child.pid), 0
    while child.poll() is None:
        total = 0
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_full_info().uss
            except psutil.Error:
                continue
        peak = max(peak, total)
        threading.Event().wait(0.1)
    return peak


def peer_ratio(hours: float, checkout: Path) -> dict[str, Any]:
    """The peer's time over ours for its own scores of the same tokens, in turn, and how far the scores are apart."""
    peer = _load_peer(checkout)
    manifest, tier, stream = corpus(hours, seed=1)
    utt2codes, utt2words = _as_the_peer_has_it(peer, tier, stream)
    ours, theirs = [], []
    for _ in range(REPEATS):
        seconds, found = _timed(lambda: _our_scores(manifest, tier, stream))
        ours.append(seconds)
        seconds, said = _timed(lambda: _their_scores(peer, utt2codes, utt2words))
        theirs.append(seconds)
    gap = max(abs(found[word] - score) for word, score in said.items())
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    return {
        "hours": hours,
        "ours_s": ours,
        "peer_s": theirs,
        "peer_over_ours": ratios[len(ratios) // 2],
        "range": [ratios[0], ratios[-1]],
        "words": len(said),
        "largest_difference_of_f1": gap,
    }


def _our_scores(manifest: Manifest, tier: Tier, stream: Stream) -> dict[str, float]:
    """F1 of every word's best code as published: least count 1, the stop words left out."""
    types_ = tuple(WordType("en", name) for name in tier.vocabulary)
    words = Words(tier.ids, tier.bounds, tier.labels, tier.onset_us, tier.offset_us, types_, np.empty((0, 3), np.int64))
    rows = assign_rows(tier.ids, ["en"] * len(tier.ids), [u.speaker for u in manifest.utterances])
    counts = count_words(label_frames(words, stream), rows)
    tokens = counts.tokens_by(np.zeros(len(counts.rows), np.int64), 1)[:, 0]
    chosen_from = candidates(types_, tokens, 1, RESDAVENET_STOP_WORDS)
    found = detect(counts, scopes(counts.rows, np.arange(len(rows.rows)) % 2, types_)[0], "resdavenet", chosen_from)
    return dict(zip(tier.vocabulary, found.classic.tolist(), strict=True))


def _their_scores(peer: Any, utt2codes: dict[int, Any], utt2words: dict[int, Any]) -> dict[str, float]:
    precision = peer.comp_code_to_wordprec(utt2codes, utt2words, 0.04, peer.STOP_WORDS)
    recall = peer.comp_word_to_coderecall(utt2codes, utt2words, [])
    _, by_word = peer.comp_code_word_f1(precision, recall, min_occ=1)
    return {word: scores[0][1] for word, scores in by_word.items() if scores}


def _as_the_peer_has_it(peer: Any, tier: Tier, stream: Stream) -> tuple[dict[int, Any], dict[int, Any]]:
    utt2codes, utt2words = {}, {}
    for u in range(len(tier.ids)):
        own = slice(tier.bounds[u], tier.bounds[u + 1])
        times = zip(tier.onset_us[own] / 1e6, tier.offset_us[own] / 1e6, tier.labels[own], strict=True)
        utt2words[u] = peer.SparseAlignment([(float(a), float(b), tier.vocabulary[w]) for a, b, w in times])
        utt2codes[u] = peer.DenseAlignment(stream.utterance(u).tolist(), 0.02)
    return utt2codes, utt2words


def _load_peer(checkout: Path) -> Any:
    """The peer's module; what it imports for reading audio and running its model is not needed here."""
    for name in ("dataloaders", "models"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.path.insert(0, str(checkout))
    import steps.unit_analysis as peer  # type: ignore[import-not-found]

    return peer


def _timed(call: Callable[[], dict[str, float]]) -> tuple[float, dict[str, float]]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100.0, help="of the whole job; 0: leave it out")
    parser.add_argument("--peer", type=Path, help="checkout of ResDAVEnet-VQ")
    parser.add_argument("--peer-hours", type=float, default=10.0)
    options = parser.parse_args()
    if options.hours:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({"whole job": whole_job(options.hours, Path(folder))}), flush=True)
    if options.peer:
        _our_scores(*corpus(0.05))  # compile
        print(json.dumps({"peer": peer_ratio(options.peer_hours, options.peer)}), flush=True)


if __name__ == "__main__":
    main()
