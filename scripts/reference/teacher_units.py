"""Units of the speech teacher itself: `python scripts/reference/teacher_units.py DIR TEACHER`.

k-means (as many units as the reference models' streams have codes) of the targets that taught them: the encoder of
Whisper base, layer 4, windows of 5 s, 50 frames per second, standardized; fitted on the training speech, whose targets
`train.sh` left in the cache. Writes the units of the held-out speech to `DIR/results/teacher-kmeans`, and those of the
demo's speech into the package: no package registry has the teacher's weights, so a newcomer cannot compute them.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.console import progress
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog
from hac.files.atomic import sha256_file
from hac.reference import teacher_units
from hac.teachers.registry import load_speech_teacher
from hac.teachers.targets.speech_targets import SpeechTargets, speech_targets
from hac.tokenizers.kmeans_fit import FrameReservoir, fit_centroids, nearest_centroid

LAYER, WINDOW_S = 4, 5.0
SAMPLE_RATE, HOP_LENGTH = 16_000, 320
K, SEED, N_STARTS = 1024, 0, 5
MAX_FRAMES = 300_000
NEW_CORPUS = "test-corpus"
"""The part that is the demo's speech: see `data.py`."""


def main() -> None:
    """Fit, name every frame, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("teacher", help="folder of OpenAI's Whisper base, its encoder")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    teacher = load_speech_teacher("whisper", arguments.teacher, LAYER, window_s=WINDOW_S)

    def targets_of(path: Path) -> SpeechTargets:
        manifest = read_manifest(path)
        with progress(f"targets of {path.parent.name}/{path.stem}", len(manifest)) as advance:
            return speech_targets(
                manifest,
                teacher,
                sample_rate=SAMPLE_RATE,
                hop_length=HOP_LENGTH,
                cache=None,
                failures=FailureLog(),
                advance=advance,
            )

    train = [folder / corpus / "train.jsonl" for corpus in ("real", "synthetic")]
    reservoir = FrameReservoir(teacher.dim, MAX_FRAMES, SEED)
    for targets in map(targets_of, train):
        for id in targets.ids:
            reservoir.add(targets[id].astype(np.float32))
    frames = reservoir.sample()
    mean, deviation = frames.mean(0), frames.std(0)
    centroids = fit_centroids((frames - mean) / deviation, K, SEED, N_STARTS)
    provenance: dict[str, Any] = {
        "tokenizer": "teacher-kmeans",
        "teacher": teacher.describe(),
        "k": K,
        "seed": SEED,
        "n_starts": N_STARTS,
        "standardized": True,
        "n_frames": reservoir.n_seen,
        "n_frames_fitted": len(frames),
        "fitted_on": {f"{path.parent.name}/{path.name}": sha256_file(path) for path in train},
        "libraries": {name: version(name) for name in ("scikit-learn", "numpy", "transformers", "torch")},
    }
    out = folder / "results" / "teacher-kmeans"
    out.mkdir(parents=True, exist_ok=True)
    for corpus in ("real", "synthetic"):
        path = folder / corpus / "test.jsonl"
        targets = targets_of(path)
        units = {
            id: nearest_centroid((targets[id].astype(np.float32) - mean) / deviation, centroids) for id in targets.ids
        }
        write_tokens(store(units, provenance), out / f"{corpus}.parquet")
        if corpus == "real":
            new = read_manifest(folder / corpus / f"{NEW_CORPUS}.jsonl")
            ship(new, {id: units[id] for id in new.ids if id in units}, provenance)


def store(units: dict[str, NDArray[np.int32]], provenance: dict[str, Any]) -> TokenStore:
    """Units by utterance as a token store of one stream."""
    stream = Stream.of_parts("units", K, Fraction(SAMPLE_RATE, HOP_LENGTH), list(units.values()))
    return TokenStore(tuple(units), {"units": stream}, provenance)


def ship(manifest: Manifest, units: dict[str, NDArray[np.int32]], provenance: dict[str, Any]) -> None:
    """Put units into the package, with the hash of the audio of each utterance."""
    audio = {utterance.id: sha256_file(manifest.audio_path(utterance)) for utterance in manifest.utterances}
    path = teacher_units()
    write_tokens(store(units, {**provenance, "audio_sha256": {id: audio[id] for id in units}}), path)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB, {len(units)} utterances")


if __name__ == "__main__":
    main()
