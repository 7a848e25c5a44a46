"""The flat-start aligner over a corpus: one model a speaker where there is enough speech, else one a language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hac.align.alignment_types import Aligned, AlignmentFailure
from hac.align.g2p import base_language, learn, pronounce
from hac.align.hmm import aligner, features
from hac.data.audio.audio import read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import Failure, FailureLog, Unusable, failure_of
from hac.parallel.pool import parallel_map

Group = tuple[str, str]
"""Language and speaker; an empty speaker stands for all who have too little speech of their own."""

_CHUNK = 32
_MIN_S, _MAX_S = 0.1, 180.0
"""Too short to hold a word; too long to search, whose memory grows with the square of the length."""


def align_utterances(
    manifest: Manifest,
    utterances: Sequence[Utterance],
    options: aligner.HmmOptions,
    jobs: int,
    failures: FailureLog,
    advance: Callable[[int], None],
) -> list[Aligned]:
    """Train a model for each group, then align its utterances.

    Args:
        utterances: those to align, each with text and language.
        advance: called with the count of utterances done since the last call.
    """
    groups = {group: items for group, items in _groups(utterances, options.min_speaker_s).items() if items}
    training = [(manifest, _training_set(items, options), options) for items in groups.values()]
    models = list(parallel_map(_train, training, jobs=jobs, ordered=True))
    tasks = [
        (manifest, model, items[start : start + _CHUNK])
        for model, items in zip(models, groups.values(), strict=True)
        for start in range(0, len(items), _CHUNK)
    ]
    return collect(parallel_map(_align, tasks, jobs=jobs, ordered=True), failures, advance)


def collect(
    chunks: Iterable[list[Aligned | Failure]], failures: FailureLog, advance: Callable[[int], None]
) -> list[Aligned]:
    """What was aligned, chunk by chunk; the failures go into the log."""
    aligned: list[Aligned] = []
    for results in chunks:
        failures.extend(result for result in results if isinstance(result, Failure))
        aligned.extend(result for result in results if isinstance(result, Aligned))
        advance(len(results))
    return aligned


def _groups(utterances: Sequence[Utterance], min_speaker_s: float) -> dict[Group, list[Utterance]]:
    speech: dict[Group, float] = defaultdict(float)
    for item in utterances:
        speech[_own(item)] += item.duration
    groups: dict[Group, list[Utterance]] = defaultdict(list)
    for item in utterances:
        language, speaker = _own(item)
        groups[language, speaker if speech[language, speaker] >= min_speaker_s else ""].append(item)
    return groups


def _own(item: Utterance) -> Group:
    return base_language(item.language or ""), item.speaker or ""


def _training_set(items: list[Utterance], options: aligner.HmmOptions) -> list[Utterance]:
    """As many utterances, drawn by the seed, as fit into `max_train_s`, in the manifest's order."""
    order = np.random.default_rng(options.seed).permutation(len(items))
    total = np.cumsum([items[index].duration for index in order])
    kept = np.sort(order[: max(1, int(np.searchsorted(total, options.max_train_s, "right")))])
    return [items[index] for index in kept]


def _train(manifest: Manifest, items: list[Utterance], options: aligner.HmmOptions) -> aligner.Model | Failure:
    _learn(items)
    prepared = (_prepare(manifest, utterance) for utterance in items)
    ready = [result[0] for result in prepared if not isinstance(result, Failure)]
    if not ready:
        return Failure(items[0].id, "group-empty", "no utterance of its language and speaker can be used for training")
    with threadpool_limits(1):  # sums of several threads have other last bits
        return aligner.train(ready, options)


def _align(manifest: Manifest, model: aligner.Model | Failure, items: list[Utterance]) -> list[Aligned | Failure]:
    _learn(items)
    results: list[Aligned | Failure] = []
    for utterance in items:
        prepared = _prepare(manifest, utterance)
        if isinstance(prepared, Failure):
            results.append(prepared)
        elif isinstance(model, Failure):
            results.append(Failure(utterance.id, model.reason, model.detail))
        else:
            try:
                with threadpool_limits(1):
                    results.append(aligner.align(model, *prepared))
            except AlignmentFailure as error:
                results.append(failure_of(utterance.id, error))
    return results


def _learn(items: list[Utterance]) -> None:
    """Learn the words of utterances of one language."""
    learn((item.text or "" for item in items), items[0].language or "")


def _prepare(manifest: Manifest, utterance: Utterance) -> tuple[aligner.Item, NDArray[np.float32]] | Failure:
    if utterance.duration > _MAX_S:
        detail = f"lasts {utterance.duration:.0f} s; cut it into parts of at most {_MAX_S:.0f} s"
        return Failure(utterance.id, "audio-long", detail)
    try:
        words = pronounce(utterance.text or "", utterance.language or "")
        audio = read_utterance(manifest, utterance, features.SAMPLE_RATE)
        if len(audio.samples) < _MIN_S * features.SAMPLE_RATE:
            raise AlignmentFailure("audio-short", f"{len(audio.samples)} samples are too short to align")
        return aligner.prepare(utterance.id, audio.samples, words), audio.samples
    except Unusable as error:
        return failure_of(utterance.id, error)
