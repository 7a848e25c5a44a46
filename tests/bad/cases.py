"""What a case of the gallery is, and what several of them share."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bad.world import Spoil


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        spoil: makes it, in a sound world.
        words: the command line; `hac` or `hac-analyze` first.
        says: what the sentence holds, each of them.
        keeps: how names of whole files begin that stay for the next run, which goes on from there.
    """

    spoil: Spoil
    words: str
    says: tuple[str, ...]
    keeps: tuple[str, ...] = ()


SHARDS = ("new.shards/",)
ENCODE = "hac encode manifest.jsonl -t mfcc-kmeans:units -o new.parquet -j 1"
PNMI = "hac-analyze pnmi --tokens tokens.parquet --manifest manifest.jsonl -o out -j 1 --nulls 2"
COUNTED = "--tokens tokens.parquet --manifest manifest.jsonl -o out -j 1"
DEEP = "[" * 100_000
BOMB = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '1'] * 10)}]\n" for i in range(12))
PICKLE = b"cos\nsystem\n(S'touch owned'\ntR."
CODE = "import pathlib\npathlib.Path('owned').touch()\n"
