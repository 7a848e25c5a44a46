"""What can be heard: chosen utterances with their tiers, and detections of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from reports.document.order import level_rank
from reports.document.parts import Clip, Detection, Hit, Section, Sound, Tier
from reports.document.runs import ReportRun, Runs
from reports.listen.clips import ClipEntry, ClipFile, DetectionEntry, Media, TierEntry, read_clips

TITLE = "Listen"
TOKENS, ORIGINAL = "tokens", "original"
Kept = tuple[ReportRun, ClipFile]
"""A run and what it kept to be heard."""
LEAST_S = 0.001
"""A clip is at least so long, so that places along it can be told."""


class Listening(NamedTuple):
    """What a page lets one hear.

    Attributes:
        section: recordings and reconstructions.
        opens: id of the part that a word opens, by system, stream, code and word.
        detections: those parts, which stand in the section of words.
    """

    section: Section
    opens: dict[tuple[str, str, int, str], str]
    detections: list[Detection]


def listen_section(runs: Runs, media: Media) -> Listening:
    """The section, and what words open.

    Args:
        runs: of the report.
        media: takes up the sounds.
    """
    opens: dict[tuple[str, str, int, str], str] = {}
    detections: list[Detection] = []
    kept = [(run, found) for run in runs.all if (found := read_clips(run.folder)) is not None]
    for run, of_run in kept:  # single words first: they are small, and a table offers them
        for entry in of_run.detections:
            one = _detection(run, entry, media, f"heard-{len(detections)}")
            if one.hits:
                key = (run.system, entry.stream, entry.code, entry.word)
                if key not in opens:
                    opens[key] = one.id
                    detections.append(one)
    made = [_clip(same, media) for same in _utterances(kept)]
    silent = sum(not clip.sounds for clip in made)
    # those with most kinds of sounds first: that is what there is to hear
    heard = sorted((clip for clip in made if clip.sounds), key=lambda clip: -len({one.kind for one in clip.sounds}))
    clips = tuple(replace(clip, id=f"clip-{place}") for place, clip in enumerate(heard))
    missing = _missing(kept, media, silent)
    notes = (f"The page holds {_megabytes(media)} of sound.",) if clips else ()
    lead = (
        "Chosen utterances, systems side by side: the original, its reconstruction, and what is left when a level is "
        "dropped or swapped."
    )
    hint = (
        "The line in the picture moves with the sound; click into the picture or a tier to jump there, or use the "
        "player's own keys. Codes that are too narrow for their number are named below the tiers as the line passes "
        "them; zoom in to see more of them."
    )
    return Listening(Section("listen", TITLE, lead, clips, missing, notes, hint), opens, detections)


def _utterances(kept: Sequence[Kept]) -> list[list[tuple[ReportRun, ClipEntry]]]:
    """What all runs kept of each utterance; ids that two corpora share are told apart by their length."""
    same: dict[tuple[str, int], list[tuple[ReportRun, ClipEntry]]] = {}
    for run, of_run in kept:
        for entry in of_run.clips:
            same.setdefault((entry.utterance, round(100 * entry.duration_s)), []).append((run, entry))
    return list(same.values())


def _missing(kept: Sequence[Kept], media: Media, silent: int) -> tuple[str, ...]:
    if not kept:
        return ("No run kept sounds (listen/clips.json), so there is nothing to play.",)
    if media.left_out:
        lost = f", {silent} utterances with them" if silent else ""
        return (f"{media.left_out} sounds were left out{lost}, beyond the budget; --audio-mb allows more.",)
    return ()


def _megabytes(media: Media) -> str:
    return f"{media.used / 1e6:.2f} of at most {media.budget / 1e6:.1f} MB"


def _clip(same: Sequence[tuple[ReportRun, ClipEntry]], media: Media) -> Clip:
    """An utterance as all runs of all systems kept it: each sound and each tier once, what is common first."""
    systems = tuple(dict.fromkeys(run.system for run, _ in same))
    sounds: dict[str, Sound] = {}
    tiers: dict[tuple[str, str], Tier] = {}
    for run, entry in same:
        own = run.system if len(systems) > 1 else ""
        for sound in entry.sounds:
            name = media.sound(run.folder, sound.file)
            if name and name not in sounds:
                of = "" if sound.kind == ORIGINAL and not sounds else own
                picture = media.picture(run.folder, sound.spectrogram)
                sounds[name] = Sound(sound.name, sound.kind, name, sound.duration_s, picture, of)
        for tier in map(_tier, entry.tiers):
            first = tiers.get(("", tier.name))
            of = own if tier.kind == TOKENS or (first and first.intervals != tier.intervals) else ""
            tiers.setdefault((of, tier.name), replace(tier, system=of))
    _, entry = same[0]
    about = ", ".join(part for part in (entry.speaker, entry.language, f"{entry.duration_s:.2f} s") if part)
    seconds = max(entry.duration_s, LEAST_S)

    def place(one: Sound | Tier) -> int:
        return ("", *systems).index(one.system)

    ordered = sorted(tiers.values(), key=lambda tier: (place(tier), tier.kind == TOKENS, _rank(tier)))
    heard = tuple(sorted(sounds.values(), key=place))
    return Clip("", systems, entry.utterance, about, entry.text or "", seconds, heard, tuple(ordered))


def _rank(tier: Tier) -> int:
    return level_rank(tier.name) if tier.kind == TOKENS else 0


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
