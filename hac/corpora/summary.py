"""What a finished corpus holds, for the line that a command ends with."""

from __future__ import annotations

from collections import defaultdict

from hac.data.manifest.manifest import Manifest


def minutes_by_language(manifest: Manifest) -> dict[str, float]:
    """Minutes of audio per language, sorted by language; `?` where it is unknown."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for utterance in manifest.utterances:
        seconds[utterance.language or "?"] += utterance.duration
    return {language: seconds[language] / 60 for language in sorted(seconds)}


def summary_line(manifest: Manifest) -> str:
    """Utterances, minutes in all and per language, voices: one line for a person."""
    minutes = minutes_by_language(manifest)
    shares = ", ".join(f"{language} {length:.1f}" for language, length in minutes.items())
    speakers = {utterance.speaker for utterance in manifest.utterances}
    unknown = sum(utterance.speaker is None for utterance in manifest.utterances)
    voices = f"{len(speakers - {None}):,} voices"
    if unknown:
        voices += f" ({unknown:,} utterances of unknown speakers)"
    total = f"{sum(minutes.values()):.1f} minutes ({shares})"
    return f"{len(manifest.utterances):,} utterances, {total}, {voices}"
