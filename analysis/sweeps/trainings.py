"""The trainings of a sweep: each variant from each seed, with its whole configuration; and whether they compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from analysis.sweeps.progress_file import key_of
from analysis.sweeps.sweep_config import Sweep, Variant
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError
from hac.files.atomic import real, write_text
from hac.files.yaml_config import check_key

if TYPE_CHECKING:
    from hac.train.config import TrainConfig


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        index: its place in the sweep, from 0.
        variant, seed: which.
        config: its whole configuration.
        folder: of the cell, in the sweep's folder.
        data: hash of what the manifests hold that it trains on.
        codebooks: sizes by stream.
    """

    index: int
    variant: str
    seed: int
    config: TrainConfig
    folder: Path
    data: str
    codebooks: dict[str, int]

    @property
    def name(self) -> str:
        """What the cell is called on the command line and in `sweep.json`."""
        return f"{self.variant}/seed-{self.seed}"

    @property
    def run(self) -> Path:
        """The folder of the training run."""
        return self.folder / "run"

    @property
    def config_file(self) -> Path:
        """The whole configuration, as `hac train` reads it."""
        return self.folder / "config.yaml"

    @property
    def key(self) -> str:
        """Hash of what the training learns from and how."""
        from hac.train.run_record import run_settings

        return key_of(step="train", settings=run_settings(self.config), data=self.data)

    def write_config(self) -> None:
        """Write the configuration, unless the very same is there."""
        text = yaml.safe_dump(json.loads(self.config.model_dump_json()), allow_unicode=True)
        if not self.config_file.is_file() or self.config_file.read_text(encoding="utf-8") != text:
            write_text(self.config_file, text)


def cells_of(sweep: Sweep, folder: Path) -> list[Cell]:
    """All trainings of a sweep: every variant of the first seed, then of the next.

    Raises:
        HacError: a configuration cannot be used, or names no speech that is there.
    """
    rows = [(seed, variant) for seed in sweep.seeds for variant in sweep.variants]
    return [_cell(sweep, index, variant, seed, folder) for index, (seed, variant) in enumerate(rows)]


def _cell(sweep: Sweep, index: int, variant: Variant, seed: int, folder: Path) -> Cell:
    from hac.train.config import model_config, read_train_config

    here = sweep.path.parent
    data = {"train": list(sweep.train)} if sweep.train else {}
    data |= {"validation": list(sweep.validation)} if sweep.validation else {}
    layers = (sweep.set, {"data": data}, variant.changes, {"seed": seed})
    try:
        config = read_train_config(variant.config, over=[(layer, here) for layer in layers])
        codebooks = {name: int(size) for name, size in model_config(config).codebook_sizes.items()}
    except HacError as error:
        raise HacError(f"{sweep.path}: variant {variant.name}: {error}") from error
    return Cell(index, variant.name, seed, config, folder / variant.name / f"seed-{seed}", _data_key(config), codebooks)


def chosen(cells: Sequence[Cell], names: Sequence[str], index: int | None) -> list[Cell]:
    """The cells of these names, or of this place in the list (from 0); all for neither.

    Raises:
        HacError: there is no such cell.
    """
    if index is not None:
        if not 0 <= index < len(cells):
            raise HacError(f"--index {index}: the sweep has {len(cells)} trainings, 0 to {len(cells) - 1}")
        return [cells[index]]
    known = [cell.name for cell in cells]
    for name in names:
        check_key(name, known, "--only")
    return [cell for cell in cells if not names or cell.name in names]


