"""A sound small corpus with everything that commands ask for, to be spoilt: the working folder of the gallery."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import yaml

from hac.data.manifest.formats import read_manifest
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.features.mfcc import MfccFeatures
from hac.tokenizers import kmeans
from tests.corpora import make_corpus
from tests.fuzz import seeds
from tests.hac.tiny_hac import tiny_model
from tests.hac.train.tiny_run import TRAIN

Spoil = Callable[[Path], object]


def make_world(folder: Path) -> None:
    """manifest.jsonl, audio/, alignments.parquet, tokens.parquet, units/, model/, run/, train.yaml, sweep.yaml."""
    make_corpus(folder)
    fitted = kmeans.fit("mfcc-kmeans", read_manifest(folder / "manifest.jsonl"), MfccFeatures(), 8, seed=0)
    kmeans.save(fitted, folder / "units")
    tiny_model().save_pretrained(folder / "model")
    (folder / "run").mkdir()
    seeds.run_folder(folder / "run")
    (folder / "counts").mkdir()
    seeds.counts(folder / "counts")
    seeds.segments(folder)
    values = json.loads(json.dumps(TRAIN)) | {"data": {**TRAIN["data"], "train": "manifest.jsonl"}}
    (folder / "train.yaml").write_text(yaml.safe_dump(values))
    sweep = {"variants": ["train.yaml"], "train": "manifest.jsonl", "evaluation": {"manifest": "manifest.jsonl"}}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    decoded = folder / "decoded"
    decoded.mkdir()
    for path in (folder / "audio").glob("*.wav"):
        (decoded / path.name).write_bytes(path.read_bytes())


def sound(_: Path) -> None:
    """Spoil nothing: the words are what is bad."""


def all_of(*spoils: Spoil) -> Spoil:
    """Several things at once."""

    def do(folder: Path) -> None:
        for spoil in spoils:
            spoil(folder)

    return do


def write(name: str, content: str | bytes) -> Spoil:
    """A file of this content."""

    def do(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return do


def remove(name: str) -> Spoil:
    """No such file."""
    return lambda folder: (folder / name).unlink()


def cut(name: str, share: float = 0.5) -> Spoil:
    """Only the first part of a file."""

    def do(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return do


def make_folder(name: str) -> Spoil:
    """A folder."""
    return lambda folder: (folder / name).mkdir(parents=True)


def instead(name: str) -> Spoil:
    """A folder in place of a file."""

    def do(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return do


def link(name: str, target: str) -> Spoil:
    """A symbolic link in place of what is there."""

    def do(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return do


def json_with(name: str, **changes: Any) -> Spoil:
    """A JSON file with other values of some keys."""

    def do(folder: Path) -> None:
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(values | changes))

    return do


def yaml_with(name: str, **changes: Any) -> Spoil:
    """A YAML file with other values of some keys."""

    def do(folder: Path) -> None:
        values = yaml.safe_load((folder / name).read_text())
        (folder / name).write_text(yaml.safe_dump(values | changes))

    return do


def rows(change: Callable[[list[dict[str, Any]]], Iterable[Any]]) -> Spoil:
    """The manifest with its rows changed (the header stays)."""

    def do(folder: Path) -> None:
        path = folder / "manifest.jsonl"
        head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
        made = [head, *change(lines)]
        path.write_text("".join(json.dumps(row) + "\n" for row in made))

    return do


def row(**changes: Any) -> Spoil:
    """The first row of the manifest with other values."""
    return rows(lambda lines: [{**lines[0], **changes}, *lines[1:]])


def header(**changes: Any) -> Spoil:
    """The manifest under another header."""

    def do(folder: Path) -> None:
        path = folder / "manifest.jsonl"
        head, *lines = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps(json.loads(head) | changes), *lines]) + "\n")

    return do


def audio(name: str, samples: float, rate: int = 16_000, subtype: str = "FLOAT") -> Spoil:
    """A second of one value at a rate."""
    return lambda folder: sf.write(folder / name, np.full(rate, samples, np.float32), rate, subtype=subtype)


def every_audio(spoil: Callable[[str], Spoil], folder_name: str = "audio") -> Spoil:
    """All recordings spoilt alike."""

    def do(folder: Path) -> None:
        for path in sorted((folder / folder_name).glob("*.wav")):
            spoil(f"{folder_name}/{path.name}")(folder)

    return do


def token_ids(change: Callable[[str], str], name: str = "tokens.parquet") -> Spoil:
    """Tokens of other ids."""

    def do(folder: Path) -> None:
        from dataclasses import replace

        store = read_tokens(folder / name)
        write_tokens(replace(store, ids=tuple(change(id) for id in store.ids)), folder / name)

    return do
