"""Audio to check a tokenizer on: a manifest's, else speech from an installed wheel, else generated sounds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import read_audio
from hac.data.manifest.manifest import Manifest
from hac.errors import HacError

N_RECORDINGS = 3
LONGEST_S = 5.0


def from_manifest(manifest: Manifest, sample_rate: int) -> list[NDArray[np.float32]]:
    """The beginnings of the first three usable recordings, float32 [n_samples] at `sample_rate`.

    Raises:
        HacError: none can be used.
    """
    found: list[NDArray[np.float32]] = []
    last: HacError | None = None
    for utterance in manifest.utterances:
        try:
            path = manifest.audio_path(utterance)
            found.append(read_audio(path, sample_rate, stop_s=LONGEST_S).samples)
        except HacError as error:
            last = error
        if len(found) == N_RECORDINGS:
            break
    if not found:
        raise HacError(f"{manifest.root}: no recording of the manifest can be used ({last or 'it is empty'})")
    return found


def default_audio(sample_rate: int) -> tuple[list[NDArray[np.float32]], str]:
    """Recordings inside the wheel moonshine-voice, or generated sounds where it is not installed; and which."""
    spec = find_spec("moonshine_voice")  # found, not imported: only its recordings are wanted
    folders = [Path(folder) / "assets" for folder in (spec.submodule_search_locations or [])] if spec else []
    paths = sorted(path for folder in folders for path in folder.glob("*.wav"))[:N_RECORDINGS]
    if paths:
        speech = [read_audio(path, sample_rate, stop_s=LONGEST_S).samples for path in paths]
        return speech, "speech recordings of the wheel moonshine-voice"
    return generated(sample_rate), "generated sounds (install moonshine-voice, or give a manifest, for speech)"


def generated(sample_rate: int) -> list[NDArray[np.float32]]:
    """Three seeded sounds of unequal, odd lengths: a chirp, noise that swells, harmonics with pauses."""
    random = np.random.default_rng(0)
    sounds = []
    for kind, seconds in enumerate((1.7, 2.3, 3.1)):
        time = np.arange(int(seconds * sample_rate) + kind) / sample_rate
        chirp = np.sin(2 * np.pi * (100 + 700 * time) * time)
        noise = random.standard_normal(len(time)) * time / seconds
        voice = sum(np.sin(2 * np.pi * 120 * n * time) / n for n in range(1, 12)) * (np.sin(7 * time) > 0)
        sound = (chirp, noise, voice)[kind] + 0.01 * random.standard_normal(len(time))
        sounds.append((0.2 * sound).astype(np.float32))
    return sounds
