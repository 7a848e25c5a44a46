"""What can be heard: chosen utterances with their tiers, and detections of words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reports.view.clips import ClipEntry, DetectionEntry, Media, TierEntry, read_clips
from reports.view.parts import Clip, Detection, Hit, Section, Sound, Tier
from reports.view.runs import ReportRun, Runs

TITLE = "Listen"
TOKENS = "tokens"
LEAST_S = 0.001
"""A clip is at least so long, so that places along it can be told."""


def listen_section(runs: Runs, media: Media) -> tuple[Section, dict[tuple[str, str, int, str], str], list[Detection]]:
    """The section, the ids of what words open, and the detections behind them.

    Args:
        runs: of the report.
        media: takes up the sounds.
    """
    clips: list[Clip] = []
    opens: dict[tuple[str, str, int, str], str] = {}
    detections: list[Detection] = []
    kept = [(run, found) for run in runs.all if (found := read_clips(run.folder)) is not None]
    silent = 0
    for run, found in kept:  # single words first: they are small, and a table offers them
        for heard in found.detections:
            one = _detection(run, heard, media, f"heard-{len(detections)}")
            if one.hits:
                key = (run.system, heard.stream, heard.code, heard.word)
                if key not in opens:
                    opens[key] = one.id
                    detections.append(one)
    entries: dict[tuple[str, str], list[tuple[ReportRun, ClipEntry]]] = {}
    for run, found in kept:
        for entry in found.clips:
            entries.setdefault((run.system, entry.utterance), []).append((run, entry))
    for same in entries.values():
        clip = _clip(same, media, f"clip-{len(clips)}")
        if clip.sounds:
            clips.append(clip)
        else:
            silent += 1
    missing = _missing(kept, media, silent)
    notes = (f"The page holds {_megabytes(media)} of sound.",) if clips else ()
    lead = "Chosen utterances: the original, its reconstruction, and what is left when a level is dropped or swapped."
    hint = (
        "The line in the picture moves with the sound; click into the picture to jump there. "
        "Codes that are too narrow for their number are named below the tiers as the line passes them."
    )
    return Section("listen", TITLE, lead, tuple(clips), missing, notes, hint), opens, detections


def _missing(kept: Sequence[object], media: Media, silent: int) -> tuple[str, ...]:
    if not kept:
        return ("No run kept sounds (listen/clips.json), so there is nothing to hear.",)
    if media.left_out:
        lost = f", {silent} utterances with them" if silent else ""
        return (f"{media.left_out} sounds were left out{lost}, beyond the budget; --audio-mb allows more.",)
    return ()


def _megabytes(media: Media) -> str:
    return f"{media.used / 1e6:.2f} of at most {media.budget / 1e6:.1f} MB"


def _clip(same: Sequence[tuple[ReportRun, ClipEntry]], media: Media, id: str) -> Clip:
    """An utterance of a system as all of its runs kept it: each sound and each tier once."""
    sounds: dict[str, Sound] = {}
    tiers: dict[str, Tier] = {}
    for run, entry in same:
        for sound in entry.sounds:
            name = media.sound(run.folder, sound.file)
            if name and name not in sounds:
                picture = media.picture(run.folder, sound.spectrogram)
                sounds[name] = Sound(sound.name, sound.kind, name, sound.duration_s, picture)
        for tier in entry.tiers:
            tiers.setdefault(tier.name, _tier(tier))
    run, first = same[0]
    about = ", ".join(part for part in (first.speaker, first.language, f"{first.duration_s:.2f} s") if part)
    seconds = max(first.duration_s, LEAST_S)
    text = first.text or ""
    return Clip(id, run.system, first.utterance, about, text, seconds, tuple(sounds.values()), tuple(tiers.values()))


def _tier(tier: TierEntry) -> Tier:
    """A tier; tokens that repeat are taken as one run."""
    rows = [(a, b, str(label)) for a, b, label in tier.intervals if b > a]
    if tier.kind == TOKENS:
        runs = [list(group) for _, group in groupby(rows, key=lambda row: row[2])]
        rows = [(group[0][0], group[-1][1], group[0][2]) for group in runs]
    return Tier(tier.name, tier.kind, tuple(rows))


def _detection(run: ReportRun, entry: DetectionEntry, media: Media, id: str) -> Detection:
    named = [(hit, media.sound(run.folder, hit.file)) for hit in entry.hits]
    hits = [
        Hit(hit.utterance, hit.onset_s, hit.offset_s, hit.correct, name, hit.duration_s) for hit, name in named if name
    ]
    title = f"{entry.word}: code {entry.code} of {entry.stream} ({run.system})"
    return Detection(id, title, tuple(hits))
