"""Sounds for people: a few utterances of a run, and where the codes of words fire, kept beside its results.

No number depends on them. What is kept is chosen by hashes of the ids, so the same corpus gives the same clips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from analysis.clips.encoding import can_write, clip_rate, log_mel, opus, spectrogram
from analysis.clips.schema import Clip, ClipTier, Detection, Sound, SoundKind
from analysis.clips.store import ClipStore, discard
from analysis.clips.time_tiers import TimeLabels, TimeTier
from analysis.clips.word_hits import FoundWord, cut_hits
from hac.data.audio.audio import AudioError, audio_info, read_audio, read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S, samples_to_us
from hac.errors import HacError
from probes.utterance_keys import utterance_keys

SHORT_S, LONGEST_S = 12.0, 30.0
"""Utterances up to the first are kept rather than longer ones; beyond the second none is."""
MAX_TRIES = 20
"""So many utterances whose audio cannot be read are tried; beyond, there is none to be had."""


@dataclass(frozen=True)
class Rendering:
    """One way in which a run made audio.

    Attributes:
        name: what a listener reads.
        kind: see `analysis.clips.schema.Sound`.
        files: audio by utterance id.
        partners: by utterance id, whose codes were swapped in; part of the name.
    """

    name: str
    kind: SoundKind
    files: Mapping[str, Path]
    partners: Mapping[str, str] = field(default_factory=dict)

    def name_for(self, id: str) -> str:
        """The name, with the partner where there is one."""
        return f"{self.name} from {self.partners[id]}" if id in self.partners else self.name


@dataclass(frozen=True)
class ClipSource:
    """What a run worked on, and what can be heard of it.

    Attributes:
        manifest: of the recordings; None where there is none, so that nothing can be heard.
        ids: the utterances that were measured.
        labels: their words, phones and tokens.
        renderings: the audio that was made of them.
        words: words whose detections are to be heard, best first.
    """

    manifest: Manifest | None
    ids: Sequence[str]
    labels: TimeLabels
    renderings: Sequence[Rendering] = ()
    words: Sequence[FoundWord] = ()


@dataclass(frozen=True)
class ClipBudget:
    """How much is to be kept: utterances (0: nothing at all), and bytes of sounds and images together."""

    clips: int
    budget_bytes: int


def keep_clips(folder: Path, source: ClipSource, budget: ClipBudget) -> list[str]:
    """Write `listen/` of a run's folder, or remove that of an earlier run where nothing can be heard.

    Args:
        folder: of the run.
        source: what can be heard.
        budget: how much of it is kept.

    Returns:
        Warnings: why there are no clips, or fewer than asked for.
    """
    if budget.clips == 0:
        discard(folder)
        return []
    if source.manifest is None:
        discard(folder)
        return ["no clips for the report: without a manifest there is no telling where the recordings are"]
    if not can_write():
        discard(folder)
        return [
            "no clips for the report: this libsndfile writes no Opus; install soundfile from PyPI, or libsndfile 1.0.29"
        ]
    store = ClipStore(budget.budget_bytes)
    with threadpool_limits(1):  # the last bits of a matrix product, and so a pixel, depend on the number of threads
        clips, notes = _clips(store, source.manifest, source, budget)
    detections: list[Detection] = []
    if clips:
        detections, more = cut_hits(store, source.manifest, source.words)
        notes += more
        store.write(folder, clips, detections)
    else:
        discard(folder)
    return notes


def _clips(
    store: ClipStore, manifest: Manifest, source: ClipSource, budget: ClipBudget
) -> tuple[list[Clip], list[str]]:
    """The clips that could be made, and what to say of those that could not; words get half of the budget at least."""
    within = budget.budget_bytes // 2 if source.words else budget.budget_bytes
    candidates = _candidates(manifest, source)
    if not candidates:
        return [], [f"no clips for the report: no utterance is at most {LONGEST_S:g} s long"]
    clips: list[Clip] = []
    troubles: list[str] = []
    too_large = 0
    for row in candidates:
        if len(clips) + too_large == budget.clips or len(troubles) == MAX_TRIES:
            break
        try:
            made = _clip(store, manifest, row, source, within)
        except (HacError, OSError) as error:
            troubles.append(str(error))
            continue
        too_large += made is None
        clips += [] if made is None else [made]
    return clips, _notes(len(clips), too_large, troubles, budget)


def _notes(n: int, too_large: int, troubles: Sequence[str], budget: ClipBudget) -> list[str]:
    notes = []
    if too_large:
        notes.append(
            f"{too_large} of {n + too_large} clips for the report are left out, as they do not fit into "
            f"{budget.budget_bytes / 1e6:g} MB; give more with --clips-mb"
        )
    if troubles and not n + too_large:
        notes.append(
            f"no clips for the report: the audio of {len(troubles)} utterances could not be read ({troubles[0]})"
        )
    return notes


def _candidates(manifest: Manifest, source: ClipSource) -> list[Utterance]:
    """Utterances in the order in which they are tried: all renderings first, short ones first, then by turns."""
    wanted = set(source.ids)
    rows = [row for row in manifest.utterances if row.id in wanted and row.duration <= LONGEST_S]

    def worse(row: Utterance) -> tuple[int, bool]:
        return sum(row.id not in one.files for one in source.renderings), row.duration > SHORT_S

    grades: dict[tuple[int, bool], list[Utterance]] = defaultdict(list)
    for row in rows:
        grades[worse(row)].append(row)
    return [row for grade in sorted(grades) for row in by_turns(grades[grade])]


def by_turns(rows: Sequence[Utterance]) -> list[Utterance]:
    """All rows in an order whose first ones are of as many languages, then speakers, as there are.

    Languages take turns, sorted by name; in each of them speakers take turns; the rest is decided by a hash of the id.
    """
    keys = utterance_keys([row.id for row in rows]).tolist()
    by_speaker: dict[tuple[str, str], list[tuple[int, Utterance]]] = defaultdict(list)
    for key, row in sorted(zip(keys, rows, strict=True), key=lambda pair: (pair[0], pair[1].id)):
        by_speaker[row.language or "", row.speaker or ""].append((key, row))
    by_language: dict[str, list[tuple[int, int, str, Utterance]]] = defaultdict(list)
    for (language, _), mine in by_speaker.items():
        by_language[language] += [(turn, key, row.id, row) for turn, (key, row) in enumerate(mine)]
    turns = [
        (turn, language, row)
        for language, mine in by_language.items()
        for turn, (*_, row) in enumerate(sorted(mine, key=lambda entry: entry[:3]))
    ]
    return [row for *_, row in sorted(turns, key=lambda entry: entry[:2])]


def _clip(store: ClipStore, manifest: Manifest, row: Utterance, source: ClipSource, within: int) -> Clip | None:
    """One utterance with all its sounds; None where they do not fit.

    Raises:
        HacError: the recording cannot be used; a rendering that cannot be read is left out.
    """
    rate = clip_rate(audio_info(manifest.audio_path(row)).sample_rate)
    original = read_utterance(manifest, row, rate).samples
    found: list[tuple[str, SoundKind, NDArray[np.float32]]] = [("original", "original", original)]
    for one in source.renderings:
        if row.id in one.files:
            try:
                found.append((one.name_for(row.id), one.kind, read_audio(one.files[row.id], rate).samples))
            except AudioError:
                continue  # the run counted it as a failure when it measured
    pictures = [log_mel(samples, rate) for *_, samples in found]
    loudest = float(pictures[0].max())
    contents: list[tuple[bytes, str]] = []
    for (*_, samples), picture in zip(found, pictures, strict=True):
        contents += [(opus(samples, rate), "ogg"), (spectrogram(picture, loudest), "png")]
    names = store.take(contents, within)
    if names is None:
        return None
    sounds = [
        Sound(name=name, kind=kind, file=names[2 * i], duration_s=_s_of(samples, rate), spectrogram=names[2 * i + 1])
        for i, (name, kind, samples) in enumerate(found)
    ]
    return Clip(
        utterance=row.id,
        speaker=row.speaker,
        language=row.language,
        text=row.text,
        duration_s=_s_of(original, rate),
        sounds=tuple(sounds),
        tiers=tuple(_tiers(source.labels.of(row.id))),
    )


def _tiers(tiers: Iterable[TimeTier]) -> Iterable[ClipTier]:
    for tier in tiers:
        spans: list[Any] = [(onset / US_PER_S, offset / US_PER_S, label) for onset, offset, label in tier.spans]
        yield ClipTier(name=tier.name, kind=tier.kind, intervals=tuple(spans))


def _s_of(samples: NDArray[np.float32], rate: int) -> float:
    return samples_to_us(len(samples), rate) / US_PER_S
