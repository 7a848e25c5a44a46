"""What the lexical level learns from: a text teacher's vector of each transcript, embedded once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError
from hac.teachers.base import TextTeacher
from hac.teachers.targets.target_store import RowStore, StoredTargets, default_folder

GROUP = 256
"""Texts embedded at a time: enough for batches of like length, few enough to lose."""


class TextTargets(StoredTargets):
    """A corpus' sentence vectors in a cache; made by `text_targets`."""

    def __getitem__(self, id: str) -> NDArray[np.float32]:
        """The vector of an utterance's transcript, float32 [dim], of unit L2 norm."""
        vector = self.rows(id)[0].astype(np.float32)
        # half precision has moved its length by up to 5e-4
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def text_targets(
    manifest: Manifest,
    teacher: TextTeacher,
    *,
    cache: Path | None,
    failures: FailureLog,
    advance: Callable[[int], None] = lambda _: None,
    announce: Callable[[str], None] = lambda _: None,
) -> TextTargets:
    """Vectors of a corpus' transcripts; each distinct text, white space at its ends aside, is embedded once.

    Args:
        cache: a folder for the vectors, of several teachers if need be; None is one of its own in the user's cache.
        failures: where utterances without a transcript are counted, as `text-missing`, and left out.
        advance: called with counts of utterances that are done.
        announce: called with a sentence while another process fills the same folder.

    Raises:
        HacError: the disk is full, the folder cannot be written, or no utterance has a transcript.
    """
    texts: dict[str, str] = {}
    sources: dict[str, str] = {}
    for utterance in manifest.utterances:
        text = (utterance.text or "").strip()
        if not text:
            failures.add(utterance.id, "text-missing", "it has no transcript, which the text teacher needs")
            continue
        # half a surrogate pair is legal in JSON, but no text
        text = text.encode("utf-8", "replace").decode("utf-8")
        sources[utterance.id] = hashlib.sha256(text.encode("utf-8")).hexdigest()
        texts[sources[utterance.id]] = text
    if not sources:
        raise HacError(
            f"{manifest.root}: none of the manifest's {len(manifest)} utterances has a transcript, which the text"
            f" teacher {teacher.name} needs; give a manifest with texts, or train without the text teacher"
        )
    maker = {"teacher": teacher.describe()}
    folder = default_folder(teacher.name, maker) if cache is None else Path(cache)
    store = RowStore(folder, teacher.dim, maker)
    refused = _embed_missing(store, teacher, texts, announce)
    advance(len(manifest))
    for id, source in sources.items():
        if source in refused:
            failures.add(id, "teacher-refused", refused[source])
    embedded = {id: source for id, source in sources.items() if source not in refused}
    if not embedded:
        raise HacError(f"text teacher {teacher.name} refused every text; the first: {next(iter(refused.values()))}")
    return TextTargets(store, embedded)


def _embed_missing(
    store: RowStore, teacher: TextTeacher, texts: Mapping[str, str], announce: Callable[[str], None]
) -> dict[str, str]:
    """Append the vectors that are not there; returns the reasons of those that the teacher refused."""
    refused: dict[str, str] = {}
    if all(source in store.places for source in texts):
        return refused
    with store.writing(announce) as writer:
        missing = [source for source in texts if source not in writer]
        for start in range(0, len(missing), GROUP):
            group = missing[start : start + GROUP]
            for source, vector in zip(group, _embed(teacher, [texts[source] for source in group]), strict=True):
                if isinstance(vector, HacError):
                    refused[source] = str(vector)
                else:
                    writer.append(source, vector.astype(np.float16)[None])
    return refused


def _embed(teacher: TextTeacher, texts: Sequence[str]) -> list[NDArray[np.float32] | HacError]:
    """Vectors of texts, or why there is none; one by one where the teacher refuses them together."""
    try:
        return list(teacher.embed(texts))
    except HacError as error:
        if len(texts) == 1:
            return [error]
        return [vector for text in texts for vector in _embed(teacher, [text])]
