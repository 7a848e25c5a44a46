"""Small corpora of words whose truth is known, and tokens that know as much of them as is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.words.counting import WordProtocol
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import Stream, TokenStore
from tests.probes.words.oracles import Spoken, Token
from tests.strategies import bounds

QUICK = WordProtocol(min_count=1, n_nulls=3, stop_words=())
RATE = Fraction(50)


@dataclass(frozen=True)
class WordWorld:
    """Utterances with their words, times on whole frames of 20 ms unless said otherwise."""

    words: tuple[tuple[Token, ...], ...]
    durations_us: tuple[int, ...]
    speakers: tuple[str | None, ...]
    languages: tuple[str | None, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"utt-{i:04d}" for i in range(len(self.words)))

    @property
    def labels(self) -> Labels:
        """As read from files."""
        rows = [(id, *token) for id, tokens in zip(self.ids, self.words, strict=True) for token in tokens]
        utterances = [
            Utterance(id, f"{id}.wav", duration / 1e6, speaker, language)
            for id, duration, speaker, language in zip(
                self.ids, self.durations_us, self.speakers, self.languages, strict=True
            )
        ]
        tier = tier_from_rows("words", rows, ids=self.ids)
        return Labels(Manifest(Path(), tuple(utterances)), Alignments({"words": tier}, {}))

    def request(self, *streams: Stream, protocol: WordProtocol = QUICK, **more: Any) -> Request[WordProtocol]:
        store = TokenStore(self.ids, {stream.name: stream for stream in streams}, {"tokenizer": "made up"})
        return Request(store, self.labels, protocol, **more)

    def stream(self, codes: list[np.ndarray], size: int, name: str = "units", rate: Fraction = RATE) -> Stream:
        return Stream(name, size, rate, np.concatenate(codes).astype(np.int32), bounds([len(c) for c in codes]))

    def knowing(self, name: str = "units", corrupt: float = 0.0, seed: int = 0) -> Stream:
        """Code = word for frames wholly inside a word, 0 elsewhere; the given share of every word's tokens is junk."""
        names = sorted({token[0] for tokens in self.words for token in tokens})
        junk = self._junk(corrupt, seed)
        codes, place = [], 0
        for tokens, duration in zip(self.words, self.durations_us, strict=True):
            own = np.zeros(int(duration * RATE / 1_000_000), np.int64)
            for word, onset, offset in tokens:
                first, last = -(-onset // 20_000), offset // 20_000
                own[first:last] = len(names) + 1 if place in junk else 1 + names.index(word)
                place += 1
            codes.append(own)
        return self.stream(codes, len(names) + 2, name)

    def _junk(self, share: float, seed: int) -> set[int]:
        rng = np.random.default_rng(seed)
        said = [token[0] for tokens in self.words for token in tokens]
        found: set[int] = set()
        for word in sorted(set(said)):
            places = np.flatnonzero([w == word for w in said])
            found |= set(rng.permutation(places)[: round(share * len(places))].tolist())
        return found

    def random(self, size: int, run: int = 2, seed: int = 0, name: str = "units") -> Stream:
        """Tokens that know nothing; each lasts `run` frames on average."""
        rng = np.random.default_rng(seed)
        codes = []
        for duration in self.durations_us:
            n = int(duration * RATE / 1_000_000)
            change = rng.random(n) < 1 / run
            change[:1] = True
            codes.append(rng.integers(0, size, int(change.sum()))[np.cumsum(change) - 1])
        return self.stream(codes, size, name)

    def spoken(self, stream: Stream, half: list[int] | None = None) -> list[Spoken]:
        """For the oracles."""
        halves = half or [0] * len(self.words)
        return [
            Spoken(tokens, tuple(stream.utterance(u).tolist()), h)
            for u, (tokens, h) in enumerate(zip(self.words, halves, strict=True))
        ]


def make_words(
    n_speakers: int = 12, n_utterances: int = 60, n_words: int = 8, vocabulary: int = 12, seed: int = 0
) -> WordWorld:
    """Utterances of words of 100 to 400 ms with pauses between some, all on whole frames of 20 ms."""
    rng = np.random.default_rng(seed)
    words, durations = [], []
    for _ in range(n_utterances):
        time, tokens = 5, []
        for w in rng.integers(0, vocabulary, n_words).tolist():
            length = int(rng.integers(5, 20))
            tokens.append((f"word{w:02d}", time * 20_000, (time + length) * 20_000))
            time += length + int(rng.integers(0, 2)) * 4
        words.append(tuple(tokens))
        durations.append((time + 5) * 20_000)
    speakers = tuple(f"s{i % n_speakers:02d}" for i in range(n_utterances))
    return WordWorld(tuple(words), tuple(durations), speakers, ("en",) * n_utterances)
