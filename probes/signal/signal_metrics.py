"""How near a reconstruction is to its reference: the signal metrics of one pair of recordings at one rate.

Nothing is aligned in time but by PESQ, which does it itself: a codec that delays its audio loses everywhere else, and
should. Lengths are made equal by a named policy (`equal_lengths`). A metric that does not exist for a pair is NaN with
a reason; a library's error never becomes a number.

- PESQ: ITU-T P.862 (`nb`, at 8 kHz, mapped by P.862.1) and P.862.2 (`wb`, at 16 kHz), by the package `pesq`; MOS-LQO,
  highest 4.55 (nb) and 4.64 (wb). Other rates are resampled by soxr.
- STOI, ESTOI: `hac.judges.stoi`.
- SI-SDR: Le Roux et al. 2019 (arXiv 1811.02508), equation 3, means not removed.
- mel and STFT distance: `probes.signal.spectral_distance`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, get_args

import numpy as np
import soxr
from numpy.typing import NDArray

from hac.data.audio.audio import QUALITY, is_silent
from hac.errors import HacError
from hac.judges.stoi import Score, stoi, undefined
from probes.signal import spectral_distance

Samples = NDArray[np.float32]
LengthPolicy = Literal["cut-to-shorter", "pad", "refuse"]

TOLERANCE_S = 0.1
"""`refuse` allows this much: a codec's frames and a decoder's padding."""
LONGEST_PESQ_S = 40
"""P.862's code has room for 50 stretches of speech and does not check: longer audio could write beyond it."""
EXACT = 1e-14
"""Energy of the residual over that of the target below which there is none but rounding to single precision."""


class LengthsDiffer(Exception):
    """Two recordings whose lengths differ by more than `refuse` allows."""


def check_policy(name: str) -> LengthPolicy:
    """A length policy by its name.

    Raises:
        HacError: there is none of that name.
    """
    for policy in get_args(LengthPolicy):
        if policy == name:
            return policy  # type: ignore[no-any-return]
    raise HacError(f"length policy {name!r} was asked for; expected {', '.join(get_args(LengthPolicy))}")


def equal_lengths(
    reference: Samples, estimate: Samples, policy: LengthPolicy, sample_rate: int
) -> tuple[Samples, Samples]:
    """The pair with one length.

    Args:
        reference: [n].
        estimate: [n'].
        policy: `cut-to-shorter` drops the end of the longer; `pad` puts zeros at the end of the shorter; `refuse` is
            `cut-to-shorter` where they differ by at most `TOLERANCE_S`, and an error otherwise.
        sample_rate: Hz.

    Raises:
        LengthsDiffer: under `refuse`.
    """
    n, m = len(reference), len(estimate)
    if policy == "pad":
        longest = max(n, m)
        return np.pad(reference, (0, longest - n)), np.pad(estimate, (0, longest - m))
    if policy == "refuse" and abs(n - m) > TOLERANCE_S * sample_rate:
        raise LengthsDiffer(f"{m / sample_rate:.3f} s of reconstruction for {n / sample_rate:.3f} s of reference")
    shorter = min(n, m)
    return reference[:shorter], estimate[:shorter]


def pesq(reference: Samples, estimate: Samples, sample_rate: int, mode: Literal["wb", "nb"]) -> Score:
    """PESQ as MOS-LQO, 1.0 to 4.64 (wb) or 4.55 (nb); higher is better.

    Undefined: `reference-silent`, `estimate-silent`, `pesq-too-short` (less than a quarter of a second),
    `pesq-too-long` (`LONGEST_PESQ_S`), `pesq-no-utterances` (it finds no speech), `pesq-failed`.
    """
    from pesq import BufferTooShortError, NoUtterancesError, PesqError
    from pesq import pesq as measure

    rate = 16_000 if mode == "wb" else 8_000
    for name, samples in (("reference", reference), ("estimate", estimate)):
        if is_silent(samples):
            return undefined(f"{name}-silent")
    if len(reference) > LONGEST_PESQ_S * sample_rate:
        return undefined("pesq-too-long")
    try:
        value = float(measure(rate, _at(reference, sample_rate, rate), _at(estimate, sample_rate, rate), mode))
    except BufferTooShortError:
        return undefined("pesq-too-short")
    except NoUtterancesError:
        return undefined("pesq-no-utterances")
    except (PesqError, ValueError):
        return undefined("pesq-failed")
    return Score(value) if math.isfinite(value) else undefined("pesq-failed")


def si_sdr(reference: Samples, estimate: Samples) -> Score:
    """Scale-invariant signal-to-distortion ratio in dB; higher is better, not bounded.

    10 log10(|a s|^2 / |a s - e|^2) with reference s, estimate e and a = <e, s> / |s|^2. Undefined: `reference-silent`,
    `estimate-silent` (nothing of the reference is in the estimate: minus infinity), `exact` (no residual beyond
    rounding: infinity).
    """
    s, e = reference.astype(np.float64), estimate.astype(np.float64)
    energy = float(s @ s)
    if energy == 0:
        return undefined("reference-silent")
    target = (float(e @ s) / energy) * s
    kept, residual = float(target @ target), float(((target - e) ** 2).sum())
    if kept == 0:
        return undefined("estimate-silent")
    return Score(10 * math.log10(kept / residual)) if residual > EXACT * kept else undefined("exact")


def _mel(reference: Samples, estimate: Samples, sample_rate: int) -> Score:
    if len(reference) < spectral_distance.MIN_SAMPLES:
        return undefined("spectrum-too-short")
    return Score(spectral_distance.mel_distance(reference, estimate, sample_rate))


def _stft(reference: Samples, estimate: Samples, sample_rate: int) -> Score:
    if len(reference) < spectral_distance.MIN_SAMPLES:
        return undefined("spectrum-too-short")
    return Score(spectral_distance.stft_distance(reference, estimate))


_METRICS: Mapping[str, Callable[[Samples, Samples, int], Score]] = {
    "pesq_wb": lambda reference, estimate, rate: pesq(reference, estimate, rate, "wb"),
    "pesq_nb": lambda reference, estimate, rate: pesq(reference, estimate, rate, "nb"),
    "stoi": stoi,
    "estoi": lambda reference, estimate, rate: stoi(reference, estimate, rate, extended=True),
    "si_sdr": lambda reference, estimate, rate: si_sdr(reference, estimate),
    "mel_distance": _mel,
    "stft_distance": _stft,
}

SIGNAL_METRICS = tuple(_METRICS)
"""Names of the metrics of a pair, in order."""


def signal_scores(
    reference: Samples, estimate: Samples, sample_rate: int, metrics: Collection[str] = SIGNAL_METRICS
) -> dict[str, Score]:
    """The chosen metrics of one pair, by name.

    Args:
        reference: float32 [n], full scale 1.
        estimate: float32 [n].
        sample_rate: Hz of both.
        metrics: names from `SIGNAL_METRICS`.

    Raises:
        ValueError: the lengths differ.
    """
    if len(reference) != len(estimate):
        raise ValueError(f"{len(reference)} samples of reference and {len(estimate)} of estimate: see equal_lengths")
    return {name: call(reference, estimate, sample_rate) for name, call in _METRICS.items() if name in metrics}


def _at(samples: Samples, sample_rate: int, wanted: int) -> NDArray[Any]:
    return samples if sample_rate == wanted else np.asarray(soxr.resample(samples, sample_rate, wanted, QUALITY))
