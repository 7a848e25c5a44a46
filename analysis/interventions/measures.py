"""What is measured of one condition: every utterance against its own recording, its partner's, and others' (null).

Each measure is a ratio of sums over utterances (`analysis.results.ratios`), so that a corpus value is divided once. Its
null is the same measure of the same audio against utterances that it has nothing to do with
(`probes.nulls.derangement.derangement`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.audio_quality.judged import Opinions, Vector, opinions_by_scale, scales_of, text_errors, voice_similarity
from analysis.audio_quality.pairs import Comparison, Measure, Pairing, Part, compared, undefined
from analysis.audio_quality.signal import pitch_part
from hac.data.timeline import US_PER_S
from hac.judges.judge_files import Verdict
from probes.signal.pitch_errors import pitch_errors
from probes.transcripts import word_edits

PROSODY_US = US_PER_S // 100
"""Step of the grid that F0 lies on."""

NO_TEXT = "no-transcript"
NO_WORDS = "no-words"
NO_PITCH = "no-prosody"

Tracks = Sequence[NDArray[np.float32] | None]
"""F0 of each utterance, [n_frames], NaN where unvoiced; None where there is none."""


@dataclass(frozen=True)
class JudgedAudio:
    """What judges and instruments say of the audio of one condition, by utterance; empty where nobody was asked.

    Attributes:
        texts: what a recognizer heard, normalized.
        voices: vectors of the voice.
        opinions: predicted opinion scores by scale.
        f0: F0.
    """

    texts: Sequence[Verdict[str]]
    voices: Sequence[Verdict[Vector]]
    opinions: Sequence[Verdict[Opinions]]
    f0: Tracks


@dataclass(frozen=True)
class References:
    """What all conditions are measured against.

    Attributes:
        texts: normalized transcript of each utterance.
        voices: of the recordings.
        f0: of the recordings.
        periods_us: of each utterance, how long its tokens last: after so long, what is swapped in begins anew.
        partners: whom each is swapped with; None where nothing is swapped.
        nulls: other utterances, for each null draw.
    """

    texts: Sequence[Verdict[str]]
    voices: Sequence[Verdict[Vector]]
    f0: Tracks
    periods_us: NDArray[np.int64]
    partners: Pairing | None
    nulls: tuple[Pairing, ...]


def measures(references: References, audio: JudgedAudio, with_partner: bool) -> dict[str, Measure]:
    """Every measure that judges said something for, by name.

    Args:
        references: of all conditions.
        audio: of this one.
        with_partner: whether likeness to the partner is measured too.
    """
    made: dict[str, Measure] = {}
    own, nulls = np.arange(len(references.texts)), references.nulls
    has_pitch = any(track is not None for track in audio.f0)
    targets = [("own", "source", own)]
    if with_partner and references.partners is not None:
        targets.append(("partner", "partner", references.partners))
    for owner, side, of in targets:
        if audio.texts:
            made[f"{owner}_wer"] = compared(text_errors(word_edits, audio.texts, references.texts), of, nulls)
        if audio.voices:
            similarity = voice_similarity(audio.voices, references.voices, _cosine)
            made[f"{side}_similarity"] = compared(similarity, of, nulls)
        if has_pitch:
            made[f"{side}_f0"] = compared(_pitch("f0_corr", references, audio.f0), of, nulls)
    if has_pitch:
        made["source_voicing"] = compared(_pitch("voicing_error", references, audio.f0), own, nulls)
    if audio.opinions:
        scale = next(iter(scales_of(audio.opinions)), "")
        made["opinion"] = Measure(opinions_by_scale(audio.opinions, [scale])[scale])
    return made


def tiled_track(values: NDArray[np.floating], n: int, period_us: int) -> NDArray[np.float64]:
    """What a track on the grid of 10 ms becomes where tokens of `period_us` are cut to a length or begun anew.

    Args:
        values: [m], of the utterance that the tokens are of; NaN is what lies beyond its end.
        n: length of the result.
        period_us: how long the tokens last.
    """
    centre = (np.arange(n) * PROSODY_US + PROSODY_US // 2) % max(period_us, PROSODY_US)
    place = centre // PROSODY_US
    padded = np.append(np.asarray(values, np.float64), np.nan)
    return np.asarray(padded[np.minimum(place, len(values))])


def _cosine(one: Vector, other: Vector) -> float:
    return math.fsum((one.astype(np.float64) * other.astype(np.float64)).tolist())


def _pitch(metric: str, references: References, f0: Tracks) -> Comparison:
    """A metric of F0; the recording of another utterance is tiled or cut as its codes would be."""

    def part(u: int, v: int) -> Part:
        track, reference = f0[u], references.f0[v]
        if track is None or reference is None:
            return undefined(NO_PITCH)
        period_us = int(references.periods_us[v])
        expected: NDArray[np.floating] = reference if u == v else tiled_track(reference, len(track), period_us)
        return pitch_part(metric, pitch_errors(expected, track))

    return part
