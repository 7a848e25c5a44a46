"""A small corpus with reconstructions of known quality, and judges that know the answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from analysis.reconstruction.inputs import Condition, Material, given_conditions, material
from analysis.reconstruction.protocol import ReconProtocol
from analysis.reconstruction.run import Request
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog
from hac.judges.judge_files import Verdict
from tests.corpora import make_corpus

RATE = 16_000
QUIET = ReconProtocol(
    metrics=("stoi", "si_sdr"), recognizer=None, encoder=None, predictor=None, n_nulls=2, null_pairs=4
)
"""Two quick metrics and no judges."""


def corpus_with(folder: Path, noises: Mapping[str, float], n: int = 6) -> Manifest:
    """A corpus, and a folder of reconstructions for each name: the original plus so much noise."""
    manifest = read_manifest(make_corpus(folder, n))
    for name, noise in noises.items():
        decode(manifest, folder / name, noise)
    return manifest


def decode(manifest: Manifest, folder: Path, noise: float, longer: int = 0) -> None:
    """Write reconstructions: the original plus noise, `longer` samples longer (or shorter)."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, utterance in enumerate(manifest.utterances):
        samples, _ = sf.read(manifest.audio_path(utterance), dtype="float32")
        rng = np.random.default_rng(i)
        made = samples + np.float32(noise * samples.std()) * rng.standard_normal(len(samples)).astype(np.float32)
        made = np.pad(made, (0, longer)) if longer > 0 else made[: len(made) + longer]
        sf.write(folder / f"{utterance.id}.wav", made, RATE)


def world(folder: Path, noises: Mapping[str, float], **protocol: Any) -> Request:
    """A request over such a corpus; conditions `rvq-1`, ... in the order of `noises`."""
    manifest = corpus_with(folder, noises)
    found = given_conditions({name: folder / name for name in noises}, manifest.ids)
    conditions = [Condition(c.name, c.files, (), i) for i, c in enumerate(found, start=1)]
    joined: Material = material(manifest, conditions, FailureLog())
    settings = ReconProtocol(**{**{name: getattr(QUIET, name) for name in ReconProtocol.__slots__}, **protocol})
    return Request(joined, settings, folder / "measured")


def fake_judges(monkeypatch: pytest.MonkeyPatch, manifest: Manifest) -> list[str]:
    """Judges that tell by the folder a file lies in: returns the log of their calls, one entry a model.

    Originals are heard rightly, reconstructions lose their last word; voices are those of the speakers, turned by 60
    degrees in reconstructions; opinions are 4 and 3.
    """
    from hac.judges import judge_files

    calls: list[str] = []
    by_id = manifest.by_id

    def of(name: str) -> tuple[bool, str]:
        condition, _, id = name.partition("\n")
        return condition == "reference", id

    def transcripts(files: Mapping[str, Path], judge: str, store: Path, **_: Any) -> dict[str, Verdict[Any]]:
        calls.append(f"transcripts {len(files)}")
        texts = {name: str(by_id[of(name)[1]].text).split() for name in files}
        return {name: Verdict(" ".join(text if of(name)[0] else text[:-1])) for name, text in texts.items()}

    def voices(files: Mapping[str, Path], judge: str, store: Path, **_: Any) -> dict[str, Verdict[Any]]:
        calls.append(f"voices {len(files)}")
        axes = {"speaker-0": 0.0, "speaker-1": np.pi / 2}
        found = {}
        for name in files:
            angle = axes[str(by_id[of(name)[1]].speaker)] + (0 if of(name)[0] else np.pi / 3)
            found[name] = Verdict(np.array([np.cos(angle), np.sin(angle)], np.float32))
        return found

    def opinions(files: Mapping[str, Path], judge: str, store: Path, **_: Any) -> dict[str, Verdict[Any]]:
        calls.append(f"opinions {len(files)}")
        return {name: Verdict({"ovrl": 4.0 if of(name)[0] else 3.0}) for name in files}

    monkeypatch.setattr(judge_files, "transcripts", transcripts)
    monkeypatch.setattr(judge_files, "voices", voices)
    monkeypatch.setattr(judge_files, "opinions", opinions)
    monkeypatch.setattr("analysis.reconstruction.judged.languages_of", lambda judge, device: frozenset({"en"}))
    return calls
