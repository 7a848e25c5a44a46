"""Small corpora for tests: real recordings, phones laid over them by hand, tokens that follow the phones."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile as sf

from hac.data.alignments.alignment import Alignments, tier_from_rows, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore

PHONES = ("sil", "AA1", "B", "S", "IY0", "N")
RATE = Fraction(50)
K = 16


def speech(seconds: float, start_s: float = 0.0) -> np.ndarray:
    """Real speech at 16 kHz: float32 [seconds * 16000], from the recordings inside the wheel moonshine-voice."""
    import moonshine_voice

    path = Path(moonshine_voice.__file__).parent / "assets" / "two_cities.wav"
    rate = sf.info(path).samplerate
    samples, _ = sf.read(path, start=int(start_s * rate), stop=int((start_s + seconds) * rate), dtype="float32")
    return (
        samples
        if rate == 16_000
        else np.interp(np.arange(0, len(samples), rate / 16_000), np.arange(len(samples)), samples).astype(np.float32)
    )


def make_corpus(folder: Path, n: int = 6, n_speakers: int = 2, seed: int = 0) -> Path:
    """Write n utterances of about a second: manifest.jsonl, audio, alignments.parquet, tokens.parquet, TextGrids.

    Returns:
        The manifest.
    """
    rng = np.random.default_rng(seed)
    rows, utterances, codes, bounds = [], [], [], [0]
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for i in range(n):
        id, duration = f"utt-{i}", 1.0 + 0.04 * i
        sf.write(folder / "audio" / f"{id}.wav", speech(duration, 2.0 * i), 16_000)
        cuts = np.sort(rng.choice(np.arange(2, int(duration * 100) - 2), 8, replace=False)) * 10_000
        edges = [0, *cuts.tolist(), round(duration * 1e6)]
        labels = rng.integers(0, len(PHONES), len(edges) - 1)
        rows += [(id, PHONES[p], a, b) for p, a, b in zip(labels, edges[:-1], edges[1:], strict=True)]
        middle = np.arange(int(duration * 50)) * 20_000 + 10_000
        phone = labels[np.searchsorted(edges, middle, side="right") - 1]
        codes.append(phone * 2 + rng.integers(0, 2, len(phone)))
        bounds.append(bounds[-1] + len(phone))
        utterances.append(Utterance(id, f"audio/{id}.wav", duration, f"speaker-{i % n_speakers}", "en", "some words"))
    write_manifest(Manifest(folder, tuple(utterances)), folder / "manifest.jsonl")
    words = [(f"utt-{i}", "some", 0, 500_000) for i in range(n)]
    tiers = {"phones": tier_from_rows("phones", rows), "words": tier_from_rows("words", words)}
    write_alignments(Alignments(tiers, {}), folder / "alignments.parquet")
    stream = Stream("units", K, RATE, np.concatenate(codes).astype(np.int32), np.array(bounds, np.int64))
    ids = tuple(utterance.id for utterance in utterances)
    write_tokens(TokenStore(ids, {"units": stream}, {"tokenizer": "made-up"}), folder / "tokens.parquet")
    return folder / "manifest.jsonl"


def textgrid(intervals: list[tuple[float, float, str]], tier: str = "phones") -> str:
    """A long TextGrid with one tier, as text."""
    end = intervals[-1][1]
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end}",
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        f'        name = "{tier}"',
        "        xmin = 0",
        f"        xmax = {end}",
        f"        intervals: size = {len(intervals)}",
    ]
    for i, (onset, offset, label) in enumerate(intervals, start=1):
        lines += [f"        intervals [{i}]:", f"            xmin = {onset}", f"            xmax = {offset}"]
        lines += [f'            text = "{label}"']
    return "\n".join(lines) + "\n"
