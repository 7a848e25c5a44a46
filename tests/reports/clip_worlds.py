"""Sounds as runs keep them (`listen/clips.json`), made of real speech: short, few, and with names of any kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from PIL import Image

from tests.corpora import speech

RATE = 16_000
KINDS = (
    ("original", "original"),
    ("reconstruction", "reconstruction"),
    ("drop phonetic", "drop"),
    ("swap acoustic", "swap"),
)


def keep_clips(
    folder: Path, utterances: Sequence[str], words: Sequence[tuple[str, int, str]], stream: str = "phonetic"
) -> dict[str, Any]:
    """Write `listen/` into a run's folder.

    Args:
        folder: of the run.
        utterances: ids.
        words: stream, code and word of each detection.
        stream: of the tier of tokens.

    Returns:
        What was written into `clips.json`.
    """
    clips = [_clip(folder, id, 3.0 * i, stream) for i, id in enumerate(utterances)]
    detections = []
    for i, (of, code, word) in enumerate(words):
        hits = []
        for j, start in enumerate((0.5 + i, 1.5 + i)):
            file = _sound(folder, speech(0.4, start))
            times = {"onset_s": start, "offset_s": start + 0.4, "duration_s": 0.4}
            hits.append({"utterance": utterances[0], "correct": j == 0, "file": file, **times})
        detections.append({"stream": of, "code": code, "word": word, "f1": 0.5, "hits": hits})
    written = {"schema_version": 1, "budget_bytes": 10**6, "total_bytes": 0, "clips": clips, "detections": detections}
    (folder / "listen" / "clips.json").write_text(json.dumps(written), encoding="utf-8")
    return written


def _clip(folder: Path, id: str, start: float, stream: str) -> dict[str, Any]:
    samples = speech(1.2, start)
    sounds = []
    for k, (name, kind) in enumerate(KINDS):
        rng = np.random.default_rng(k)
        made = samples + np.float32(0.02 * k) * rng.standard_normal(len(samples)).astype(np.float32)
        file = _sound(folder, made)
        sounds.append(
            {"name": name, "kind": kind, "file": file, "duration_s": 1.2, "spectrogram": _picture(folder, made)}
        )
    edges = np.linspace(0, 1.2, 7).round(3).tolist()
    spoken = [[a, b, phone] for (a, b), phone in zip(pairwise(edges), "tusɪti", strict=True)]
    tiers = [
        {"name": "words", "kind": "words", "intervals": [[0.0, 0.6, "two"], [0.6, 1.2, "<b>cities</b>"]]},
        {"name": "phones", "kind": "phones", "intervals": spoken},
        {"name": stream, "kind": "tokens", "intervals": [[i * 0.02, i * 0.02 + 0.02, str(i // 3)] for i in range(60)]},
    ]
    about = {"speaker": "anna", "language": "en", "text": "two cities", "duration_s": 1.2}
    return {"utterance": id, **about, "sounds": sounds, "tiers": tiers}


def _sound(folder: Path, samples: np.ndarray) -> str:
    out = BytesIO()
    sf.write(out, samples, RATE, format="OGG", subtype="OPUS")
    return _write(folder, out.getvalue(), "ogg", hashlib.sha256(samples.tobytes()).hexdigest())


def _picture(folder: Path, samples: np.ndarray) -> str:
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::160]
    power = np.log(np.abs(np.fft.rfft(frames * np.hanning(512))[:, :96]) ** 2 + 1e-9)
    pixels = np.interp(power.T[::-1], (power.min(), power.max()), (0, 255)).astype(np.uint8)
    out = BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return _write(folder, out.getvalue(), "png", hashlib.sha256(out.getvalue()).hexdigest())


def _write(folder: Path, content: bytes, ending: str, digest: str) -> str:
    name = f"listen/{digest[:16]}.{ending}"
    (folder / "listen").mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name
