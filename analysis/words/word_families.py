"""Codes that detect several related words: forms of one word, or one word in several languages.

A code that fires for "walk" and for "walked" is a good sign and yet a poor detector of either, so words count from an
F1 that is lower than for a detected word. Chance: the same best codes permuted among the same words.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.vocabulary import normalize
from analysis.results.schema import Record
from analysis.words.lists import WordList
from analysis.words.records import word_record
from hac.errors import HacError
from probes.nulls.random_streams import random_stream
from probes.words.word_codes import WordType

RELATED_F1 = 0.2
N_DRAWS = 200
INFLECTIONS, TRANSLATIONS = "inflections", "translations"
STEMMERS = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""Language -> its Snowball stemmer, where the installed version has it."""


@dataclass(frozen=True)
class RelatedWords:
    """Related words that share their best code.

    Attributes:
        kind: `inflections` or `translations`.
        key: language and stem, or the number of the table's row.
        code: the code.
        words: places in the vocabulary, best F1 first.
    """

    kind: str
    key: str
    code: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Related:
    """What was found of one kind: the groups, and how many codes chance gives (float64 [n_draws])."""

    kind: str
    groups: list[RelatedWords]
    null: NDArray[np.float64]
    n_words: int

    @property
    def n_codes(self) -> int:
        """Count of codes that detect at least two related words."""
        return len({group.code for group in self.groups})


Key = Callable[[int], str | None]
"""What a word, by its place in the vocabulary, shares with its relatives; None: it has none."""


def stems(types: Sequence[WordType]) -> Key:
    """Language and stem of each word of a language that has a stemmer."""
    import snowballstemmer

    known = set(snowballstemmer.algorithms())
    spoken = {_code(word.language) for word in types}
    makers = {
        code: snowballstemmer.stemmer(name) for code, name in STEMMERS.items() if name in known and code in spoken
    }

    def stem(w: int) -> str | None:
        word = types[w]
        maker = makers.get(_code(word.language))
        return None if maker is None else f"{word.language}:{maker.stemWord(word.spelling)}"

    return stem


def _code(language: str) -> str:
    """`pt` of `pt-BR`."""
    return language.split("-")[0].lower()


def read_translations(path: Path, types: Sequence[WordType]) -> Key:
    """Row of a table of translations for each word in it.

    The table is CSV: the first line names languages, every other line holds one word in those languages.

    Raises:
        HacError: the file cannot be read, or names no two languages of the corpus.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HacError(f"{path}: cannot be read as a table of translations ({error}); expected CSV in UTF-8") from error
    languages = [name.strip() for name in rows[0]] if rows else []
    known = {word.language for word in types}
    if len(known & set(languages)) < 2:
        raise HacError(
            f"{path}: the first line names the languages {', '.join(languages) or '(none)'}; expected at least two of "
            f"the corpus's own ({', '.join(sorted(known))}), and one word in those languages on every other line"
        )
    place = {word: w for w, word in enumerate(types)}
    made: dict[int, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        for language, text in zip(languages, row, strict=False):
            w = place.get(WordType(language, normalize(text)))
            if w is not None:
                made.setdefault(w, f"line {number}")
    return made.get


def related(found: WordList, key_of: Key, kind: str, seed: int) -> Related:
    """Groups of related words with the same best code.

    Args:
        found: scored words of a stream.
        key_of: what words share.
        kind: `inflections` or `translations`.
        seed: of the null.
    """
    f1 = found.detection.classic
    keyed = {int(w): key_of(int(w)) for w in found.ranked() if f1[w] >= RELATED_F1}
    words = [w for w, key in keyed.items() if key is not None]
    codes = found.codes[found.detection.best[words]] if words else np.empty(0, np.int64)
    keys = [str(keyed[w]) for w in words]
    groups = [
        RelatedWords(kind, key, code, tuple(words[i] for i in members))
        for (key, code), members in _together(keys, codes).items()
    ]
    rng = random_stream(f"codes of {kind}", 0, seed)
    null = [len({code for _, code in _together(keys, rng.permutation(codes))}) for _ in range(N_DRAWS)]
    return Related(kind, groups, np.array(null, np.float64), len(words))


def _together(keys: Sequence[str], codes: NDArray[np.int64]) -> dict[tuple[str, int], list[int]]:
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, (key, code) in enumerate(zip(keys, codes.tolist(), strict=True)):
        found[key, code].append(i)
    return {where: members for where, members in found.items() if len(members) > 1}


def record(found: Related, stream: str, definition: str) -> Record:
    """The count of codes as a number of the results; it has no interval."""
    metric = "inflection_codes" if found.kind == INFLECTIONS else "translation_codes"
    why = "no interval: a count of codes"
    what = (stream, metric, f"[{definition}]", "", float(found.n_codes), why, found.null)
    return word_record(*what, n=found.n_words, protocol=definition)
