"""Speech with exact phone and word times from espeak-ng, through the wheel `espeakng-loader`.

The wheel is optional (extra `synth`) and never part of this project: the library is GPL-3.

Two traps are handled here.

*A stop's event sits at its release*, not at its closure: see `espeak_times`. `DRY_VARIANTS` are voices without
echo, whose closures are really silent.

*The library remembers.* Noise, oscillator phases and filters carry over from one utterance to the next, so the same
text sounds different the second time, and even its times move. The library is therefore loaded afresh for each
utterance (0.2 ms) and its noise is seeded: an utterance depends on its text, voice and seed alone, whatever was
spoken before and in whichever process.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from hac.corpora.synthetic.espeak_times import PHONEME, Mark, Span, phone_spans, word_spans
from hac.data.audio.audio import QUALITY
from hac.data.tiers import Row
from hac.data.timeline import samples_to_us
from hac.errors import HacError

# chosen by measurement: no echo, breath or robot effects; every closure of p, t, k found in eight languages
FEMALE_VARIANTS = (
    "Andrea", "Annie", "anika", "aunty", "belinda", "f1", "grandma", "linda", "shelby", "steph", "steph2", "zac",
)  # fmt: skip
MALE_VARIANTS = (
    "Alex", "Mario", "Nguyen", "adam", "antonio", "boris", "gustave", "m1", "m3", "m4", "m6", "quincy",
)  # fmt: skip
DRY_VARIANTS = FEMALE_VARIANTS + MALE_VARIANTS

_VOICES = {"de": "de", "en": "en-us", "es": "es", "fr": "fr", "it": "it", "nl": "nl", "pl": "pl", "pt": "pt"}

# values of espeak-ng's speak_lib.h
_SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 2, 1, 2, 0x8000
_RATE, _PITCH = 1, 3
_BY_CHARACTER, _UTF8 = 1, 1

EDGE_S = (0.1, 0.3)
"""Silence before and after an utterance, a uniform draw."""
_MOST_JOINED = 4
"""How often neighbouring words are taken apart."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a speaker sounds.

    Attributes:
        language: one of the eight languages.
        variant: one of espeak-ng's voice variants.
        pitch: 0 to 99, 50 is the variant's own.
        rate: words per minute.
    """

    language: str
    variant: str
    pitch: int
    rate: int


@dataclass(frozen=True, slots=True)
class Speech:
    """One synthetic utterance.

    Attributes:
        samples: int16 [n].
        sample_rate: Hz.
        phones: from the first sample to the last without gaps; IPA without stress marks; pauses are `sil`.
        words: lower case, without pauses.
    """

    samples: NDArray[np.int16]
    sample_rate: int
    phones: tuple[Span, ...]
    words: tuple[Span, ...]


def at_rate(
    speech: Speech, sample_rate: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Callable[[str, Iterable[Span]], list[Row]]]:
    """The sound float32 [n] at another rate with silence at both edges; and what makes rows of an utterance's spans."""
    rate = speech.sample_rate
    lead, tail = (round(rng.uniform(*EDGE_S) * rate) for _ in range(2))
    padded = np.pad(speech.samples.astype(np.float32) / np.float32(2**15), (lead, tail))

    def rows(id: str, spans: Iterable[Span]) -> list[Row]:
        return [(id, s.label, samples_to_us(lead + s.start, rate), samples_to_us(lead + s.end, rate)) for s in spans]

    return soxr.resample(padded, rate, sample_rate, quality=QUALITY), rows


def synthesize(text: str, voice: Voice, seed: int = 0) -> Speech:
    """Speak one text; `seed` is of the library's own noise.

    Raises:
        HacError: `espeakng-loader` is not installed, or the voice is not known.
    """
    speech = _synthesize(text, voice, seed)
    # espeak-ng speaks some neighbours ("of the") as one word; a no-break space between them keeps them apart,
    # and may bring together the next two
    for _ in range(_MOST_JOINED):
        joined = {word.label for word in speech.words if " " in word.label}
        if not joined:
            break
        for label in joined:
            text = re.sub(re.escape(label), lambda pair: pair[0].replace(" ", "\xa0"), text, flags=re.IGNORECASE)
        speech = _synthesize(text, voice, seed)
    return speech


def _synthesize(text: str, voice: Voice, seed: int) -> Speech:
    with _LOCK, _fresh_library(seed) as library:
        return library.speak(text, voice)


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

_LOCK = threading.Lock()


class _Library:
    """A freshly loaded espeak-ng; speaks one utterance."""

    def __init__(self, library: Any, data_path: str, seed: int) -> None:
        self._library = library
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self._sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), options)
        if self._sample_rate <= 0:
            raise HacError(f"espeak-ng found no data in {data_path}; reinstall it: pip install 'hac-codec[synth]'")
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._blocks: list[NDArray[np.int16]] = []
        self._marks: list[Mark] = []
        self._callback = _CALLBACK(self._receive)
        library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, n_samples: int, events: Any) -> int:
        if samples and n_samples > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        i = 0
        while events[i].type != 0:
            event = events[i]
            label = event.id.string.decode("utf-8", errors="replace") if event.type == PHONEME else ""
            self._marks.append(Mark(event.type, event.sample, event.text_position, label))
            i += 1
        return 0

    def speak(self, text: str, voice: Voice) -> Speech:
        """Synthesize the text and turn the events into intervals."""
        name = f"{_VOICES.get(voice.language, voice.language)}+{voice.variant}"
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise HacError(f"espeak-ng has no voice {name!r}; expected one of {', '.join(_VOICES)} and a variant")
        self._library.espeak_SetParameter(_RATE, voice.rate, 0)
        self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, _BY_CHARACTER, 0, _UTF8, None, None)
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        phones = phone_spans(self._marks, samples, self._sample_rate)
        words = word_spans(self._marks, phones, text)
        return Speech(samples, self._sample_rate, tuple(span for span, _ in phones), words)


@contextmanager
def _fresh_library(seed: int) -> Iterator[_Library]:
    """Load the library, and unload it after use, so that nothing is remembered."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise HacError(
            "the synthetic corpus needs the wheel espeakng-loader: pip install 'hac-codec[synth]'"
        ) from error
    with _unshared(Path(espeakng_loader.get_library_path())) as path:
        library = ctypes.CDLL(str(path))
        try:
            yield _Library(library, str(espeakng_loader.get_data_path()), seed)
        finally:
            library.espeak_Terminate()
            _unload(library._handle)


@contextmanager
def _unshared(path: Path) -> Iterator[Path]:
    """The library's path; where somebody in this process holds it loaded, the path of a copy, which is fresh."""
    no_load = getattr(os, "RTLD_NOLOAD", None)
    try:
        held = ctypes.CDLL(str(path), mode=no_load | os.RTLD_NOW) if no_load is not None else None
    except OSError:
        held = None  # not loaded: the usual case
    if held is None:
        yield path
        return
    _unload(held._handle)
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(path, folder))


def _unload(handle: int) -> None:
    import _ctypes

    if sys.platform == "win32":
        _ctypes.FreeLibrary(handle)
    else:
        _ctypes.dlclose(handle)
