"""What `hac-analyze recon` costs beyond the libraries it calls: `python -m benchmarks.recon MANIFEST DECODED`.

Two processes each, the same pairs and the same metrics (PESQ wb, PESQ nb, STOI, ESTOI, SI-SDR), nulls included:

1. a bare loop: read both files, cut to the shorter, call `pesq`, `pystoi` and one line of numpy; nothing kept;
2. the whole command, from nothing to tables, figure and results, in a fresh folder.

Both are run by turns, and the shortest of each counts: a shared machine only ever adds time. Also told: the command
again on what it had measured, and the share of each step.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pesq
import pystoi
import soundfile as sf
import soxr

from analysis.recon_inputs import given_conditions
from analysis.recon_pairs import null_pairs
from benchmarks.timing import timed
from hac.data.manifest import read_manifest

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
        (references[draw.reference[i]], condition.files[ids[i]])
        for draw in null_pairs(ids, N_NULLS, 0, NULL_PAIRS)
        for i in draw.picks
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("decoded", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    manifest, decoded = str(arguments.manifest), str(arguments.decoded)
    loops, commands, again = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(arguments.repeats):
            loops.append(timed("-c", BARE, manifest, decoded))
            out = str(Path(folder, str(repeat)))
            command = (
                *("-m", "analysis", "recon", "--decoded", f"decoded={decoded}", "--manifest", manifest, "-j", "2"),
                *("--metrics", METRICS, "--asr", "none", "--speaker", "none", "--mos", "none", "-o", out),
                *("--nulls", str(N_NULLS), "--null-pairs", str(NULL_PAIRS)),
            )
            commands.append(timed(*command))
            again.append(timed(*command))
            print(f"run {repeat + 1}: bare loop {loops[-1]}, command {commands[-1]}, again {again[-1]}", flush=True)
    print(f"{len(pairs_of(arguments.manifest, arguments.decoded))} pairs on two processes, {METRICS}")
    for kind in ("wall", "cpu"):
        bare_s, whole_s = (min(getattr(each, kind) for each in times) for times in (loops, commands))
        print(f"{kind}: bare loop {bare_s:.1f} s, whole command {whole_s:.1f} s, overhead {whole_s / bare_s - 1:.1%}")


if __name__ == "__main__":
    main()