def check_cells(cells: Sequence[Cell], reference: str, allow: Sequence[str]) -> list[str]:
    """Refuse variants that are no fair rows of one table; returns warnings about what was allowed to differ.

    Args:
        cells: all trainings of the sweep.
        reference: the variant that the others are compared with.
        allow: `codebooks`, `data`: differences that are insisted on.

    Raises:
        HacError: other codebooks, or other data than the reference's, that were not allowed.
    """
    by_name = {cell.name: cell for cell in cells}
    found: dict[str, None] = {}
    for cell in cells:
        base = by_name[f"{reference}/seed-{cell.seed}"]
        for what, text, way_out in _differences(cell, base):
            if what not in allow:
                raise HacError(f"{text}; {way_out}, or insist with --allow-{what}")
            found[text] = None
        if text := _budget_differs(cell, base):
            found[text] = None
    return list(found)


def _differences(cell: Cell, base: Cell) -> list[tuple[str, str, str]]:
    found = []
    if len(cell.codebooks) != len(base.codebooks):
        text = (
            f"{cell.variant} has {len(cell.codebooks)} codebooks and {base.variant} {len(base.codebooks)}: they do not "
            "have the same bits"
        )
        found.append(("codebooks", text, "give both the same number (model.acoustic_codebooks)"))
    else:
        sizes = [name for name, size in cell.codebooks.items() if base.codebooks.get(name, size) != size]
        if sizes:
            text = (
                f"{cell.variant} has {cell.codebooks[sizes[0]]} codes in {sizes[0]} and {base.variant} "
                f"{base.codebooks[sizes[0]]}"
            )
            found.append(("codebooks", text, "give both the same size"))
    if cell.data != base.data:
        text = f"{cell.variant} and {base.variant} train on different data ({_data_differs(cell, base)})"
        found.append(("data", text, "give both the same data"))
    return found


def _data_differs(cell: Cell, base: Cell) -> str:
    ours, theirs = cell.config.data, base.config.data
    if ours.train != theirs.train:
        return f"data.train is {', '.join(ours.train):.200} and {', '.join(theirs.train):.200}"
    for key in _DATA_KEYS:
        if getattr(ours, key) != getattr(theirs, key):
            return f"data.{key} is {getattr(ours, key)} and {getattr(theirs, key)}"
    return "manifests that hold different rows"


def _budget_differs(cell: Cell, base: Cell) -> str:
    """Whether one learns longer or from larger batches: allowed, with a warning."""
    for name, ours, theirs in (
        ("steps", cell.config.steps, base.config.steps),
        ("data.batch_s", cell.config.data.batch_s, base.config.data.batch_s),
    ):
        if ours != theirs:
            return f"{cell.variant} and {base.variant} have other budgets ({name} {ours:g} and {theirs:g})"
    return ""


def overlap(cells: Sequence[Cell], evaluation: Path) -> str:
    """A warning where utterances that are analysed stand in what is trained on; empty where none do."""
    manifest = _manifest(evaluation)
    wanted = {real(manifest.audio_path(u)) for u in manifest.utterances}
    shared: set[Path] = set()
    for path in sorted({path for cell in cells for path in cell.config.data.train}):
        trained = _manifest(Path(path))
        shared |= wanted & {real(trained.audio_path(u)) for u in trained.utterances}
    if not shared:
        return ""
    return (
        f"{len(shared)} of the {len(manifest)} recordings of {evaluation} stand in data.train too: numbers on speech "
        "that was trained on say little"
    )


_DATA_KEYS = ("validation", "validation_share", "min_s", "max_s")


def _data_key(config: TrainConfig) -> str:
    data = config.data
    rows = {key: [_manifest(Path(path)).sha256 for path in getattr(data, key) or ()] for key in ("train", "validation")}
    return key_of(**rows, **{key: getattr(data, key) for key in _DATA_KEYS[1:]})


def _manifest(path: Path) -> Manifest:
    """A manifest, read once for all trainings that share it."""
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _read(path: Path, _changed: int) -> Manifest:
    # what is wrong with rows is counted where they are trained on
    return read_manifest(path, failures=FailureLog())


def hours_of(config: Any) -> float:
    """Hours of speech in the manifests of a training."""
    return sum(_manifest(Path(path)).hours for path in config.data.train)
