"""`listen/clips.json`: the sounds that a run keeps for people to hear, and what is written under them.

A report reads this file beside `results.json` and computes nothing. Files are named by a hash of their own bytes, never
by an id, so no text of a corpus becomes a path; equal sounds are one file. `docs/listening.md` describes the format.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FOLDER = "listen"
NAME = f"{FOLDER}/clips.json"
"""Where it lies, below the run's folder."""
VERSION: Literal[1] = 1

SoundKind = Literal["original", "reconstruction", "drop", "keep", "shuffle", "swap"]
TierKind = Literal["words", "phones", "tokens"]
SoundFile = Annotated[str, Field(pattern=rf"^{FOLDER}/[0-9a-f]{{32}}\.ogg$")]
ImageFile = Annotated[str, Field(pattern=rf"^{FOLDER}/[0-9a-f]{{32}}\.png$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sound(_Strict):
    """One way to hear an utterance.

    Attributes:
        name: what a listener reads; `swap acoustic from <id>` names the partner.
        kind: of the sound.
        file: OGG with Opus, mono, 16 or 24 kHz; relative to the run's folder.
        duration_s: of the sound; that of a reconstruction can differ from the recording's.
        spectrogram: PNG over the sound's whole length, low frequencies below; relative to the run's folder.
    """

    name: str
    kind: SoundKind
    file: SoundFile
    duration_s: Seconds
    spectrogram: ImageFile | None = None


class ClipTier(_Strict):
    """What lies along the time of a clip.

    Attributes:
        name: `words`, `phones` or a stream's name.
        kind: of the tier.
        intervals: onset and offset in seconds from the recording's begin, and label, ascending. Of a stream, runs of
            equal codes, the code in decimals being the label; its last may end behind the sound.
    """

    name: str
    kind: TierKind
    intervals: tuple[tuple[Seconds, Seconds, str], ...]


class Clip(_Strict):
    """One utterance, its sounds (the original first) and its tiers; `duration_s` is the original's."""

    utterance: str
    speaker: str | None = None
    language: str | None = None
    text: str | None = None
    duration_s: Seconds
    sounds: tuple[Sound, ...] = Field(min_length=1)
    tiers: tuple[ClipTier, ...] = ()


class Hit(_Strict):
    """Where a word's code fires, cut from the recording with some context on both sides.

    Attributes:
        utterance: its id.
        onset_s, offset_s: of the run of the code, from the recording's begin.
        correct: whether the run overlaps a token of the word.
        file: the sound, as in `Sound`.
        duration_s: of the sound.
    """

    utterance: str
    onset_s: Seconds
    offset_s: Seconds
    correct: bool
    file: SoundFile
    duration_s: Seconds


class Detection(_Strict):
    """A word and the code that detects it best, under the first definition that was asked for."""

    stream: str
    code: int
    word: str
    f1: float = Field(ge=0, le=1)
    hits: tuple[Hit, ...] = Field(min_length=1)


class Clips(_Strict):
    """The whole file.

    Attributes:
        schema_version: of this format.
        budget_bytes: what sounds and images might take.
        total_bytes: what they take, each file once.
        clips: utterances, in the order to show.
        detections: words, best first, streams in turn.
    """

    schema_version: Literal[1] = VERSION
    budget_bytes: int = Field(gt=0)
    total_bytes: int = Field(ge=0)
    clips: tuple[Clip, ...] = ()
    detections: tuple[Detection, ...] = ()
