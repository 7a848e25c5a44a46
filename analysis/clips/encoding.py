"""Sound as bytes for a report: Opus in OGG that is the same in every run, and spectrograms as small PNG files."""

from __future__ import annotations

import io
import math
import zlib

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from probes.signal.spectral_distance import mel_filters

WIDTH, HEIGHT = 600, 96
"""Pixels of a spectrogram: columns share the sound's length evenly, rows are mel bands."""
RANGE_DB = 70.0
"""From the darkest to the brightest; the brightest is the loudest point of the recording, in all sounds of a clip."""
_PALETTE = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
"""The 16 steps of matplotlib's `magma`: even in lightness, so readable without colour vision."""
_LEVELS = len(_PALETTE.split())
_WINDOW_S, _HOP_S = 0.025, 0.010
_SERIAL = b"HAC\x00"
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

Floats = NDArray[np.float32]


def clip_rate(sample_rate: int) -> int:
    """The rate at which a recording is kept: 16 kHz, or 24 kHz where the recording has more (Opus knows few rates)."""
    return 16_000 if sample_rate <= 16_000 else 24_000


def can_write() -> bool:
    """Whether this libsndfile writes Opus; those in soundfile's wheels do, a system's older than 1.0.29 does not."""
    return "OPUS" in soundfile.available_subtypes("OGG")


def opus(samples: Floats, sample_rate: int) -> bytes:
    """Mono sound as Opus in OGG, some 28 kbit/s at 16 kHz; the same samples are always the same bytes.

    Args:
        samples: float32 [n], n > 0; values beyond full scale are clipped.
        sample_rate: Hz, one that Opus knows: see `clip_rate`.
    """
    encoded = io.BytesIO()
    soundfile.write(encoded, np.clip(samples, -1, 1), sample_rate, format="OGG", subtype="OPUS")
    return with_fixed_serial(encoded.getvalue())


def with_fixed_serial(ogg: bytes) -> bytes:
    """The stream with a fixed serial number.

    libsndfile draws another one at each call and has no option for it (1.2.2), so that the same sound would be other
    bytes, and another file, in each run.

    A page is `OggS`, 10 bytes, serial [4], sequence [4], checksum [4], number of segments, their lengths, and the
    segments (RFC 3533, section 6).
    """
    pages, at = bytearray(ogg), 0
    while at < len(pages):
        if pages[at : at + 4] != b"OggS":
            raise ValueError(f"no page of an OGG stream begins at byte {at}")
        n_segments = pages[at + 26]
        end = at + 27 + n_segments + sum(pages[at + 27 : at + 27 + n_segments])
        pages[at + 14 : at + 18] = _SERIAL
        pages[at + 22 : at + 26] = bytes(4)
        pages[at + 22 : at + 26] = ogg_checksum(bytes(pages[at:end])).to_bytes(4, "little")
        at = end
    return bytes(pages)


def ogg_checksum(page: bytes) -> int:
    """CRC of a page whose checksum field is zero: polynomial 04c11db7, begun at 0, bits in their own order.

    zlib's is the same polynomial with bits reversed, begun at ffffffff, inverted at the end.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def log_mel(samples: Floats, sample_rate: int) -> Floats:
    """Decibels of mel bands, float32 [WIDTH, HEIGHT], low bands first; each column is the mean power of its share.

    Args:
        samples: float32 [n], n > 0.
        sample_rate: Hz.
    """
    window = round(_WINDOW_S * sample_rate)
    n_fft = 1 << (2 * window - 1).bit_length()  # twice the window, so that low bands have bins of their own
    per_column = max(1, math.ceil(len(samples) / (WIDTH * _HOP_S * sample_rate)))
    n = WIDTH * per_column
    middle = (2 * np.arange(n) + 1) * len(samples) // (2 * n)
    padded = np.pad(samples.astype(np.float32, copy=False), window // 2 + 1)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[middle] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, n_fft, axis=1)) ** 2 @ mel_filters(sample_rate, n_fft, HEIGHT)
    power = power.reshape(WIDTH, per_column, HEIGHT).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)


def spectrogram(decibels: Floats, loudest: float) -> bytes:
    """A PNG of 16 colours without axes; low bands are below.

    Args:
        decibels: from `log_mel`.
        loudest: decibels of the brightest colour; the darkest is `RANGE_DB` below.
    """
    steps = np.clip((decibels - loudest + RANGE_DB) / RANGE_DB * _LEVELS, 0, _LEVELS - 1).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(steps.T[::-1])).convert("L")
    image.putpalette(bytes.fromhex(_PALETTE))
    encoded = io.BytesIO()
    image.save(encoded, "PNG", optimize=True, bits=4)
    return encoded.getvalue()
