"""What a sweep is: variants of a training times seeds, on which speech, analysed how; read from one YAML file.

    variants:                       # each a training configuration, or {name, config, set}
      - ../ablation/full.yaml
      - {name: no_text, config: ../ablation/full.yaml, set: {teachers: {text: null}}}
    seeds: [0, 1, 2]
    set: {model: ../model/hac-nano.yaml, steps: 2000}
    train: train.jsonl
    evaluation: {manifest: dev.jsonl, alignments: dev.parquet}
    analyses: {pnmi: {}, words: {min-count: 3}, usage: {}}

Paths are relative to the file they stand in; `base: other.yaml` includes a sweep that this one changes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analysis.sweeps.analysis_options import Analysis, Commands, check_analyses
from hac.errors import HacError
from hac.files.yaml_config import check_key, read_yaml, relative_to_file

ALLOWED = ("codebooks", "data")
"""Differences between variants that a sweep may insist on."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
LARGEST = 1e15
"""A number beyond is damage."""
_VARIANT_KEYS = ("name", "config", "set")


@dataclass(frozen=True)
class Variant:
    """A row of the table: its name, its configuration, and what is changed of that."""

    name: str
    config: Path
    changes: Mapping[str, Any]


class EvaluationFiles(NamedTuple):
    """The speech that is analysed."""

    manifest: Path
    alignments: Path | None


@dataclass(frozen=True)
class Sweep:
    """A sweep file.

    Attributes:
        path: the file.
        variants: rows, in the file's order.
        seeds: of the trainings of each variant.
        reference: the variant that the others are compared with.
        set: values that replace those of every configuration.
        train, validation: manifests; empty: what the configurations say.
        evaluation: manifest and alignments of the speech that is analysed.
        analyses: those to run, by name.
        checkpoint: which one is analysed.
        devices: `auto`, `cpu`, `cuda:N`.
        at_once: trainings at a time; 0: one a device.
        throughput: seconds of audio per second that one training does, for the plan; None: not known.
        metrics: only these are compared; empty: all.
        allow: differences between variants that are insisted on, of `codebooks` and `data`.
        launcher: words before `-m hac.cli train`, such as `torchrun --nproc-per-node 2`.
    """

    path: Path
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    reference: str
    set: Mapping[str, Any]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    evaluation: EvaluationFiles
    analyses: Mapping[str, Analysis]
    checkpoint: Literal["last", "best"]
    devices: tuple[str, ...]
    at_once: int
    throughput: float | None
    metrics: tuple[str, ...]
    allow: tuple[str, ...]
    launcher: tuple[str, ...]


KEYS = tuple(field.name for field in fields(Sweep) if field.name != "path")


def read_sweep(path: Path, commands: Commands) -> Sweep:
    """Read a sweep file, whose analyses have the options of these commands.

    Raises:
        HacError: no such file, an unknown key (the nearest one is named), two variants of one name, no variant, seed
            or evaluation, or a value that is none.
    """
    values = read_yaml(path, "sweep", _absolute)
    where = str(path)
    for key in values:
        check_key(str(key), KEYS, where)
    variants = _variants(values.get("variants"), where)
    names = [variant.name for variant in variants]
    analyses = _mapping(values.get("analyses", {"pnmi": {}, "usage": {}}), where)
    reference = str(values.get("reference", "full" if "full" in names else names[0]))
    check_key(reference, names, f"{where}: reference")
    return Sweep(
        path=path,
        variants=variants,
        seeds=_seeds(values.get("seeds", [0]), where),
        reference=reference,
        set=_mapping(values.get("set"), f"{where}: set"),
        train=_texts(values.get("train"), f"{where}: train"),
        validation=_texts(values.get("validation"), f"{where}: validation"),
        evaluation=_evaluation(values.get("evaluation"), where),
        analyses=check_analyses(analyses, commands, where, path.parent),
        checkpoint=_one_of(values.get("checkpoint", "last"), ("last", "best"), f"{where}: checkpoint"),
        devices=_texts(values.get("devices", "auto"), f"{where}: devices"),
        at_once=int(_number(values.get("at_once", 0), f"{where}: at_once", whole=True)),
        throughput=_throughput(values.get("throughput"), where),
        metrics=_metrics(values.get("metrics"), where),
        allow=tuple(_one_of(one, ALLOWED, f"{where}: allow") for one in _texts(values.get("allow"), where)),
        launcher=launcher_words(values.get("launcher"), f"{where}: launcher"),
    )


