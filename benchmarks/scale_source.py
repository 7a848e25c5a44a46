"""Speech of any length, made up from a small corpus whose tokens and alignments are real outputs of this project."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import Alignments, Tier, read_alignments, write_alignments
from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.ragged import take
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.token_store import Stream, TokenStore

STREAM, LANGUAGE = "phonetic", "en"
SEED_MINUTES, SEED_VOICES = 40, 64
SPEAKERS_PER_10_H = 6
REDRAWN = 0.05
"""Share of the runs of codes that are drawn anew from all."""


class Source:
    """The small corpus that speech is drawn from.

    Args:
        folder: with manifest, alignments and tokens; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "tokens.parquet").is_file():
            make = ("corpus", "builtin", str(folder), "--minutes", str(SEED_MINUTES), "--voices", str(SEED_VOICES))
            _hac(*make, "--languages", LANGUAGE)
            _hac("encode", str(folder / "manifest.jsonl"), "-t", "reference", "-s", STREAM, "-o", tokens_of(folder))
        self.manifest = read_manifest(folder / "manifest.jsonl")
        ids = self.manifest.ids
        self.tiers = {
            name: tier.select(ids) for name, tier in read_alignments(Path(alignments_of(folder))).tiers.items()
        }
        self.stream = read_tokens(Path(tokens_of(folder))).select(ids)[STREAM]
        self.durations = np.array([u.duration for u in self.manifest.utterances])

    def write(self, hours: float, index: int, folder: Path) -> float:
        """Write stores of about so many hours that no other index has the like of; returns the hours."""
        rng = np.random.default_rng([0, index])
        picks = rng.integers(0, len(self.durations), round(hours * 3600 / self.durations.mean()))
        ids = tuple(f"{index:05d}-{i:07d}" for i in range(len(picks)))
        n_speakers = max(1, round(hours * SPEAKERS_PER_10_H / 10))
        voices = np.sort(rng.integers(0, n_speakers, len(picks)))
        rows = tuple(
            Utterance(id, f"{id}.flac", float(self.durations[pick]), f"s{index:05d}-{voice:03d}", LANGUAGE)
            for id, pick, voice in zip(ids, picks.tolist(), voices.tolist(), strict=True)
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(Manifest(folder, rows), folder / "manifest.parquet")
        tiers = {name: _drawn(tier, picks, ids) for name, tier in self.tiers.items()}
        write_alignments(Alignments(tiers, {}), Path(alignments_of(folder)))
        stream = self._redrawn(self.stream.take(picks), rng)
        write_tokens(TokenStore(ids, {STREAM: stream}, {"tokenizer": "made-up"}), Path(tokens_of(folder)))
        return float(self.durations[picks].sum()) / 3600

    def _redrawn(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """The stream with some runs said anew, as often as each code is said."""
        starts = stream.run_starts()
        codes = stream.codes[starts]
        new = rng.random(len(starts)) < REDRAWN
        codes[new] = rng.choice(self.stream.codes, int(new.sum()))
        lengths = np.diff(np.append(starts, len(stream.codes)))
        return replace(stream, codes=np.repeat(codes, lengths))


def _drawn(tier: Tier, picks: NDArray[np.int64], ids: tuple[str, ...]) -> Tier:
    """Utterances of a tier under new ids, some of them again and again."""
    rows, bounds = take(tier.bounds, picks)
    columns = {name: getattr(tier, name)[rows] for name in ("labels", "onset_us", "offset_us")}
    return replace(tier, ids=ids, bounds=bounds, **columns)


def _hac(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "hac.cli", *words], check=True, stdout=subprocess.DEVNULL)


def tokens_of(folder: Path) -> str:
    """The token store of a folder."""
    return str(folder / "tokens.parquet")


def alignments_of(folder: Path) -> str:
    """The alignment store of a folder."""
    return str(folder / "alignments.parquet")
