"""What a run was started with, beside its checkpoints; and whether it may go on with what it is given now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import write_text
from hac.files.parsing import load_json
from hac.train.config import TrainConfig
from hac.train.data.corpus_split import Corpus
from hac.train.run_folder import checkpoints, read_state

RECORD = "run.json"
_NO_MATTER = {
    "validation": True,
    "checkpoint": True,
    "data": {"workers", "alignments"},
    "teachers": {"speech": {"cache", "device"}, "text": {"cache", "device"}},
}
"""What changes nothing that is learned: what is looked at and kept, where targets lie, who reads."""


def run_settings(config: TrainConfig) -> dict[str, Any]:
    """What a checkpoint records, and what a resumed run must share; how long it runs and logs may change."""
    values = json.loads(config.model_dump_json(exclude=_NO_MATTER))  # type: ignore[arg-type]
    return dict(values)


def check_same_run(folder: Path, settings: dict[str, Any]) -> None:
    """Refuse to go on with another configuration than the run was started with."""
    finished = checkpoints(folder)
    if not finished:
        return
    _, before = read_state(finished[-1])
    # the number of steps may change, unless it shapes the learning rate on the way
    free = {"steps"} if settings["optimizer"]["schedule"] != "cosine" else set()
    different = [key for key in sorted({*before, *settings} - free) if before.get(key) != settings.get(key)]
    if different:
        key = different[0]
        raise HacError(
            f"{folder}: was trained with {key} = {_short(before.get(key))}, now it is {_short(settings.get(key))}; "
            "give another -o, or the configuration it was started with"
        )


def check_same_speech(folder: Path, corpus: Corpus) -> None:
    """Refuse to go on with other speech under the same names: no run would then be what its record says.

    Raises:
        HacError: the training or the held-out utterances are others than those the run was started with.
    """
    record = folder / RECORD
    if not checkpoints(folder) or not record.is_file():
        return
    try:
        before = load_json(record.read_text(encoding="utf-8"))
        for part, manifest in (("train", corpus.train), ("validation", corpus.validation)):
            if before[part]["manifest_sha256"] != manifest.sha256:
                raise HacError(
                    f"{folder}: its {part} speech was {before[part]['utterances']:,} utterances, "
                    f"{before[part]['hours']:.2f} h; now it is {len(manifest):,}, {manifest.hours:.2f} h, of other "
                    "content; give another -o, or the manifests it was started with"
                )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HacError(f"{record}: is damaged ({error}); give another -o, or bring the file back") from error


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 160 else text[:157] + "..."


FAILURES = "failures.jsonl"


def met_before(folder: Path, failures: FailureLog) -> list[Failure]:
    """What an earlier part of the run could not read, which a later part need not meet again, beside `failures`."""
    if not checkpoints(folder) or not (folder / FAILURES).is_file():
        return []
    known = failures.ids
    found = []
    for line in (folder / FAILURES).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            failure = Failure(**load_json(line))
        except (ValueError, TypeError):
            continue  # cut short when the run was killed
        if failure.id not in known:
            found.append(failure)
            known.add(failure.id)
    return found


def write_start(
    folder: Path,
    config: TrainConfig,
    settings: dict[str, Any],
    corpus: Corpus,
    failures: FailureLog,
    warm_start: dict[str, Any] | None,
    before: Sequence[Failure] = (),
) -> None:
    """What the run was started with, and what was left out (`before`: on the way), beside its checkpoints.

    `warm_start` says which commit, where a run begins with another model's weights.
    """
    record = {
        "config": json.loads(config.model_dump_json()),
        "train": {"manifest_sha256": corpus.train.sha256, "utterances": len(corpus.train), "hours": corpus.train.hours},
        "validation": {
            "manifest_sha256": corpus.validation.sha256,
            "utterances": len(corpus.validation),
            "hours": corpus.validation.hours,
            "held_out": corpus.held_out,
            "ids": list(corpus.validation.ids),
        },
        "warm_start": warm_start,
        "failures": failures.by_reason(),
        "versions": {name: version(name) for name in ("hac-codec", "torch", "transformers", "accelerate")},
        "settings": settings,
    }
    write_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    write_text(folder / FAILURES, FailureLog(items=[*failures, *before]).json_lines())
