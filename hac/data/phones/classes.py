"""Phone classes: what kind of sound a label stands for, for ARPAbet and the International Phonetic Alphabet.

The letters are a table (`tables/ipa.csv`); ARPAbet is read through its IPA equivalents
(`tables/arpabet.csv`). A label of several letters is put together by rule: affricates, diphthongs, double
articulations; marks for stress, length, tone, nasality, palatalization and the like leave the class alone, those
for voicing and for dental place change it. Chart: International Phonetic Association, 2020.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from hac.files.text import shipped_table

SILENCE = "sil"
"""The one silence label after a policy was applied."""
NOISE = "spn"
"""The one noise label after a policy was applied with `noise_rule: keep`."""

# Compared without regard to case: MFA, Kaldi, HTK, TIMIT, pocketsphinx, MAUS, espeak-ng, gruut between them
SILENCE_LABELS = (
    *("", "sil", "sp", "ssil", "pau", "pause", "silence", "h#", "#h", "#", "_", "_:", "<eps>", "eps", "<s>"),
    *("</s>", "<sil>", "[sil]", "+sil+", "<p:>", "<p>", "(.)", "|", "||", "‖"),
)
NOISE_LABELS = (
    *("spn", "nsn", "noise", "unk", "<unk>", "<spn>", "[spn]", "[noise]", "[breath]", "[laughter]", "[cough]"),
    *("+noise+", "+spn+", "+nsn+", "+breath+", "+laugh+", "+cough+", "+smack+", "<nib>", "<usb>", "<noise>"),
    *("<laugh>", "lau", "brth", "ns", "vns"),
)

Alphabet = Literal["auto", "arpabet", "ipa"]


@dataclass(frozen=True, slots=True)
class PhoneClasses:
    """The classes of one phone; each field is None where the label is not understood.

    Silence has the class `silence` and noise the class `noise` in every field, so that whichever field groups the
    counts, they stand apart.

    Attributes:
        manner: `plosive`, `nasal`, `trill`, `tap`, `fricative`, `lateral fricative`, `approximant`, `lateral`,
            `affricate`, `implosive`, `click`, `vowel`, `diphthong`.
        place: of consonants `bilabial` to `glottal`; of vowels `front`, `central` or `back`.
        voicing: `voiced` or `voiceless`.
        height: of vowels `close` to `open`; of consonants `consonant`. Place and height of a diphthong are those
            of its syllabic letter, by default the first vowel.
    """

    manner: str | None = None
    place: str | None = None
    voicing: str | None = None
    height: str | None = None

    @property
    def known(self) -> bool:
        """Whether the label was understood."""
        return self.manner is not None


UNKNOWN = PhoneClasses()

_ARPABET_LABEL = re.compile(r"[A-Z]{1,3}(-H)?[0-9]?")
_NON_SYLLABIC, _DENTAL, _VOICED = "\u032f", "\u032a", "\u032c"
_VOICELESS = ("\u0325", "\u030a")
_GLIDES = ("palatal", "labial-velar", "velar")


@lru_cache(maxsize=65_536)
def phone_classes(label: str, alphabet: Alphabet = "auto") -> PhoneClasses:
    """The classes of a phone label; `UNKNOWN` for one that is not understood, which the caller counts.

    Args:
        label: a phone, with or without stress, length or tone.
        alphabet: `arpabet` (in either case), `ipa`, or `auto`: capital Latin letters are ARPAbet, all else IPA.

    Examples:
        >>> phone_classes("AH0").height
        'open-mid'
        >>> phone_classes("t͡ʃʲ").manner
        'affricate'
    """
    label = unicodedata.normalize("NFC", label).strip()
    for kind, labels in (("silence", _folded(SILENCE_LABELS)), ("noise", _folded(NOISE_LABELS))):
        if label.casefold() in labels:
            return PhoneClasses(kind, kind, kind, kind)
    if alphabet == "arpabet" or (alphabet == "auto" and _ARPABET_LABEL.fullmatch(label)):
        ipa = arpabet_to_ipa().get(label.upper().rstrip("0123456789"))
        return UNKNOWN if ipa is None else _ipa_classes(ipa)
    return _ipa_classes(label)


def known_share(labels: Iterable[str], alphabet: Alphabet = "auto") -> float:
    """The share of these labels, silence and noise aside, that are understood; 0 where there are none."""
    kinds = [phone_classes(label, alphabet) for label in labels]
    phones = [kind for kind in kinds if kind.manner not in ("silence", "noise")]
    return sum(kind.known for kind in phones) / len(phones) if phones else 0.0


@cache
def arpabet_to_ipa() -> dict[str, str]:
    """IPA by ARPAbet symbol: the 39 of the CMU dictionary and TIMIT's, in capitals without stress."""
    return {row["arpabet"]: row["ipa"] for row in shipped_table("hac.data.phones.tables", "arpabet.csv")}


