"""Corpora whose streams tell what they are built to tell: phones, speakers, both, or nothing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.leakage.layout import LeakageProtocol
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import Stream, TokenStore

RATE = Fraction(50)
PHONES = ("AA", "B", "IY", "M", "S", "T", "UW", "Z")
FRAME_US = 20_000
QUICK = LeakageProtocol(n_nulls=4, n_given_nulls=2)


class Spoken:
    """Utterances of whole frames: each phone lasts three frames, each word has two phones.

    Attributes:
        phone: int [n_frames], index into `PHONES`, drawn evenly.
        speaker: int [n_frames].
        bounds: int64 [n_utterances + 1].
    """

    def __init__(self, n_utterances: int = 60, n_speakers: int = 12, n_phones: int = 40, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.n_speakers = n_speakers
        phones = rng.integers(0, len(PHONES), (n_utterances, n_phones))
        self.per_utterance = phones
        self.phone = np.repeat(phones.ravel(), 3)
        self.bounds = np.arange(n_utterances + 1, dtype=np.int64) * 3 * n_phones
        self.voice = np.arange(n_utterances) % n_speakers
        self.speaker = np.repeat(self.voice, 3 * n_phones)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"u{i:03d}" for i in range(len(self.voice)))

    def labels(self, words: bool = True, languages: int = 2) -> Labels:
        """Manifest and alignments; even speakers are women, and languages go by speaker."""
        utterances, rows, spoken = [], [], []
        for id, voice, phones in zip(self.ids, self.voice.tolist(), self.per_utterance, strict=True):
            us = 3 * FRAME_US
            gender = "female" if voice % 2 else "male"
            language = ("de", "en", "fr")[voice // 2 % languages]
            length = us * len(phones) / 1e6
            utterances.append(Utterance(id, f"{id}.wav", length, f"s{voice:02d}", language, gender=gender))
            rows += [(id, PHONES[p], i * us, (i + 1) * us) for i, p in enumerate(phones.tolist())]
            pairs = enumerate(phones.reshape(-1, 2).tolist())
            spoken += [(id, PHONES[a] + PHONES[b], i * 2 * us, (i + 1) * 2 * us) for i, (a, b) in pairs]
        tiers = {"phones": tier_from_rows("phones", rows)}
        if words:
            tiers["words"] = tier_from_rows("words", spoken)
        return Labels(Manifest(Path(), tuple(utterances)), Alignments(tiers, {}))

    def stream(self, name: str, codes: NDArray[np.int64], size: int) -> Stream:
        return Stream(name, size, RATE, codes.astype(np.int32), self.bounds)

    def noisy(self, truth: NDArray[np.int64], size: int, kept: float) -> NDArray[np.int64]:
        """The truth in a share of the frames, any code in the others."""
        return np.where(self.rng.random(len(truth)) < kept, truth, self.rng.integers(0, size, len(truth)))

    def request(
        self, *streams: Stream, protocol: LeakageProtocol = QUICK, labels: Labels | None = None
    ) -> Request[LeakageProtocol]:
        store = TokenStore(self.ids, {stream.name: stream for stream in streams}, {"tokenizer": "made up"})
        return Request(store, labels or self.labels(), protocol)
