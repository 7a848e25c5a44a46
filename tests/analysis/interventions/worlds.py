"""A codec whose levels do what their names say, and judges that hear it: what interventions must find is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.interventions.compare import Protocol
from analysis.interventions.judged import Judges
from analysis.interventions.run import Machine, Outcome, run
from hac.coding.decoders import Context
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.audio.audio import write_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.stream_options import StreamSpec
from hac.data.tokens.token_store import Stream, TokenStore

RATE, HOP = 16_000, 320
FRAME_RATE = Fraction(RATE, HOP)
FORMANTS = (500.0, 1500.0, 3200.0)
"""What the phonetic codes sound like: Hz of the one loud band."""
PHONES = ("AA", "IY", "S")
STREAMS = {"acoustic.0": 8, "phonetic": len(FORMANTS), "lexical": 4}


@dataclass
class Vowels:
    """Decodes `acoustic.0` to pitch, `phonetic` to a formant, and does nothing with `lexical`; context-free."""

    name: str = "fake:vowels"
    sample_rate: int = RATE
    hop_samples: int = HOP
    streams: tuple[StreamSpec, ...] = tuple(StreamSpec(name, size, FRAME_RATE) for name, size in STREAMS.items())
    context: Context | None = field(default_factory=lambda: Context(0, 0))
    weights_sha256: str = "b" * 64

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        wanted = None if levels is None else set(levels)
        return tuple(name for name in STREAMS if wanted is None or name.split(".")[0] in wanted)

    def decode(self, streams: Mapping[str, NDArray[np.int32]]) -> NDArray[np.float32]:
        n = len(next(iter(streams.values())))
        f0 = np.repeat(120 + 12.0 * streams.get("acoustic.0", np.full(n, 3)), HOP)
        loud = np.array(FORMANTS)[streams["phonetic"]] if "phonetic" in streams else np.full(n, 900.0)
        loud = np.repeat(loud, HOP)
        phase = np.cumsum(2 * np.pi * f0 / RATE)
        sound = np.zeros(n * HOP)
        for k in range(1, 30):
            sound += np.sin(k * phase) * (0.02 + np.exp(-(((k * f0 - loud) / 350.0) ** 2)))
        noise = np.random.default_rng(n).normal(0, 0.002, n * HOP)
        return (0.08 * sound + noise).astype(np.float32)


@dataclass
class Reader:
    """Recognizes a word every 200 ms: which formant is loudest."""

    name: str = "fake:reader"
    sample_rate: int = RATE
    languages: frozenset[str] | None = frozenset({"en"})
    provenance: Mapping[str, Any] = field(default_factory=lambda: {"judge": "reader", "version": 1})

    def transcribe(self, samples: NDArray[np.float32]) -> str:
        words = []
        for start in range(0, len(samples) - 3199, 3200):
            spectrum = np.abs(np.fft.rfft(samples[start : start + 3200]))
            bands = [spectrum[int((hz - 250) / 5) : int((hz + 250) / 5)].sum() for hz in FORMANTS]
            words.append(("ah", "ee", "sh")[int(np.argmax(bands))])
        return " ".join(words)


@dataclass
class Ear:
    """A voice is how loud the low, middle and high parts are."""

    name: str = "fake:ear"
    sample_rate: int = RATE
    dim: int = 3
    provenance: Mapping[str, Any] = field(default_factory=lambda: {"judge": "ear", "version": 1})

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        power = np.abs(np.fft.rfft(samples, 16_000)) ** 2
        vector = np.sqrt([part.sum() for part in np.split(power[:7998], 3)])
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class Taste:
    """An opinion of how loud it is."""

    name: str = "fake:taste"
    sample_rate: int = RATE
    scales: tuple[str, ...] = ("overall",)
    provenance: Mapping[str, Any] = field(default_factory=lambda: {"judge": "taste", "version": 1})

    def predict(self, samples: NDArray[np.float32]) -> dict[str, float]:
        return {"overall": float(1 + 4 * np.sqrt(np.mean(samples**2)))}


@dataclass(frozen=True)
class Village:
    """A corpus that `Vowels` decodes exactly: recordings, tokens, phones and transcripts."""

    manifest: Manifest
    tokens: TokenStore
    labels: Labels

    def run(self, folder: Path, protocol: Protocol, labels: Labels | None = None, **more: Any) -> Outcome:
        request = Request(self.tokens, labels or self.labels, protocol, **more)
        return run(request, Vowels(), Machine(folder))


def judges(**changes: Any) -> Judges:
    return Judges(**{"asr": Reader(), "speaker": Ear(), "mos": Taste(), **changes})


def village(
    folder: Path, n: int = 4, speakers: tuple[str | None, ...] = ("anna", "ben"), texts: bool = True
) -> Village:
    """Utterances of 1.5 s whose pitch wanders and whose phones last 200 ms, as the words of `Reader` do."""
    rng = np.random.default_rng(7)
    decoder, reader = Vowels(), Reader()
    utterances, rows, streams = [], [], {name: [] for name in STREAMS}
    lengths = []
    for u in range(n):
        n_frames = 70 + 10 * int(rng.integers(0, 2))
        codes = {
            "acoustic.0": np.clip(np.cumsum(rng.integers(-1, 2, n_frames // 2).repeat(2)) + 4, 0, 7).astype(np.int32),
            "phonetic": rng.integers(0, 3, n_frames // 10).repeat(10).astype(np.int32),
            "lexical": rng.integers(0, 4, n_frames // 5).repeat(5).astype(np.int32),
        }
        n_frames = min(len(row) for row in codes.values())
        codes = {name: row[:n_frames] for name, row in codes.items()}
        sound = decoder.decode(codes)
        id = f"utt-{u:02d}"
        write_audio(folder / f"{id}.wav", sound, RATE)
        text = reader.transcribe(sound) if texts else None
        speaker = speakers[u % len(speakers)]
        utterances.append(Utterance(id, f"{id}.wav", len(sound) / RATE, speaker, "en", text))
        for t, code in enumerate(codes["phonetic"]):
            rows.append((id, PHONES[code], t * 20_000, (t + 1) * 20_000))
        for name, row in codes.items():
            streams[name].append(row)
        lengths.append(n_frames)
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    store = TokenStore(
        tuple(row.id for row in utterances),
        {name: Stream(name, STREAMS[name], FRAME_RATE, np.concatenate(rows), bounds) for name, rows in streams.items()},
        {"tokenizer": "fake:vowels"},
    )
    manifest = Manifest(folder, tuple(utterances))
    return Village(manifest, store, Labels(manifest, Alignments({"phones": tier_from_rows("phones", rows)}, {})))
