"""English forced alignment with pocketsphinx, whose wheel carries the acoustic model and a dictionary.

Two passes, as its authors intend: a search over the transcript finds pronunciations and pauses, a second aligns
their phones. Two of its defaults are changed, each because of what they did to real prompts: the lattice's
"best path" leaves phones of one frame, on which the second pass gives up (4 in 100 utterances; none without it);
and state of the feature extraction carries over between utterances (40 in 100 changed with their neighbours),
so it is reset before each pass.

Frames are 10 ms apart and 25.625 ms wide, counted from the *start* of the window. The boundary between two
frames lies midway between their centres, `25.625 / 2 - 10 / 2 = 7.8` ms later than the frame count says; this is
added. (Measured on synthetic English before the correction: boundaries 7.0 ms early in the median.)
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.align.alignment_types import Aligned, AlignmentFailure, Segment, Word, close_gaps
from hac.align.g2p import pronounce, to_arpabet
from hac.data.phones.classes import NOISE, SILENCE
from hac.data.timeline import samples_to_us
from hac.errors import HacError

SAMPLE_RATE = 16_000
"""Hz, of the English model."""

_FRAME_US = 10_000
_FRAME_OFFSET_US = 7_812
_MIN_SAMPLES = 1_600

_BEAMS: tuple[dict[str, float], ...] = ({}, {"beam": 1e-120, "wbeam": 1e-120, "pbeam": 1e-120})
"""Search beams, the default ones first; the wide ones are several times slower and rescue a few utterances."""


def align_utterance(id: str, samples: NDArray[np.float32], text: str) -> Aligned:
    """Align an English utterance, float32 [n] of full scale 1 at `SAMPLE_RATE`: ARPAbet phones without stress, words.

    The result depends on nothing but the arguments.

    Raises:
        AlignmentFailure: the transcript does not fit the audio, or cannot be pronounced.
        HacError: pocketsphinx is not installed.
    """
    if len(samples) < _MIN_SAMPLES:
        raise AlignmentFailure("audio-short", f"{len(samples) / SAMPLE_RATE:.3f} s of audio are too short to align")
    words = pronounce(text, "en")
    pcm = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16).tobytes()
    for width in range(len(_BEAMS)):
        alignment = _two_passes(_decoder(width), pcm, words)
        if alignment is not None:
            return _aligned(id, alignment, words, samples_to_us(len(samples), SAMPLE_RATE))
    raise AlignmentFailure(
        "no-path", f"pocketsphinx finds no path through {text[:60]!r}; does the transcript fit the audio?"
    )


@cache
def _decoder(width: int) -> Any:
    """One decoder a process and beam; loading takes 0.2 s."""
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise HacError(
            "the builtin English aligner needs pocketsphinx, which is not installed: pip install 'hac-codec[align]'"
        ) from error
    return Decoder(lm=None, loglevel="FATAL", bestpath=False, **_BEAMS[width])


def _two_passes(decoder: Any, pcm: bytes, words: tuple[Word, ...]) -> Any | None:
    """The alignment, or None where a pass finds no path."""
    decoder.set_align_text(" ".join(_entry(decoder, word) for word in words))
    if not _pass(decoder, pcm) or not decoder.seg():
        return None
    try:
        decoder.set_alignment()
    except RuntimeError:
        return None
    return decoder.get_alignment() if _pass(decoder, pcm) else None


def _pass(decoder: Any, pcm: bytes) -> bool:
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    try:
        decoder.end_utt()
    except RuntimeError:  # how the library says that no path reached the end
        return False
    return True


def _entry(decoder: Any, word: Word) -> str:
    """The word's dictionary entry, added where the dictionary lacks it.

    An added entry is named by its pronunciation too: the grapheme-to-phoneme model looks at the context, and an
    utterance must not get the pronunciation that an earlier one needed.
    """
    if decoder.lookup_word(word.text) is not None:
        return word.text
    phones = to_arpabet(word.phones)
    name = f"{word.text}#{'_'.join(phones)}"
    if decoder.lookup_word(name) is None:
        decoder.add_word(name, " ".join(phones), True)
    return name


def _aligned(id: str, alignment: Any, words: tuple[Word, ...], duration_us: int) -> Aligned:
    spoken: list[Segment] = []
    phones: list[Segment] = []
    for entry in alignment:
        inside = [Segment(_label(phone.name), *_span(phone, duration_us)) for phone in entry]
        phones.extend(inside)
        if not entry.name.startswith(("<", "[")):  # <s>, <sil>, [NOISE]: the fillers
            spoken.append(Segment(words[len(spoken)].text, inside[0].onset_us, inside[-1].offset_us))
    if len(spoken) != len(words):
        raise AlignmentFailure("no-path", f"pocketsphinx aligned {len(spoken)} of {len(words)} words")
    closed = close_gaps(phones, duration_us)
    return Aligned(id, closed, _within(spoken, closed))


def _within(words: list[Segment], phones: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Words stretched to the audio's edges where their first or last phone was."""
    start, end = phones[0].onset_us, phones[-1].offset_us
    first, last = phones[0].label not in (SILENCE, NOISE), phones[-1].label not in (SILENCE, NOISE)
    return tuple(
        Segment(
            word.label,
            start if first and index == 0 else word.onset_us,
            end if last and index == len(words) - 1 else word.offset_us,
        )
        for index, word in enumerate(words)
    )


def _label(name: str) -> str:
    if name == "SIL":
        return SILENCE
    return NOISE if name.startswith("+") else name


def _span(entry: Any, duration_us: int) -> tuple[int, int]:
    edges = (entry.start, entry.start + entry.duration)
    onset, offset = (min(frame * _FRAME_US + _FRAME_OFFSET_US, duration_us) for frame in edges)
    return onset, offset
