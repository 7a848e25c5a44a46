"""From a transcript to words and their phones.

`gruut` (MIT; lexicons and grapheme-to-phoneme models in wheels) normalizes text (numbers, dates, currency,
abbreviations) and pronounces nine languages. Where it has no language, or no pronunciation, espeak-ng speaks the
word through the wheel `espeakng-loader`. Both write IPA; stress marks are dropped.
"""

from __future__ import annotations

import _ctypes
import ctypes
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

from hac.align.alignment_types import AlignmentFailure, Word
from hac.errors import HacError
from hac.files.text import shipped_table

GRUUT_LANGUAGES = {
    "cs": "cs-cz",
    "de": "de-de",
    "en": "en-us",
    "es": "es-es",
    "fr": "fr-fr",
    "it": "it-it",
    "nl": "nl",
    "pt": "pt",
    "ru": "ru-ru",
}
"""Languages whose gruut wheels the extra `align` installs."""

_STRESS = re.compile("[ˈˌ'|‖↗↘.]")
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
# values of espeak-ng's speak_lib.h
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_IPA_SEPARATED = 0x02 | ord("_") << 8  # IPA, with _ between the phones
_espeak_lock = threading.Lock()
_espeak_words: dict[str, dict[str, tuple[str, ...]]] = {}

_INDEXED = """
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE word_phonemes (
    word TEXT, pron_order INTEGER, id INTEGER, phonemes TEXT, role TEXT, PRIMARY KEY (word, pron_order, id)
) WITHOUT ROWID;
INSERT INTO temp.word_phonemes
SELECT word, pron_order, id, phonemes, role FROM main.word_phonemes ORDER BY word, pron_order, id;
"""
"""A copy of gruut's lexicon that finds a word at once: the tables of the wheels have no index, and a search through
the 600,000 Spanish entries takes 33 ms, several times for every word. A temporary table hides the one it copies."""

_gruut = threading.local()


def base_language(language: str) -> str:
    """`pt` of `pt-BR`, `pt_BR` or `PT`."""
    return re.split("[-_]", language.strip().lower(), maxsplit=1)[0]


def pronounce(text: str, language: str) -> tuple[Word, ...]:
    """Words of a transcript, numbers and punctuation as written, with IPA phones; language as `fr` or `pt-BR`.

    Raises:
        AlignmentFailure: nothing in the text can be spoken.
        HacError: neither gruut nor espeak-ng is installed.
    """
    language = base_language(language)
    if _in_gruut(language) and not _spelt(text, language):
        words = _pronounce_gruut(text, language)
    else:
        words = tuple(_spoken(word, language) for word in _WORD.findall(text))
    words = tuple(word for word in words if word.phones)
    if not words:
        raise AlignmentFailure("text-unspoken", f"no word of the transcript {text[:60]!r} can be pronounced")
    return words


def learn(texts: Iterable[str], language: str) -> None:
    """Make `pronounce` quick for these texts: words for espeak-ng are spoken in one go; loading it takes 2 ms.

    Raises:
        HacError: as `pronounce`.
    """
    language = base_language(language)
    if not _in_gruut(language):
        espeak_phones((word for text in texts for word in _WORD.findall(text)), language)


def _in_gruut(language: str) -> bool:
    return language in GRUUT_LANGUAGES and find_spec("gruut") is not None


def _spelt(text: str, language: str) -> bool:
    """Whether a text is nothing but letters for espeak-ng to name: gruut gives their sounds, but in English."""
    if language == "en" or find_spec("espeakng_loader") is None:
        return False
    words = _WORD.findall(text)
    return bool(words) and all(len(word) == 1 and word.isalpha() for word in words)


def _pronounce_gruut(text: str, language: str) -> tuple[Word, ...]:
    processor, lexicon = _gruut_processor(language)
    # gruut remembers words as if they were entries of the lexicon, and splits later texts by them
    lexicon.clear()
    words: list[Word] = []
    for sentence in processor.sentences(*processor(text)):
        for token in sentence:
            if not token.is_spoken or not _WORD.search(token.text):
                continue
            phones = tuple(filter(None, (_STRESS.sub("", phone) for phone in token.phonemes or ())))
            words.append(Word(token.text.lower(), phones) if phones else _spoken(token.text, language))
    return tuple(words)


