"""What `hac-analyze recon` costs beyond the libraries it calls: `python -m benchmarks.recon [MANIFEST DECODED]`.

Two processes each, the same pairs and the same metrics (PESQ wb, PESQ nb, STOI, ESTOI, SI-SDR), nulls included:

1. a bare loop: read both files, cut to the shorter, call `pesq`, `pystoi` and one line of numpy; nothing kept;
2. the whole command, from nothing to tables, figure and results, in a fresh folder.

Both are run by turns, and the shortest of each counts: a shared machine only ever adds time. Also told: the command
again on what it had measured, and the share of each step. Without MANIFEST and DECODED, `--minutes` of synthetic
speech with noise in it stand for them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pesq
import pystoi
import soundfile as sf
import soxr

from analysis.reconstruction.inputs import given_conditions
from analysis.reconstruction.pairs import null_pairs
from benchmarks.timing import timed
from hac.data.manifest.formats import read_manifest

METRICS = "pesq_wb,pesq_nb,stoi,estoi,si_sdr"
RATE = 16_000
N_NULLS, NULL_PAIRS = 5, 100


def pairs_of(manifest: Path, decoded: Path) -> list[tuple[Path, Path]]:
    """The pairs that the command measures: every utterance, then its null."""
    corpus = read_manifest(manifest)
    (condition,) = given_conditions({"decoded": decoded}, corpus.ids)
    utterances = [u for u in corpus.utterances if u.id in condition.files]
    ids = [u.id for u in utterances]
    references = [corpus.audio_path(u) for u in utterances]
    own = [(reference, condition.files[id]) for id, reference in zip(ids, references, strict=True)]
    null = [
        (references[v], condition.files[ids[u]])
        for draw in null_pairs(ids, N_NULLS, 0, NULL_PAIRS)
        for u, v in enumerate(draw.tolist())
        if v >= 0
    ]
    return own + null


def bare(pairs: Sequence[tuple[Path, Path]]) -> list[tuple[float, ...]]:
    """What one would write first."""
    found = []
    for reference_path, estimate_path in pairs:
        reference, rate = sf.read(reference_path, dtype="float32")
        estimate, _ = sf.read(estimate_path, dtype="float32")
        assert rate == RATE
        n = min(len(reference), len(estimate))
        s, e = reference[:n], estimate[:n]
        narrow = [soxr.resample(x, RATE, 8000) for x in (s, e)]
        scaled = s * (e @ s) / (s @ s)
        found.append(
            (
                _or_nan(lambda s=s, e=e: pesq.pesq(RATE, s, e, "wb")),
                _or_nan(lambda narrow=narrow: pesq.pesq(8000, *narrow, "nb")),
                pystoi.stoi(s, e, RATE),
                pystoi.stoi(s, e, RATE, extended=True),
                10 * np.log10((scaled @ scaled) / ((scaled - e) @ (scaled - e))),
            )
        )
    return found


def _or_nan(call: Callable[[], float]) -> float:
    try:
        return call()
    except (RuntimeError, ValueError):
        return float("nan")


BARE = """
import sys, warnings
from pathlib import Path
from benchmarks.recon import bare, pairs_of
from joblib import Parallel, delayed
warnings.simplefilter("ignore")
pairs = pairs_of(Path(sys.argv[1]), Path(sys.argv[2]))
tasks = [pairs[i : i + 24] for i in range(0, len(pairs), 24)]
Parallel(2)(delayed(bare)(task) for task in tasks)
"""


def make_up(minutes: float, folder: Path) -> tuple[Path, Path]:
    """Synthetic speech, and the same with noise in it: manifest and folder of the copies."""
    make = ("corpus", "builtin", str(folder), "--minutes", str(minutes), "--augment", "none")
    subprocess.run([sys.executable, "-m", "hac.cli", *make], check=True, stdout=subprocess.DEVNULL)
    corpus, decoded = read_manifest(folder / "manifest.jsonl"), folder / "decoded"
    decoded.mkdir()
    for i, utterance in enumerate(corpus.utterances):
        samples, rate = sf.read(corpus.audio_path(utterance), dtype="float32")
        noise = np.random.default_rng(i).normal(0, 0.02, len(samples)).astype(np.float32)
        sf.write(decoded / f"{utterance.id}.flac", np.clip(samples + noise, -1, 1), rate)
    return folder / "manifest.jsonl", decoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, nargs="?")
    parser.add_argument("decoded", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=20.0, help="of made-up speech")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    loops, commands, again = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        if arguments.decoded is None:
            arguments.manifest, arguments.decoded = make_up(arguments.minutes, Path(folder, "speech"))
        manifest, decoded = str(arguments.manifest), str(arguments.decoded)
        n_pairs = len(pairs_of(arguments.manifest, arguments.decoded))
        for repeat in range(arguments.repeats):
            loops.append(timed("-c", BARE, manifest, decoded))
            out = str(Path(folder, str(repeat)))
            command = (
                *("-m", "reports", "recon", "--decoded", f"decoded={decoded}", "--manifest", manifest, "-j", "2"),
                *("--metrics", METRICS, "--asr", "none", "--speaker", "none", "--mos", "none", "-o", out),
                *("--nulls", str(N_NULLS), "--null-pairs", str(NULL_PAIRS)),
            )
            commands.append(timed(*command))
            again.append(timed(*command))
            print(f"run {repeat + 1}: bare loop {loops[-1]}, command {commands[-1]}, again {again[-1]}", flush=True)
    print(f"{n_pairs} pairs on two processes, {METRICS}")
    found: dict[str, float] = {"pairs": n_pairs}
    for kind in ("wall", "cpu"):
        bare_s, whole_s = (min(getattr(each, f"{kind}_s") for each in times) for times in (loops, commands))
        print(f"{kind}: bare loop {bare_s:.1f} s, whole command {whole_s:.1f} s, overhead {whole_s / bare_s - 1:.1%}")
        found |= {f"bare_{kind}_s": bare_s, f"whole_{kind}_s": whole_s, f"overhead_{kind}": whole_s / bare_s - 1}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
