"""What is heard in one condition: every utterance against its own recording, its partner's, and others' for the null.

Each measure is a ratio of sums over utterances (`analysis.results.ratios`), so that a corpus value is divided once. Its
null is the same measure of the same audio against utterances that it has nothing to do with
(`probes.nulls.derangement.derangement`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.results.ratios import Ratios, means, ratios
from hac.data.timeline import US_PER_S
from hac.judges.judge_files import Verdict
from probes.signal.pitch_errors import pitch_errors
from probes.signal.prosody import Prosody
from probes.transcripts import word_edits

PROSODY_US = US_PER_S // 100
"""Step of the grid that F0 lies on."""

NOT_HEARD = "not-decoded"
NO_TEXT = "no-transcript"
NO_WORDS = "no-words"
NO_PITCH = "no-prosody"
NOT_JUDGED = "not-judged"

Part = tuple[float, float, str]
"""Numerator, denominator, and the reason where they are NaN."""


@dataclass(frozen=True)
class Measure:
    """One measure of every utterance.

    Attributes:
        value: against what is asked about.
        nulls: against strangers, one for each null draw; none where there is nothing to compare with.
    """

    value: Ratios
    nulls: tuple[Ratios, ...] = ()


@dataclass(frozen=True)
class ReferenceTracks:
    """What the measures of all conditions have in common.

    Attributes:
        ids: the utterances.
        texts: normalized transcript of each; None where there is none.
        voices: of the recordings, by id.
        pitch: of the recordings, by id.
        periods_us: of each utterance, how long its tokens last: after so long, what is swapped in begins anew.
        partners: int64 [n], whom each is swapped with; None where nothing is swapped.
        strangers: int64 [n] for each null draw.
    """

    ids: tuple[str, ...]
    texts: tuple[str | None, ...]
    voices: Mapping[str, Verdict[NDArray[np.float32]]]
    pitch: Mapping[str, Prosody]
    periods_us: NDArray[np.int64]
    partners: NDArray[np.int64] | None
    strangers: tuple[NDArray[np.int64], ...]

    @property
    def themselves(self) -> NDArray[np.int64]:
        """Each utterance's own place."""
        return np.arange(len(self.ids))


@dataclass(frozen=True)
class JudgedAudio:
    """What judges and instruments say of the audio of one condition, by id; empty where nobody was asked.

    Attributes:
        texts: what a recognizer heard, normalized.
        voices: vectors of the voice.
        opinions: predicted opinion scores.
        pitch: F0.
    """

    texts: Mapping[str, Verdict[str]]
    voices: Mapping[str, Verdict[NDArray[np.float32]]]
    opinions: Mapping[str, Verdict[float]]
    pitch: Mapping[str, Prosody]


def measures(facts: ReferenceTracks, heard: JudgedAudio, with_partner: bool) -> dict[str, Measure]:
    """Every measure that there is evidence for, by name.

    Args:
        facts: of all conditions.
        heard: of this one.
        with_partner: whether likeness to the partner is measured too.
    """
    made: dict[str, Measure] = {}
    targets = [("own", "source", facts.themselves)]
    if with_partner and facts.partners is not None:
        targets.append(("partner", "partner", facts.partners))
    for owner, side, of in targets:
        if heard.texts:
            made[f"{owner}_wer"] = _compared(facts, of, lambda u, v: _edits(facts, heard, u, v))
        if heard.voices:
            made[f"{side}_similarity"] = _compared(facts, of, lambda u, v: _similarity(facts, heard, u, v))
        if heard.pitch:
            made[f"{side}_f0"] = _compared(facts, of, lambda u, v: _f0(facts, heard, u, v))
    if heard.pitch:
        made["source_voicing"] = _compared(facts, facts.themselves, lambda u, v: _voicing(facts, heard, u, v))
    if heard.opinions:
        missing: Verdict[float] = Verdict(None, NOT_HEARD)
        verdicts = [heard.opinions.get(id, missing) for id in facts.ids]
        values = [math.nan if v.value is None else v.value for v in verdicts]
        made["opinion"] = Measure(means(values, [v.reason or "" for v in verdicts]))
    return made


def looped_track(values: NDArray[np.floating], n: int, period_us: int) -> NDArray[np.float64]:
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


def _compared(facts: ReferenceTracks, of: NDArray[np.int64], call: Callable[[int, int], Part]) -> Measure:
    """`call(u, v)` for each utterance u and what it is asked about, then for strangers."""
    return Measure(_gathered(of, call), tuple(_gathered(others, call) for others in facts.strangers))


def _gathered(of: NDArray[np.int64], call: Callable[[int, int], Part]) -> Ratios:
    parts = [call(u, v) for u, v in enumerate(of.tolist())]
    return ratios([p[0] for p in parts], [p[1] for p in parts], [p[2] for p in parts])


def _missing(reason: str) -> Part:
    return math.nan, math.nan, reason


def _edits(facts: ReferenceTracks, heard: JudgedAudio, u: int, v: int) -> Part:
    """Edits between what is heard of u and the text of v, over its words."""
    reference = facts.texts[v]
    verdict = heard.texts.get(facts.ids[u])
    if verdict is None or verdict.value is None:
        return _missing(NOT_HEARD if verdict is None else verdict.reason or NOT_JUDGED)
    if reference is None:
        return _missing(NO_TEXT)
    if not reference:
        return _missing(NO_WORDS)
    edits = word_edits(reference, verdict.value)
    return float(edits.errors), float(edits.reference_length), ""


def _similarity(facts: ReferenceTracks, heard: JudgedAudio, u: int, v: int) -> Part:
    """Cosine of the voice of u as heard and that of the recording of v."""
    for verdict in (heard.voices.get(facts.ids[u]), facts.voices.get(facts.ids[v])):
        if verdict is None or verdict.value is None:
            return _missing(NOT_HEARD if verdict is None else verdict.reason or NOT_JUDGED)
    one, other = heard.voices[facts.ids[u]].value, facts.voices[facts.ids[v]].value
    assert one is not None and other is not None
    return math.fsum((one.astype(np.float64) * other.astype(np.float64)).tolist()), 1.0, ""


def _tracks(
    facts: ReferenceTracks, heard: JudgedAudio, u: int, v: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """F0 of the recording of v, as long as u, and of u as heard."""
    mine, theirs = heard.pitch.get(facts.ids[u]), facts.pitch.get(facts.ids[v])
    if mine is None or theirs is None:
        return None
    n = len(mine.f0_hz)
    reference = theirs.f0_hz if u == v else looped_track(theirs.f0_hz, n, int(facts.periods_us[v]))
    return np.asarray(reference, np.float64), np.asarray(mine.f0_hz, np.float64)


def _f0(facts: ReferenceTracks, heard: JudgedAudio, u: int, v: int) -> Part:
    """Correlation of log F0 on frames voiced in both."""
    tracks = _tracks(facts, heard, u, v)
    if tracks is None:
        return _missing(NO_PITCH)
    score = pitch_errors(*tracks).correlation
    return score.value, 1.0 if math.isfinite(score.value) else math.nan, score.reason


def _voicing(facts: ReferenceTracks, heard: JudgedAudio, u: int, v: int) -> Part:
    """Frames voiced in one and not in the other, over all."""
    tracks = _tracks(facts, heard, u, v)
    if tracks is None:
        return _missing(NO_PITCH)
    errors = pitch_errors(*tracks)
    return (float(errors.voicing), float(errors.frames), "") if errors.frames else _missing(NO_PITCH)
