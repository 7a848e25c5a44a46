"""Texts compared: named normalizers, and edits between a reference and a hypothesis as counts that add.

Word error rate = (substitutions + deletions + insertions) / words of the reference, summed over the corpus and divided
once; the character error rate likewise, a space being a character. The edits are those of one alignment with the
fewest errors, as `jiwer` finds it. An error rate depends on what was made equal before: the normalizer is part of the
protocol, and its name changes whenever its rules do.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hac.errors import HacError
from hac.judges.base import Unjudged
from hac.judges.english_text import whisper_english


@dataclass(frozen=True, slots=True)
class Normalizer:
    """A way to make texts comparable.

    Attributes:
        name: with the version of its rules.
        rules: what it does, in a sentence.
        languages: languages it is made for; None: any.
        apply: the rules; surplus white space is removed afterwards.
    """

    name: str
    rules: str
    languages: frozenset[str] | None
    apply: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Edits:
    """Edits that turn a reference into a hypothesis, in words or characters; they add over a corpus.

    Attributes:
        hits: words that are in both.
        substitutions: words of the reference that became another.
        deletions: words of the reference that are missing.
        insertions: words of the hypothesis that are too many.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: Edits) -> Edits:
        """Edits of both."""
        return Edits(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )

    @property
    def reference_length(self) -> int:
        """Words of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def hypothesis_length(self) -> int:
        """Words of the hypothesis."""
        return self.hits + self.substitutions + self.insertions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors a word of the reference: 0 is best, beyond 1 is possible; NaN without words."""
        return self.errors / self.reference_length if self.reference_length else math.nan


def normalize(text: str, name: str) -> str:
    """A text made comparable by one of `NORMALIZERS`: words with single spaces between them, perhaps none.

    Raises:
        HacError: no such normalizer, or what it needs is not installed.
    """
    return " ".join(_known(name).apply(text).split())


def word_edits(reference: str, hypothesis: str) -> Edits:
    """Edits in words, which are what stands between white space; both texts normalized by the caller.

    Raises:
        Unjudged: the reference has no words, so there is nothing to be right or wrong about.
    """
    return _edits(reference, hypothesis, characters=False)


def char_edits(reference: str, hypothesis: str) -> Edits:
    """Edits in characters (code points), a run of white space being one; otherwise as `word_edits`."""
    return _edits(reference, hypothesis, characters=True)


def _edits(reference: str, hypothesis: str, characters: bool) -> Edits:
    # jiwer leaves single tabs and line ends inside words
    reference, hypothesis = (" ".join(text.split()) for text in (reference, hypothesis))
    if not reference:
        raise Unjudged("reference-empty", "the reference has no words, so no error rate is defined")
    import jiwer

    found = (jiwer.process_characters if characters else jiwer.process_words)(reference, hypothesis)
    return Edits(found.hits, found.substitutions, found.deletions, found.insertions)


def _known(name: str) -> Normalizer:
    if name not in NORMALIZERS:
        near = difflib.get_close_matches(name, NORMALIZERS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise HacError(f"text normalizer {name!r} is unknown; known are {', '.join(NORMALIZERS)}{hint}")
    return NORMALIZERS[name]


def _basic(text: str) -> str:
    # casefold can make a character that NFKC would compose: twice gives a text that stays as it is
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(_basic_character(folded, i) for i in range(len(folded)))


def _basic_character(text: str, i: int) -> str:
    """One character under `basic-1`: marks of letters stay, apostrophes between letters go, the rest is a space."""
    character = text[i]
    if character in _APOSTROPHES:
        inside = 0 < i < len(text) - 1 and text[i - 1].isalpha() and text[i + 1].isalpha()
        return "" if inside else " "
    category = unicodedata.category(character)[0]
    return character if category in "LNM" else " "


_APOSTROPHES = "'’ʼ"


NORMALIZERS: Mapping[str, Normalizer] = {
    normalizer.name: normalizer
    for normalizer in (
        Normalizer("none-1", "white space only", None, str),
        Normalizer(
            "basic-1",
            "NFKC, case folded; apostrophes between letters dropped; everything but letters, their marks and"
            " digits becomes a space",
            None,
            _basic,
        ),
        Normalizer(
            "english-1",
            "Whisper's English rules (arXiv 2212.04356, appendix C) as transformers has them: contractions spelt out,"
            " numbers in digits, fillers and bracketed remarks dropped; without its table of British spellings, which"
            " lies in the model's repository",
            frozenset({"en"}),
            whisper_english,
        ),
    )
}
"""Normalizers by name. A name ends with the version of its rules."""
