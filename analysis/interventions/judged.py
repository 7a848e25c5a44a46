"""What judges and instruments say of the audio of every condition; one model in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from analysis.interventions.measures import JudgedAudio
from analysis.interventions.plan import files_of
from hac.coding.decoded_audio import file_names
from hac.data.manifest.manifest import Manifest
from hac.judges.base import MosPredictor, Recognizer, SpeakerEncoder
from hac.judges.judge_files import Verdict, languages_of, opinions, transcripts, voices
from probes.signal.prosody import Prosody, prosody_store, read_prosody
from probes.transcripts import normalize

T = TypeVar("T")

OTHER_LANGUAGE = "asr-language"
Key = tuple[str, str]
"""Condition and utterance id."""


@dataclass(frozen=True)
class Judges:
    """Who judges: names for `hac.judges.registry`, judges, or None for nobody.

    Attributes:
        asr: recognizer.
        speaker: speaker encoder.
        mos: predictor of opinion scores.
        normalizer: of transcripts and of what was recognized; see `probes.transcripts`.
        pitch: whether F0 is measured.
    """

    asr: str | Recognizer | None = "moonshine"
    speaker: str | SpeakerEncoder | None = "resemblyzer"
    mos: str | MosPredictor | None = "dnsmos"
    normalizer: str = "basic-1"
    pitch: bool = True


@dataclass(frozen=True)
class Judgements:
    """What was said of every condition.

    Attributes:
        heard: by condition.
        judges: who was asked.
        notes: what a reader must know.
    """

    heard: Mapping[str, JudgedAudio]
    judges: Judges
    notes: tuple[str, ...]

    @property
    def protocol(self) -> dict[str, Any]:
        """Who judged, for results."""
        names = {"asr": self.judges.asr, "speaker": self.judges.speaker, "mos": self.judges.mos}
        said = {key: judge if isinstance(judge, str | None) else judge.name for key, judge in names.items()}
        return {**said, "normalizer": self.judges.normalizer}

    def normalized(self, texts: Sequence[str | None]) -> tuple[str | None, ...]:
        """Transcripts as they are compared."""
        return tuple(None if text is None else normalize(text, self.judges.normalizer) for text in texts)


def gather(
    made: Mapping[str, Manifest], chosen: Manifest, judges: Judges, folder: Path, device: str, jobs: int
) -> Judgements:
    """Ask every judge about every condition, resumably; judges that have nothing to say are not asked.

    Args:
        made: the audio of each condition.
        chosen: the utterances with their languages and transcripts.
        judges: who is asked.
        folder: `judges/` and `prosody/` in it keep what was said.
        device: of the judges.
        jobs: processes.
    """
    files = {(name, id): path for name, manifest in made.items() for id, path in files_of(manifest).items()}
    notes: list[str] = []
    told: dict[Key, Verdict[str]] = {}
    if judges.asr is not None and not any(row.text for row in chosen.utterances):
        notes.append("word error rates are left out: the manifest has no transcripts")
    elif judges.asr is not None:
        told = _transcribed(files, chosen, judges.asr, judges.normalizer, folder, device, jobs)
    spoken: dict[Key, Verdict[Any]] = {}
    if judges.speaker is not None:
        spoken = _asked(voices, files, judges.speaker, folder / "judges" / "voices.parquet", device, jobs)
    rated: dict[Key, Verdict[float]] = {}
    if judges.mos is not None:
        found = _asked(opinions, files, judges.mos, folder / "judges" / "opinions.parquet", device, jobs)
        rated = {key: _first_scale(verdict) for key, verdict in found.items()}
    pitch = _pitch(made, folder / "prosody", jobs) if judges.pitch else {}
    heard = {
        name: JudgedAudio(_of(told, name), _of(spoken, name), _of(rated, name), pitch.get(name, {})) for name in made
    }
    return Judgements(heard, judges, tuple(notes))


def _transcribed(
    files: Mapping[Key, Path],
    chosen: Manifest,
    asr: str | Recognizer,
    normalizer: str,
    folder: Path,
    device: str,
    jobs: int,
) -> dict[Key, Verdict[str]]:
    """What was recognized, normalized; speech in languages that the recognizer does not know is left out."""
    known = languages_of(asr, device)
    languages = {row.id: row.language for row in chosen.utterances if row.language is not None}
    foreign = set() if known is None else {id for id, language in languages.items() if language not in known}
    asked = {key: path for key, path in files.items() if key[1] not in foreign}
    told = _asked(transcripts, asked, asr, folder / "judges" / "transcripts.parquet", device, jobs)
    unknown: Verdict[str] = Verdict(None, OTHER_LANGUAGE, "the recognizer knows other languages")
    said = dict.fromkeys(files, unknown)
    for key, verdict in told.items():
        words = None if verdict.value is None else normalize(verdict.value, normalizer)
        said[key] = Verdict(words, verdict.reason, verdict.detail)
    return said


def _asked(
    ask: Any, files: Mapping[Key, Path], judge: Any, store: Path, device: str, jobs: int
) -> dict[Key, Verdict[Any]]:
    """The verdicts of one judge on every file; a file that it cannot judge is a reason in its row, and no failure."""
    if not files:
        return {}
    names = {f"{condition}/{id}": (condition, id) for condition, id in files}
    found = ask(
        {name: files[key] for name, key in names.items()}, judge, store, device=device, jobs=jobs if jobs > 0 else -1
    )
    return {names[name]: verdict for name, verdict in found.items()}


def _first_scale(verdict: Verdict[dict[str, float]]) -> Verdict[float]:
    value = None if verdict.value is None else next(iter(verdict.value.values()))
    return Verdict(value, verdict.reason, verdict.detail)


def _pitch(made: Mapping[str, Manifest], folder: Path, jobs: int) -> dict[str, Mapping[str, Prosody]]:
    """F0 of every condition, a store each."""
    names = dict(zip(made, file_names(made), strict=True))
    stores = {
        name: prosody_store(manifest, folder / f"{names[name]}.parquet", jobs=jobs if jobs > 0 else -1)
        for name, manifest in made.items()
    }
    return {name: read_prosody(path) for name, path in stores.items()}


def _of(verdicts: Mapping[Key, Verdict[T]], condition: str) -> dict[str, Verdict[T]]:
    return {id: verdict for (name, id), verdict in verdicts.items() if name == condition}
