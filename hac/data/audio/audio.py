"""Audio files as mono float32, at any rate, whole or in bounded memory.

wav, flac, ogg (Vorbis, Opus) and mp3 are decoded by libsndfile (`soundfile`), rates are changed by soxr at
its `HQ` quality.

Length rule: `n` samples at rate `r` become `floor(n * s / r + 1/2)` samples at rate `s`, whole or streamed. A
part (`start_s`, `stop_s`) is cut on the grid of the *resampled* recording, whose sample `i` is at `i / s`
seconds, so a part equals the same slice of the whole recording, to 1e-6 of full scale (Opus: 2e-3, as its
decoder remembers more than is decoded before a part).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from hac.data.audio.decoding import AudioError as AudioError
from hac.data.audio.decoding import Channels as Channels
from hac.data.audio.decoding import Decoder, opened
from hac.data.timeline import US_PER_S, samples_to_us, to_us
from hac.errors import HacError
from hac.files.atomic import atomic_path

if TYPE_CHECKING:
    from hac.data.manifest.manifest import Manifest, Utterance

QUALITY = "HQ"
"""soxr's quality: 20 bits, passband to 0.91 of the lower Nyquist frequency, linear phase."""

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
"""Formats that `write_audio` writes, by the name's ending."""

_MARGIN = 1024
"""Context beside a part that is resampled, in samples of the lower rate: longer than soxr's HQ filter."""

_DURATION_TOLERANCE_US = 100_000
"""Decoders disagree on the padding of mp3, up to 1,105 + 576 samples at 16 kHz."""

_SILENT = "nothing but digital silence; drop it from the manifest"


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says: samples per channel, and Hz as stored."""

    n_samples: int
    sample_rate: int
    channels: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono audio, float32 [n_samples], full scale 1, at a rate in Hz."""

    samples: NDArray[np.float32]
    sample_rate: int

    @property
    def duration_us(self) -> int:
        """Duration, to the nearest microsecond."""
        return samples_to_us(len(self.samples), self.sample_rate)


def audio_info(path: Path) -> AudioInfo:
    """Length, rate and channels, from the header.

    Raises:
        AudioError: the file is missing, empty, not audio, or visibly shorter than its header promises.
    """
    with opened(Path(path)) as decoder:
        return _info(decoder)