def launcher_words(found: Any, where: str) -> tuple[str, ...]:
    """A command line's words, as a shell would part them.

    Raises:
        HacError: a quote is not closed.
    """
    try:
        return tuple(shlex.split(str(found or "")))
    except ValueError as error:  # a quote that is not closed
        raise HacError(f"{where}: {_short(found)} is no command line ({error})") from error


def _variants(found: Any, where: str) -> tuple[Variant, ...]:
    if not isinstance(found, list) or not found:
        raise HacError(f"{where}: variants: expected a list of training configurations, found {_short(found)}")
    variants = [_variant(entry, f"{where}: variants") for entry in found]
    seen: dict[str, Variant] = {}
    for variant in variants:
        # on some file systems Full and full are one folder
        before = seen.setdefault(variant.name.casefold(), variant)
        if before is not variant:
            raise HacError(
                f"{where}: two variants are called {variant.name!r} ({before.config} and {variant.config}); give one "
                "another name, as in {name: NAME, config: FILE}"
            )
    return tuple(variants)


def _variant(entry: Any, where: str) -> Variant:
    if isinstance(entry, str):
        entry = {"config": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), str):
        raise HacError(f"{where}: expected a file or {{name, config, set}}, found {_short(entry)}")
    for key in entry:
        check_key(str(key), _VARIANT_KEYS, where)
    config = Path(entry["config"])
    name = str(entry.get("name", config.stem))
    if not _NAME.fullmatch(name):
        raise HacError(f"{where}: {name!r:.60} is no name of a folder; expected letters, digits and . _ + -")
    return Variant(name, config, _mapping(entry.get("set"), f"{where}: {name}: set"))


def _seeds(found: Any, where: str) -> tuple[int, ...]:
    seeds = found if isinstance(found, list) else [found]
    if not seeds or any(type(seed) is not int or seed < 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise HacError(f"{where}: seeds: expected different whole numbers from 0, such as [0, 1, 2], found {found!r}")
    return tuple(seeds)


def _evaluation(found: Any, where: str) -> EvaluationFiles:
    given = _mapping(found, f"{where}: evaluation")
    for key in given:
        check_key(str(key), EvaluationFiles._fields, f"{where}: evaluation")
    if not given.get("manifest"):
        raise HacError(f"{where}: evaluation: no manifest of held-out speech; add evaluation: {{manifest: dev.jsonl}}")
    alignments = given.get("alignments")
    return EvaluationFiles(Path(str(given["manifest"])), Path(str(alignments)) if alignments else None)


def _metrics(found: Any, where: str) -> tuple[str, ...]:
    from analysis.metrics.registry import METRICS

    names = _texts(found, f"{where}: metrics")
    for name in names:
        check_key(name, METRICS, f"{where}: metrics")
    return names


def _throughput(found: Any, where: str) -> float | None:
    if found is None:
        return None
    value = _number(found, f"{where}: throughput")
    if value == 0:
        raise HacError(f"{where}: throughput is 0; expected seconds of audio per second, above 0")
    return value


def _number(found: Any, where: str, whole: bool = False) -> float:
    right = type(found) is int or (type(found) is float and not whole)
    if not right or not 0 <= found < LARGEST:
        raise HacError(f"{where}: expected a {'whole ' if whole else ''}number from 0, found {_short(found)}")
    return float(found)


def _one_of(found: Any, known: Sequence[str], where: str) -> Any:
    check_key(str(found), known, where)
    return found


def _texts(found: Any, where: str) -> tuple[str, ...]:
    entries = [] if found is None else found if isinstance(found, list) else [found]
    if any(not isinstance(entry, str) for entry in entries):
        raise HacError(f"{where}: expected a text or a list of texts, found {_short(found)}")
    return tuple(entries)


def _mapping(found: Any, where: str) -> dict[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise HacError(f"{where}: expected keys and values, found {_short(found)}")
    return {str(key): value for key, value in found.items()}


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths of one file made independent of the folder it lies in; what is no path is left for the checks."""

    def place(value: Any) -> Any:
        if isinstance(value, list):
            return [place(each) for each in value]
        return str(relative_to_file(folder, value)) if isinstance(value, str) else value

    def within(value: Any, *keys: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: place(each) if key in keys else each for key, each in value.items()}

    made: dict[str, Any] = within(values, "train", "validation")
    for key, inner in (("evaluation", ("manifest", "alignments")), ("set", ("model",))):
        if key in made:
            made[key] = within(made[key], *inner)
    if isinstance(made.get("variants"), list):
        made["variants"] = [
            place(entry) if isinstance(entry, str) else within(entry, "config") for entry in made["variants"]
        ]
    return made


def _short(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.60}"