def _gruut_processor(language: str) -> tuple[Any, dict[str, Any]]:
    """Gruut's processor of a language, one a thread as its database wants, and the words that it remembers."""
    from gruut import TextProcessor
    from gruut.lang import get_settings

    known: dict[str, tuple[Any, dict[str, Any]]] = _gruut.__dict__.setdefault("processors", {})
    if language not in known:
        code = GRUUT_LANGUAGES[language]
        settings: Any = get_settings(code)
        settings.lookup_phonemes("")  # connects to the database
        phonemizer = settings.lookup_phonemes.phonemizer
        phonemizer.db_conn.executescript(_INDEXED)
        known[language] = TextProcessor(default_lang=code, settings={code: settings}), phonemizer.lexicon
    return known[language]


def _spoken(word: str, language: str) -> Word:
    return Word(word.lower(), espeak_phones([word], language)[word])


def espeak_phones(words: Iterable[str], language: str) -> dict[str, tuple[str, ...]]:
    """IPA phones of each word by espeak-ng; empty where espeak-ng says nothing.

    Words are spoken one by one, so that the phones depend on nothing but the word, and are remembered.

    Raises:
        HacError: the wheel is missing, or espeak-ng does not know the language.
    """
    wanted = dict.fromkeys(words)
    with _espeak_lock:
        known = _espeak_words.setdefault(language, {})
        new = [word for word in wanted if word not in known]
        if new:
            with _espeak() as library:
                known.update(_speak(library, new, language))
        return {word: known[word] for word in wanted}


def _speak(library: ctypes.CDLL, words: Iterable[str], language: str) -> dict[str, tuple[str, ...]]:
    if library.espeak_SetVoiceByName(language.encode()) != 0:
        raise HacError(
            f"language {language!r}: neither gruut nor espeak-ng can pronounce it; give the manifest's "
            f"`language` as a code such as {', '.join(GRUUT_LANGUAGES)} or pl"
        )
    result: dict[str, tuple[str, ...]] = {}
    for word in words:
        pieces: list[str] = []
        pointer = ctypes.c_char_p(word.encode() + b"\0")
        while pointer.value:
            piece = library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, _IPA_SEPARATED)
            pieces.append((piece or b"").decode("utf-8", "replace"))
        # a switch of language is written as (en)...(pl)
        spoken = _STRESS.sub("", re.sub(r"\([a-z-]+\)", "", " ".join(pieces)))
        result[word] = tuple(phone for phone in re.split(r"[_\s]+", spoken) if phone)
    return result


@contextmanager
def _espeak() -> Iterator[ctypes.CDLL]:
    """Load the library and unload it: it keeps state, and the synthesizer of `hac.data` relies on a fresh one."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise HacError(
            "pronunciations need gruut (cs de en es fr it nl pt ru) or, for other languages, espeakng-loader: "
            "pip install 'hac-codec[align,synth]'"
        ) from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        if library.espeak_Initialize(_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), _DONT_EXIT) <= 0:
            raise HacError("espeak-ng of the wheel espeakng-loader does not start; reinstall it")
        yield library
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


@cache
def arpabet_map() -> dict[str, str]:
    """IPA phone to the ARPAbet phone of the English acoustic model, from `arpabet.csv`."""
    return {row["ipa"]: row["arpabet"] for row in shipped_table("hac.align", "arpabet.csv")}


def to_arpabet(phones: tuple[str, ...]) -> tuple[str, ...]:
    """English IPA phones as ARPAbet without stress; r-coloured vowels such as `ɑːɹ` fall into two phones.

    Raises:
        AlignmentFailure: a phone has no counterpart.
    """
    table = arpabet_map()
    result: list[str] = []
    for phone in phones:
        rest = phone
        while rest:
            known = next((rest[:size] for size in range(len(rest), 0, -1) if rest[:size] in table), None)
            if known is None:
                raise AlignmentFailure("phone-unmapped", f"the phone {phone!r} has no ARPAbet counterpart")
            result.append(table[known])
            rest = rest[len(known) :].lstrip("ːʰ̩̯")
    return tuple(result)
