"""What judges and instruments say of the audio of every condition; one model in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.audio_quality.judged import Opinions, Recordings, Vector, Verdicts
from analysis.interventions.measures import NO_TEXT, NO_WORDS, JudgedAudio
from analysis.interventions.plan import files_of
from hac.coding.decoded_audio import file_names
from hac.data.manifest.manifest import Manifest
from hac.judges.base import MosPredictor, Recognizer, SpeakerEncoder
from hac.judges.judge_files import Verdict, languages_of
from probes.signal.prosody import Prosody, prosody_store, read_prosody
from probes.transcripts import normalize

OTHER_LANGUAGE = "asr-language"


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
        audio: by condition.
        judges: who was asked.
        notes: what a reader must know.
    """

    audio: Mapping[str, JudgedAudio]
    judges: Judges
    notes: tuple[str, ...]

    @property
    def protocol(self) -> dict[str, Any]:
        """Who judged, for results."""
        names = {"asr": self.judges.asr, "speaker": self.judges.speaker, "mos": self.judges.mos}
        used = {key: judge if isinstance(judge, str | None) else judge.name for key, judge in names.items()}
        return {**used, "normalizer": self.judges.normalizer}

    def normalized(self, texts: Sequence[str | None]) -> list[Verdict[str]]:
        """Transcripts as they are compared."""
        return [_normalized(text, self.judges.normalizer) for text in texts]


def _normalized(text: str | None, normalizer: str) -> Verdict[str]:
    if text is None:
        return Verdict(None, NO_TEXT)
    words = normalize(text, normalizer)
    return Verdict(words) if words else Verdict(None, NO_WORDS)


def gather(
    made: Mapping[str, Manifest],
    chosen: Manifest,
    ids: Sequence[str],
    judges: Judges,
    folder: Path,
    device: str,
    jobs: int,
) -> Judgements:
    """Ask every judge about every condition, resumably; judges that have nothing to say are not asked.

    Args:
        made: the audio of each condition.
        chosen: the utterances with their languages and transcripts.
        ids: their order.
        judges: who is asked.
        folder: `judges/` and `prosody/` in it keep what was said.
        device: of the judges.
        jobs: processes.
    """
    files = {condition: files_of(manifest) for condition, manifest in made.items()}
    recordings = Recordings(files, ids, folder / "judges", device, jobs)
    notes: list[str] = []
    texts: Verdicts[str] = {}
    if judges.asr is not None and not any(row.text for row in chosen.utterances):
        notes.append("word error rates are left out: the manifest has no transcripts")
    elif judges.asr is not None:
        foreign = _foreign(chosen, languages_of(judges.asr, device))
        texts = recordings.transcripts(judges.asr, judges.normalizer, foreign)
    voices: Verdicts[Vector] = {} if judges.speaker is None else recordings.voices(judges.speaker)
    opinions: Verdicts[Opinions] = {} if judges.mos is None else recordings.opinions(judges.mos)
    pitch = _pitch(made, folder / "prosody", jobs) if judges.pitch else {}
    audio = {}
    for name in made:
        tracks = pitch.get(name, {})
        f0 = [tracks[id].f0_hz if id in tracks else None for id in ids]
        audio[name] = JudgedAudio(texts.get(name, []), voices.get(name, []), opinions.get(name, []), f0)
    return Judgements(audio, judges, tuple(notes))


def _foreign(chosen: Manifest, known: frozenset[str] | None) -> dict[str, Verdict[str]]:
    """Utterances in languages that the recognizer does not know, and what stands for their words."""
    unknown: Verdict[str] = Verdict(None, OTHER_LANGUAGE, "the recognizer knows other languages")
    return {
        row.id: unknown
        for row in chosen.utterances
        if known is not None and row.language is not None and row.language not in known
    }


def _pitch(made: Mapping[str, Manifest], folder: Path, jobs: int) -> dict[str, Mapping[str, Prosody]]:
    """F0 of every condition, a store each."""
    names = dict(zip(made, file_names(made), strict=True))
    stores = {
        name: prosody_store(manifest, folder / f"{names[name]}.parquet", jobs=jobs if jobs > 0 else -1)
        for name, manifest in made.items()
    }
    return {name: read_prosody(path) for name, path in stores.items()}
