"""Changes to a recording that leave its words: shifts, noise, gain, speed, a pass through a codec of files.

All work on float32 samples [n] and clip nothing: a gain of +6 dB or a noise may go beyond full scale, as tokenizers
take floats. What is random is drawn from the samples and a seed, so a recording gets the same noise alone, in
any batch and in any process.

- `shift-1/4`: the first quarter of a hop is cut off, so no silence is made up; also 1/2, 3/4 and 1 (a whole hop).
- `noise-white-20dB`, `noise-speech-20dB`: Gaussian noise with a flat spectrum, or with the recording's own long-term
  spectrum (Welch, 32 ms windows), at this ratio of the mean powers over the whole recording.
- `gain+6dB`: every sample times 10 ** (6 / 20).
- `speed-1.05`: resampled to 1 / 1.05 of its length, so the pitch rises with it.
- `codec-vorbis`, `codec-opus`, `codec-mp3`: written and read by libsndfile at its default quality; Opus at 48 kHz. None
  of these moves the sound in time (libsndfile takes the codec's delay back).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal

from hac.data.audio.audio import AudioError, is_silent
from hac.errors import HacError

Samples = NDArray[np.float32]

WINDOW_S = 0.032
OPUS_HZ = 48_000
FILES = {"vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}
SHIFTS = ("1/4", "1/2", "3/4")
SNRS_DB = (30, 20, 10)
GAINS_DB = (-12, -6, 6)
SPEEDS = ("0.95", "1.05")
KINDS = ("shift", "noise", "gain", "speed", "codec")


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One change.

    Attributes:
        name: as in the module's list.
        kind: one of `KINDS`.
        value: what it does, by kind: part of a hop, dB, factor of speed, name of a file codec.
        colour: of noise: `white` or `speech`.
    """

    name: str
    kind: str
    value: str
    colour: str = ""

    def apply(self, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
        """The changed recording.

        Args:
            samples: float32 [n].
            sample_rate: Hz.
            hop: samples of a token of the tokenizer's fastest stream.
            seed: of what is random.

        Raises:
            AudioError: the recording is too short to be shifted, or silent, so that no noise has a ratio to it.
        """
        return _APPLY[self.kind](self, samples, sample_rate, hop, seed)

    def lag(self, hop: Fraction) -> int:
        """Samples that a shift cuts off; 0 for all else."""
        return round(Fraction(self.value) * hop) if self.kind == "shift" else 0

    @property
    def keeps_time(self) -> bool:
        """Whether a frame is about the same speech as before (but for `lag`), so that frames can be compared."""
        return self.kind != "speed"


def known() -> dict[str, Perturbation]:
    """Every perturbation by name, in the order of tables; `shift-1` last, since only some tokenizers must keep it."""
    made = [Perturbation(f"shift-{part}", "shift", part) for part in SHIFTS]
    made += [Perturbation(f"noise-{c}-{db}dB", "noise", str(db), c) for c in ("white", "speech") for db in SNRS_DB]
    made += [Perturbation(f"gain{db:+d}dB", "gain", str(db)) for db in GAINS_DB]
    made += [Perturbation(f"speed-{factor}", "speed", factor) for factor in SPEEDS]
    made += [Perturbation(f"codec-{name}", "codec", name) for name in FILES]
    made.append(Perturbation("shift-1", "shift", "1"))
    return {each.name: each for each in made}


def coloured_like(samples: Samples, sample_rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise with the long-term spectrum of a recording: float64 [n]."""
    window = min(len(samples), max(2, round(WINDOW_S * sample_rate)))
    frequency, power = signal.welch(samples.astype(np.float64), sample_rate, nperseg=window)
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    bins = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    return np.asarray(np.fft.irfft(spectrum * np.sqrt(np.interp(bins, frequency, power)), len(samples)))


def _shift(it: Perturbation, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
    if it.lag(hop) >= len(samples):
        raise AudioError("", "perturbation-too-short", f"{len(samples)} samples are too few to cut off {it.lag(hop)}")
    return samples[it.lag(hop) :]


def _noise(it: Perturbation, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
    if is_silent(samples):
        raise AudioError("", "perturbation-silent", "digital silence has no ratio to a noise")
    digest = hashlib.blake2b(np.ascontiguousarray(samples).tobytes(), digest_size=8).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest, "little")])
    white = it.colour == "white"
    noise = rng.standard_normal(len(samples)) if white else coloured_like(samples, sample_rate, rng)
    power = np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(noise))
    return np.asarray(samples + noise * np.sqrt(power * 10.0 ** (-int(it.value) / 10)), dtype=np.float32)


def _gain(it: Perturbation, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
    return np.asarray(samples * 10.0 ** (int(it.value) / 20), dtype=np.float32)


def _speed(it: Perturbation, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
    factor = Fraction(it.value)
    return np.asarray(soxr.resample(samples, factor.numerator, factor.denominator, quality="HQ"), dtype=np.float32)


def _codec(it: Perturbation, samples: Samples, sample_rate: int, hop: Fraction, seed: int) -> Samples:
    kind, subtype = FILES[it.value]
    rate = OPUS_HZ if it.value == "opus" else sample_rate
    file = io.BytesIO()
    try:
        soundfile.write(file, resampled(samples, sample_rate, rate), rate, format=kind, subtype=subtype)
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
    except (soundfile.LibsndfileError, ValueError) as error:
        raise HacError(f"{it.name}: libsndfile cannot write {subtype} at {rate} Hz ({error}); leave it out") from error
    return to_length(resampled(decoded, rate, sample_rate), len(samples))


def resampled(samples: Samples, source_rate: int, sample_rate: int) -> Samples:
    """The samples at another rate, float32 [m]."""
    if source_rate == sample_rate:
        return samples
    return np.asarray(soxr.resample(samples, source_rate, sample_rate, quality="HQ"), dtype=np.float32)


def to_length(samples: Samples, n: int) -> Samples:
    """The first n samples, filled up with zeros."""
    return np.pad(samples[:n], (0, max(0, n - len(samples))))


_APPLY: Mapping[str, Callable[[Perturbation, Samples, int, Fraction, int], Samples]] = {
    "shift": _shift,
    "noise": _noise,
    "gain": _gain,
    "speed": _speed,
    "codec": _codec,
}
