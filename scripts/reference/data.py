"""Which speech the reference models are trained on, and which they never hear: `python scripts/reference/data.py DIR`.

Expects `DIR/real` (`hac corpus debian DIR/real`) and `DIR/synthetic` (`hac corpus builtin DIR/synthetic --minutes 90
--voices 96 --seed 1`). Writes a manifest for each part beside the audio it lists (`test` is all that begins so,
`few` a ninth of the new corpus) and `data.parquet`: every utterance, its part and the hash of its audio. Which part an
utterance is in depends on its id alone.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.files.atomic import sha256_file

NEW_CORPUS = "asterisk-en"
"""The only real English, and the speech of `hac-analyze demo`."""
NEW_SPEAKERS = ("fillets-statue", "fillets-white", "fillets-lightgrey")
NEW_VOICES = ("antonio", "linda", "zac", "m3", "f1")
"""Of espeak-ng's 24 variants; a speaker is a variant with a pitch and a rate of its own."""
FEW = 9
"""Every which utterance of the new corpus is decoded."""
TEST, DEV = 10, 2
"""Per cent of the remaining real utterances that are held out."""


def part_of_real(utterance: Utterance) -> str:
    """Train, or which one of the held-out parts."""
    if utterance.id.startswith(NEW_CORPUS):
        return "test-corpus"
    if utterance.speaker in NEW_SPEAKERS:
        return "test-speakers"
    place = int.from_bytes(hashlib.sha256(utterance.id.encode()).digest()[:4], "big") % 100
    return "test-utterances" if place < TEST else "dev" if place < TEST + DEV else "train"


def part_of_synthetic(utterance: Utterance) -> str:
    """Train, or held out with all of its voice."""
    return "test-voices" if str(utterance.speaker).split("-")[1] in NEW_VOICES else "train"


def write_parts(folder: Path, part_of: Callable[[Utterance], str]) -> pd.DataFrame:
    """Write the manifests of a corpus and return its rows for `data.parquet`."""
    manifest = read_manifest(folder / "manifest.jsonl")
    rows = []
    for utterance in manifest.utterances:
        digest = sha256_file(manifest.audio_path(utterance))
        rows.append((utterance.id, folder.name, part_of(utterance), utterance.duration, digest))
    table = pd.DataFrame(rows, columns=["id", "corpus", "part", "duration_s", "audio_sha256"])
    parts = {str(part): set(of_part["id"]) for part, of_part in table.groupby("part")}
    parts["few"] = set(sorted(parts.get("test-corpus", ()))[::FEW])
    parts["test"] = set(table["id"][table["part"].str.startswith("test")])
    for part, wanted in filter(all, parts.items()):
        chosen = tuple(utterance for utterance in manifest.utterances if utterance.id in wanted)
        write_manifest(Manifest(manifest.root, chosen), folder / f"{part}.jsonl")
    return table


def main() -> None:
    """Write the parts and say how long they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    parts = ((folder / "real", part_of_real), (folder / "synthetic", part_of_synthetic))
    table = pd.concat([write_parts(corpus, part_of) for corpus, part_of in parts], ignore_index=True)
    table.to_parquet(folder / "data.parquet", index=False)
    minutes = table.groupby(["corpus", "part"])["duration_s"].agg(["size", lambda s: round(s.sum() / 60, 1)])
    print(minutes.set_axis(["utterances", "minutes"], axis=1).to_string())


if __name__ == "__main__":
    main()
