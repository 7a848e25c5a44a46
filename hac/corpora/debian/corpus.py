"""Real speech from Debian's packages: fetched by the user, converted to 16 kHz FLAC, with texts and licences.

DIR/manifest.jsonl     id, path, duration, speaker, language, text
DIR/audio/SET/ID.flac  16 kHz, mono, 16 bits
DIR/licences/PACKAGE   the package's own copyright file
DIR/provenance.json    SHA-256 of each package, what was left out and why
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.console import progress
from hac.corpora.debian.packages import download, unpack
from hac.corpora.debian.speech_sets import Prompt, SpeechSet, clean_text
from hac.corpora.g722 import read_g722
from hac.data.audio.audio import AudioError, audio_info, is_silent, read_audio, write_audio
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S
from hac.errors import Failure, FailureLog, HacError, failure_of
from hac.files.atomic import real, sha256_file, write_text
from hac.files.parsing import load_json

SAMPLE_RATE = 16_000
"""Hz, of everything written."""

_CONVERSION = 1
"""Raise when the same package gives other audio than before, so that a resumed corpus is converted anew."""

_SILENCE = 2.0**-10
"""Peak below which a recording holds no speech; coded silence is a few 16-bit steps, not zero."""

_MAX_LETTERS_PER_S = 22.0
"""Nobody speaks faster: above it the text says more than the recording."""


@dataclass
class DebianCorpus:
    """What was made.

    Attributes:
        manifest: every utterance kept.
        left_out: recordings without usable speech or text.
        failures: recordings that could not be decoded.
    """

    manifest: Manifest
    left_out: FailureLog = field(default_factory=FailureLog)
    failures: FailureLog = field(default_factory=FailureLog)


@dataclass(frozen=True, slots=True)
class _Work:
    prompt: Prompt
    entry: SpeechSet

    @property
    def path(self) -> Path:
        """Where the converted audio lies, relative to the corpus."""
        return Path("audio") / self.entry.name / f"{self.prompt.id}.flac"


def debian_corpus(
    folder: Path, sets: Sequence[SpeechSet], *, cache: Path, jobs: int = 1, strict: bool = False
) -> DebianCorpus:
    """Fetch, unpack and convert the sets into `folder`; what is there already from the same packages is kept.

    Raises:
        HacError: a package cannot be fetched or unpacked, or (with `strict`) a recording cannot be decoded.
    """
    folder = Path(folder)
    debs, unpacked = _fetch(sets, Path(cache))
    provenance = {
        "conversion": _CONVERSION,
        "packages": {name: {"file": deb.name, "sha256": sha256_file(deb)} for name, deb in debs.items()},
    }
    for name, root in unpacked.items():
        _copy_licence(name, root, folder / "licences" / name)

    corpus = DebianCorpus(Manifest(folder, ()), FailureLog(), FailureLog(strict))
    work: list[_Work] = []
    for entry in sets:
        roots = {name: unpacked[name] for name in entry.packages}
        work.extend(_Work(p, entry) for p in _usable(entry, entry.read(roots), roots.values(), corpus.left_out))
    _forget_stale(work, folder, _unchanged(folder / "provenance.json", provenance))
    # written before the audio, so that an interrupted run is resumed against the packages it was made from
    _write_json(folder / "provenance.json", provenance)
    utterances = _convert_all(work, folder, jobs, corpus)
    corpus.manifest = Manifest(folder, tuple(utterances))
    write_manifest(corpus.manifest, folder / "manifest.jsonl")
    _write_json(folder / "provenance.json", {**provenance, **_summary(sets, corpus)})
    return corpus


def _fetch(sets: Sequence[SpeechSet], cache: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    names = list(dict.fromkeys(name for entry in sets for name in entry.packages))
    debs: dict[str, Path] = {}
    unpacked: dict[str, Path] = {}
    with progress("packages", len(names)) as advance:
        for name in names:
            debs[name] = download(name, cache)
            unpacked[name] = unpack(debs[name], cache)
            advance(1)
    return debs, unpacked


def _unchanged(path: Path, provenance: dict[str, Any]) -> set[str]:
    """Packages whose audio an earlier run in this folder made from the same bytes."""
    try:
        earlier = load_json(path.read_text(encoding="utf-8"))
        if earlier["conversion"] != provenance["conversion"]:
            return set()
        return {name for name, record in provenance["packages"].items() if earlier["packages"].get(name) == record}
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HacError(
            f"{path}: not a provenance file of this command ({error}); choose an empty folder, or remove it"
        ) from error


def _forget_stale(work: Iterable[_Work], folder: Path, unchanged: set[str]) -> None:
    """Remove audio that came from other packages than those at hand; the rest need not be converted again."""
    for item in work:
        if not unchanged.issuperset(item.entry.packages):
            (folder / item.path).unlink(missing_ok=True)


def _copy_licence(package: str, root: Path, target: Path) -> None:
    source = root / "usr/share/doc" / package / "copyright"
    if source.is_file() and not source.is_symlink():
        write_text(target, source.read_text(encoding="utf-8", errors="replace"))


def _usable(entry: SpeechSet, prompts: list[Prompt], roots: Iterable[Path], left_out: FailureLog) -> list[Prompt]:
    """The prompts with a usable text and a file that lies inside its package; the others are counted."""
    kept: dict[str, Prompt] = {}
    inside = [real(root) for root in roots]
    for prompt in prompts:
        text, reason = clean_text(prompt.text, entry.language)
        if not any(real(prompt.audio).is_relative_to(root) for root in inside):
            reason = "path-outside-package"
        if prompt.id in kept:
            reason = "duplicate-id"
        if reason:
            left_out.add(prompt.id, reason, text or "no text")
        else:
            kept[prompt.id] = Prompt(prompt.id, prompt.audio, text, prompt.speaker)
    return list(kept.values())


def _convert_all(work: Sequence[_Work], folder: Path, jobs: int, corpus: DebianCorpus) -> list[Utterance]:
    from joblib import Parallel, delayed

    utterances: list[Utterance] = []
    # threads: decoding, resampling and FLAC all run outside Python's lock
    converted = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(_convert)(item, folder) for item in work
    )
    with progress("recordings", len(work)) as advance:
        for result in converted:
            advance(1)
            if isinstance(result, Utterance):
                utterances.append(result)
            elif result.reason in ("audio-silent", "transcript-too-long"):
                corpus.left_out.extend([result])
            else:
                corpus.failures.extend([result])
    return utterances


def _convert(item: _Work, folder: Path) -> Utterance | Failure:
    """Convert one recording, or take over the one that is there."""
    prompt = item.prompt
    target = folder / item.path
    try:
        if not target.is_file():
            samples = _decode(prompt.audio)
            if is_silent(samples, _SILENCE):
                return Failure(prompt.id, "audio-silent", "nothing louder than -60 dB of full scale")
            write_audio(target, samples, SAMPLE_RATE)
        duration_us = audio_info(target).duration_us
    except AudioError as error:
        return failure_of(prompt.id, error)
    letters_per_s = sum(letter.isalnum() for letter in prompt.text) * US_PER_S / duration_us
    if letters_per_s > _MAX_LETTERS_PER_S:
        return Failure(prompt.id, "transcript-too-long", f"{letters_per_s:.0f} letters per second")
    duration = duration_us / US_PER_S
    return Utterance(prompt.id, item.path.as_posix(), duration, prompt.speaker, item.entry.language, prompt.text)


def _decode(path: Path) -> NDArray[np.float32]:
    """Samples at 16 kHz. A G.722 sample is a 16-bit integer: divided by 32768 it comes back exactly."""
    if path.suffix == ".g722":
        return read_g722(path).astype(np.float32) / np.float32(2**15)
    return read_audio(path, SAMPLE_RATE).samples


def _summary(sets: Sequence[SpeechSet], corpus: DebianCorpus) -> dict[str, Any]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for utterance in corpus.manifest.utterances:
        seconds[Path(utterance.path).parent.name] += utterance.duration
    return {
        "sets": {
            entry.name: {"licence": entry.licence, "minutes": round(seconds[entry.name] / 60, 3)} for entry in sets
        },
        "utterances": len(corpus.manifest.utterances),
        "left_out": corpus.left_out.by_reason(),
        "failures": corpus.failures.by_reason(),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