@cache
def _letters() -> dict[str, PhoneClasses]:
    return {
        row["symbol"]: PhoneClasses(row["manner"], row["place"], row["voicing"], row["height"])
        for row in shipped_table("hac.data.phones.tables", "ipa.csv")
    }


@cache
def _folded(labels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(label.casefold() for label in labels)


def _ipa_classes(label: str) -> PhoneClasses:
    segments = _segments(label)
    if segments is None or not segments:
        return UNKNOWN
    kinds = [kind for kind, _ in segments]
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]  # one letter, or a long sound written twice
    if any(kind.manner == "vowel" for kind in kinds):
        return _with_vowel(segments)
    return _with_consonants(kinds)


def _segments(label: str) -> list[tuple[PhoneClasses, bool]] | None:
    """The letters' classes, and whether each is marked as not syllabic; None if a letter is unknown.

    Decomposing splits marks from letters; the cedilla is put back, since ç is a letter of its own.
    """
    text = unicodedata.normalize("NFD", label).replace("c\u0327", "ç").replace("g", "ɡ")
    if text == "ʲ":
        return [(_letters()[text], False)]
    segments: list[tuple[PhoneClasses, bool]] = []
    for letter in text:
        if letter != "ʲ" and letter in _letters():
            segments.append((_letters()[letter], False))
        elif not _is_mark(letter):
            return None
        elif segments:
            segments[-1] = _marked(*segments[-1], letter)
    return segments


def _is_mark(letter: str) -> bool:
    """Combining and modifier characters: stress, length, tone, ties, secondary articulation, ejectives."""
    return unicodedata.category(letter) in ("Mn", "Lm", "Sk", "No") or letter in ":'ˈˌ"


def _marked(kind: PhoneClasses, non_syllabic: bool, mark: str) -> tuple[PhoneClasses, bool]:
    if mark == _NON_SYLLABIC:
        return kind, True
    if mark in _VOICELESS:
        return replace(kind, voicing="voiceless"), non_syllabic
    if mark == _VOICED:
        return replace(kind, voicing="voiced"), non_syllabic
    if mark == _DENTAL and kind.place == "alveolar":
        return replace(kind, place="dental"), non_syllabic
    return kind, non_syllabic


def _with_vowel(segments: list[tuple[PhoneClasses, bool]]) -> PhoneClasses:
    """Diphthongs: vowels, and glides before or after; a vowel with a liquid or r-colour stays a vowel."""
    rest = [kind.manner for kind, _ in segments if kind.manner != "vowel"]
    if any(manner not in ("approximant", "lateral", "trill", "tap") for manner in rest):
        return UNKNOWN
    vowels = [kind for kind, _ in segments if kind.manner == "vowel"]
    nucleus = next((k for k, off in segments if k.manner == "vowel" and not off), vowels[0])
    glides = [k for k, _ in segments if k.manner == "approximant" and k.place in _GLIDES]
    return replace(nucleus, manner="diphthong") if len(vowels) > 1 or glides else nucleus


def _with_consonants(kinds: list[PhoneClasses]) -> PhoneClasses:
    first, last = kinds[0], kinds[-1]
    manners = [kind.manner for kind in kinds]
    if manners[-1] in ("fricative", "lateral fricative") and set(manners[:-1]) == {"plosive"}:
        return replace(last, manner="affricate")
    if manners == ["plosive", "plosive"] and first.place == "velar" and last.place == "bilabial":
        return replace(last, place="labial-velar")
    if manners == ["plosive", "affricate"]:
        return last
    if manners[0] == "nasal" and set(manners[1:]) <= {"plosive", "fricative"}:
        return _with_consonants(kinds[1:]) if len(kinds) > 2 else last
    return UNKNOWN