def read_audio(
    path: Path,
    sample_rate: int | None = None,
    channels: Channels = "mix",
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> Audio:
    """Read a file, or the part from `start_s` to `stop_s`, as mono at `sample_rate` Hz (its own where None).

    Only the part is decoded, and where it is resampled some context. A `stop_s` beyond the end means
    the end.

    Raises:
        AudioError: the file cannot be used (see `AudioError.reason`), or the part is empty.
    """
    with opened(Path(path)) as decoder:
        return _read(decoder, sample_rate, channels, start_s, stop_s)


def read_utterance(
    manifest: Manifest, utterance: Utterance, sample_rate: int | None = None, channels: Channels = "mix"
) -> Audio:
    """Read an utterance's audio whole, checked to last as long as the manifest says and not to be silent.

    Raises:
        AudioError: as `read_audio`, or `audio-duration` (a header's wrong rate shows here) or `audio-silent`.
    """
    path = manifest.audio_path(utterance)
    with opened(path) as decoder:
        _check_duration(decoder, utterance)
        audio = _read(decoder, sample_rate, channels, 0.0, None)
    if is_silent(audio.samples):
        raise AudioError(path, "audio-silent", _SILENT)
    return audio


def iter_utterance(manifest: Manifest, utterance: Utterance, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """As `read_utterance`, in blocks as `iter_audio` gives them; truncation and silence show only at the end."""
    path, silent = manifest.audio_path(utterance), True
    with opened(path) as decoder:
        _check_duration(decoder, utterance)
    for block in iter_audio(path, sample_rate):
        silent = silent and is_silent(block)
        yield block
    if silent:
        raise AudioError(path, "audio-silent", _SILENT)


def _check_duration(decoder: Decoder, utterance: Utterance) -> None:
    found_us = _info(decoder).duration_us
    if abs(found_us - to_us(utterance.duration)) > _DURATION_TOLERANCE_US:
        detail = f"lasts {found_us / US_PER_S:.3f} s where the manifest says {utterance.duration:.3f} s"
        raise AudioError(decoder.path, "audio-duration", f"{detail}; its sample rate or the manifest is wrong")


def iter_audio(
    path: Path,
    sample_rate: int | None = None,
    block_s: float = 30.0,
    channels: Channels = "mix",
) -> Iterator[NDArray[np.float32]]:
    """Yield a whole file as consecutive mono blocks, float32 [n], in memory bounded by the block.

    Every block but the last has exactly `block_s` seconds, to the nearest sample; together they equal
    `read_audio(path, sample_rate, channels).samples`.

    Raises:
        AudioError: as `read_audio`; damage is noticed where it lies, truncation at the end.
    """
    with opened(Path(path)) as decoder:
        source, n_samples = decoder.sample_rate, decoder.n_samples
        rate = _checked_rate(sample_rate, source)
        size = _sample_at(block_s, rate)
        if size < 1:
            raise HacError(f"a block of {block_s} s is less than one sample at {rate} Hz; expected seconds")
        blocks = decoder.blocks(channels, 0, n_samples)
        if source != rate:
            blocks = _resampled(blocks, source, rate, resampled_length(n_samples, source, rate))
        yield from _cut(blocks, size)


def write_audio(path: Path, samples: NDArray[Any], sample_rate: int, subtype: str | None = None) -> None:
    """Write float samples, [n] or [n, c], to wav, flac, ogg or mp3 by the name's ending; never half a file.

    Args:
        path: where to; values beyond full scale are clipped in integer formats.
        samples: floats, full scale is 1.
        sample_rate: Hz.
        subtype: a libsndfile subtype such as `PCM_24`; None is the format's default (16 bits for wav, flac).

    Raises:
        HacError: the ending is not known, the samples are not finite, or the folder cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise HacError(f"{path}: audio can be written as {', '.join(FORMATS)}; change the name's ending")
    if not np.isfinite(samples).all():
        raise HacError(f"{path}: the samples to write hold NaN or infinity; expected finite values")
    # through memory: libsndfile reports a full disk without the errno that `atomic_path` explains
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, sample_rate, format=FORMATS[path.suffix.lower()], subtype=subtype)
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def resampled_length(n_samples: int, source_rate: int, sample_rate: int) -> int:
    """Samples after resampling: `floor(n_samples * sample_rate / source_rate + 1/2)`."""
    return (2 * n_samples * sample_rate + source_rate) // (2 * source_rate)


def is_silent(samples: NDArray[np.float32], floor: float = 2.0**-15) -> bool:
    """Whether no sample exceeds one step of 16-bit audio: digital silence; then what is up to the caller."""
    return not bool((np.abs(samples) > floor).any())


def _info(decoder: Decoder) -> AudioInfo:
    n_samples, rate = decoder.n_samples, decoder.sample_rate
    return AudioInfo(n_samples, rate, int(decoder.sound.channels), samples_to_us(n_samples, rate))


def _read(decoder: Decoder, sample_rate: int | None, channels: Channels, start_s: float, stop_s: float | None) -> Audio:
    """The part from `start_s` to `stop_s` of an open file."""
    rate = _checked_rate(sample_rate, decoder.sample_rate)
    total = resampled_length(decoder.n_samples, decoder.sample_rate, rate)
    first = _sample_at(start_s, rate)
    last = total if stop_s is None else min(_sample_at(stop_s, rate), total)
    if not 0 <= first < last:
        stop = "its end" if stop_s is None else f"{stop_s:g} s"
        detail = f"the part from {start_s:g} s to {stop} is empty; the file has {total} samples at {rate} Hz"
        raise AudioError(decoder.path, "audio-range", detail)
    if rate == decoder.sample_rate:
        return Audio(np.concatenate(list(decoder.blocks(channels, first, last))), rate)
    return Audio(_read_resampled(decoder, channels, rate, first, last), rate)


def _read_resampled(decoder: Decoder, channels: Channels, rate: int, first: int, last: int) -> NDArray[np.float32]:
    """Samples `first` to `last` of the recording as it would be at `rate`."""
    source = decoder.sample_rate
    # the window starts where both grids have a sample, and has context on both sides for the filter
    common = math.gcd(source, rate)
    step, margin = source // common, _MARGIN * max(1, math.ceil(source / rate))
    begin = max(0, (first * source // rate - margin) // step * step)
    end = min(decoder.n_samples, last * source // rate + 1 + margin)
    window = np.concatenate(list(decoder.blocks(channels, begin, end)))
    offset = first - begin // step * (rate // common)
    resampled = soxr.resample(window, source, rate, quality=QUALITY)
    return _to_length(resampled, resampled_length(len(window), source, rate))[offset : offset + last - first]


def _resampled(
    blocks: Iterator[NDArray[np.float32]], source: int, rate: int, length: int
) -> Iterator[NDArray[np.float32]]:
    """Resample a stream of blocks to exactly `length` samples."""
    stream = soxr.ResampleStream(source, rate, 1, dtype="float32", quality=QUALITY)
    done = 0
    for block in blocks:
        out = stream.resample_chunk(block)[: length - done]
        done += len(out)
        yield out
    yield _to_length(stream.resample_chunk(np.zeros(0, np.float32), last=True), length - done)


def _to_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut, or fill with zeros, the sample by which soxr's own rounding may differ from the length rule."""
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))


def _cut(blocks: Iterator[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """Regroup blocks into blocks of exactly `size` samples, and a last shorter one."""
    held: list[NDArray[np.float32]] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block)
        if n_held >= size:
            joined = np.concatenate(held)
            whole = n_held // size * size
            yield from (joined[i : i + size] for i in range(0, whole, size))
            held, n_held = [joined[whole:]], n_held - whole
    if n_held:
        yield np.concatenate(held)


def _sample_at(seconds: float, rate: int) -> int:
    """Index of the sample nearest to a time given to the microsecond."""
    return (2 * to_us(seconds) * rate + US_PER_S) // (2 * US_PER_S)


def _checked_rate(sample_rate: int | None, source_rate: int) -> int:
    rate = source_rate if sample_rate is None else int(sample_rate)
    if rate < 1:
        raise HacError(f"a sample rate of {rate} Hz was asked for; expected a positive one such as 16000")
    return rate
