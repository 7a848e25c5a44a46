"""Aligning a corpus: which aligner for which utterance, in parallel, with failures counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from hac.align import mfa, pocketsphinx
from hac.align.alignment_types import Aligned
from hac.align.g2p import base_language
from hac.align.hmm import speaker_models
from hac.align.hmm.aligner import HmmOptions
from hac.data.alignments.alignment import PHONES, WORDS, Alignments, tier_from_rows
from hac.data.audio.audio import read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import Failure, FailureLog, HacError, Unusable, failure_of
from hac.parallel.pool import on_cluster, parallel_map

AlignerName = Literal["builtin", "mfa", "pocketsphinx", "hmm"]

Advance = Callable[[int], None]

_CHUNK = 4
"""Utterances that a process aligns at a time."""
_VERSIONED = ("pocketsphinx", "gruut", "espeakng-loader", "kaldi-native-fbank")


@dataclass(frozen=True)
class Options:
    """How to align.

    Attributes:
        aligner: `builtin` is `pocketsphinx` for English and `hmm` for every other language.
        mfa: Montreal Forced Aligner's models and program; needed for `mfa` only.
    """

    aligner: AlignerName = "builtin"
    jobs: int = 1
    mfa: mfa.MfaOptions | None = None
    hmm: HmmOptions = field(default_factory=HmmOptions)


def align_corpus(
    manifest: Manifest,
    options: Options | None = None,
    *,
    failures: FailureLog | None = None,
    advance: Advance | None = None,
) -> Alignments:
    """Align every utterance of a manifest that has a transcript.

    Args:
        manifest: the corpus; `text`, `language` and (for `hmm`) `speaker` are used.
        failures: takes the utterances that could not be aligned; without it the first one is raised.
        advance: called with the count of utterances done since the last call.

    Returns:
        Tiers `phones` (no gaps; pauses are `sil`) and `words` (pauses left out), in the manifest's order.

    Raises:
        HacError: nothing could be aligned, or the aligner is not installed.
    """
    options = options or Options()
    log = FailureLog(strict=True) if failures is None else failures
    advance = advance or (lambda _: None)
    ready = [item for item in manifest.utterances if _usable(item, options.aligner, log)]
    if not ready:
        raise HacError("no utterance of the manifest has what alignment needs; give each a `text` and a `language`")
    if options.aligner == "mfa":
        if options.mfa is None:
            raise HacError("--aligner mfa needs --dictionary and --acoustic-model, such as english_us_arpa for both")
        if on_cluster():
            raise HacError("--aligner mfa works on one machine; leave --cluster out, or choose --aligner builtin")
        alignments = mfa.align(manifest.subset(item.id for item in ready), options.mfa, options.jobs, log)
        advance(len(ready))
        return alignments
    english = [item for item in ready if uses_sphinx(item.language or "", options.aligner)]
    others = [item for item in ready if not uses_sphinx(item.language or "", options.aligner)]
    aligned = _align_sphinx(manifest, english, options.jobs, log, advance)
    aligned += speaker_models.align_utterances(manifest, others, options.hmm, options.jobs, log, advance)
    if not aligned:
        reasons = ", ".join(f"{count} {reason}" for reason, count in log.by_reason().items()) or "no reason given"
        raise HacError(f"none of {len(ready)} utterances could be aligned ({reasons}); do text and audio match?")
    return Alignments(_tiers(manifest, aligned), _provenance(options, english, others))


def _usable(item: Utterance, aligner: str, failures: FailureLog) -> bool:
    if not item.text or not item.text.strip():
        failures.add(item.id, "text-missing", "has no transcript to align; give it a `text` in the manifest")
        return False
    if item.language is None and aligner in ("builtin", "hmm"):
        failures.add(item.id, "language-missing", "has no `language` in the manifest, such as en or fr")
        return False
    return True


def uses_sphinx(language: str, aligner: AlignerName) -> bool:
    """Whether pocketsphinx, which brings its models, aligns this language."""
    return aligner == "pocketsphinx" or (aligner == "builtin" and base_language(language) == "en")


def _align_sphinx(
    manifest: Manifest, items: list[Utterance], jobs: int, failures: FailureLog, advance: Advance
) -> list[Aligned]:
    tasks = [(manifest, items[start : start + _CHUNK]) for start in range(0, len(items), _CHUNK)]
    return speaker_models.collect(parallel_map(_some, tasks, jobs=jobs, ordered=True), failures, advance)


def _some(manifest: Manifest, items: list[Utterance]) -> list[Aligned | Failure]:
    return [_one(manifest, item) for item in items]


def _one(manifest: Manifest, item: Utterance) -> Aligned | Failure:
    try:
        audio = read_utterance(manifest, item, pocketsphinx.SAMPLE_RATE)
        return pocketsphinx.align_utterance(item.id, audio.samples, item.text or "")
    except Unusable as error:
        return failure_of(item.id, error)


def _tiers(manifest: Manifest, aligned: list[Aligned]) -> dict[str, Any]:
    done = {item.id for item in aligned}
    ids = [id for id in manifest.ids if id in done]
    phones = ((a.id, s.label, s.onset_us, s.offset_us) for a in aligned for s in a.phones)
    words = ((a.id, s.label, s.onset_us, s.offset_us) for a in aligned for s in a.words)
    return {PHONES: tier_from_rows(PHONES, phones, ids=ids), WORDS: tier_from_rows(WORDS, words, ids=ids)}


def _provenance(options: Options, english: list[Utterance], others: list[Utterance]) -> dict[str, Any]:
    used: dict[str, Any] = {}
    if english:
        used["pocketsphinx"] = {"utterances": len(english), "model": "en-us of the wheel"}
    if others:
        languages = sorted({base_language(item.language or "") for item in others})
        used["hmm"] = {"utterances": len(others), "languages": languages, **asdict(options.hmm)}
    return {"aligner": options.aligner, "aligners": used, "versions": _versions()}


def _versions() -> dict[str, str]:
    found = {}
    for name in (*_VERSIONED, "hac-codec"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
