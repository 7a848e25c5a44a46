"""`hac info`: what a checkpoint is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from hac.coding.checkpoint_info import CheckpointInfo

_TRAINING_ROWS = 12
"""Entries of training.json that are shown; --json has all."""


def info(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="Folder, hub id or KIND:WHERE.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show what a checkpoint is: streams, rates, nominal kbps, parameters, options, how it was trained.

    A HAC model is described from its config and the headers of its weights, without loading it. Of other tokenizers,
    which are loaded, the streams are shown.

    Examples:

        hac info runs/hac-small

        hac info owner/name-on-the-hub --json
    """
    import json

    from hac.coding.checkpoint_info import describe

    found = describe(checkpoint)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        _print(found)


def _print(found: CheckpointInfo) -> None:
    from rich.console import Console

    console = Console()
    rate = "several frame rates" if found.frame_rate is None else f"{_number(found.frame_rate)} frames per second"
    version = "" if found.format_version is None else f", format version {found.format_version}"
    total = sum(found.kbps.values())
    typer.echo(f"{found.name}: {found.model_type}{version}")
    typer.echo(f"{found.sample_rate} Hz, {rate}, {total:.3g} kbps nominal")
    console.print(_streams(found))
    if found.parameters:
        console.print(_parameters(found))
    console.print(_pairs("option", "value", found.options))
    if found.training is not None:
        plain = {key: value for key, value in found.training.items() if isinstance(value, str | int | float)}
        console.print(_pairs("training", "value", dict(list(plain.items())[:_TRAINING_ROWS])))
    typer.echo(f"weights sha256: {found.weights_sha256 or 'none'}")


def _streams(found: CheckpointInfo) -> Table:
    """Streams by level, each level closed by its sum where it has several streams."""
    from rich.markup import escape

    from hac.coding.checkpoint_info import level_of

    table = _table(("stream", "codes", "frames/s", "kbps"))
    for level, kbps in found.kbps.items():
        specs = [spec for spec in found.streams if level_of(spec) == level]
        for spec in specs:
            cells = (escape(spec.name), f"{spec.codebook_size}", _number(spec.frame_rate), f"{spec.kbps:.3f}")
            table.add_row(*cells, end_section=spec is specs[-1] and len(specs) == 1)
        if len(specs) > 1:
            table.add_row(escape(f"{level}, all {len(specs)}"), "", "", f"{kbps:.3f}", style="bold", end_section=True)
    table.add_row("all", "", "", f"{sum(found.kbps.values()):.3f}", style="bold")
    return table


def _parameters(found: CheckpointInfo) -> Table:
    table = _table(("part", "parameters", "share"))
    total = sum(found.parameters.values())
    for part, count in found.parameters.items():
        table.add_row(part, f"{count:,}", f"{count / total:.1%}")
    table.add_row("all", f"{total:,}", "", style="bold")
    return table


def _pairs(left: str, right: str, pairs: Any) -> Table:
    from rich.markup import escape

    from hac.console import printable

    table = _table((left, right))
    for key, value in pairs.items():
        if isinstance(value, int) and not isinstance(value, bool):
            text = f"{value:,}"
        elif isinstance(value, list | tuple):
            text = ", ".join(map(str, value))
        else:
            text = str(value)
        table.add_row(escape(printable(str(key))), escape(printable(text, 200)))
    return table


def _table(columns: tuple[str, ...]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index and len(columns) > 2 else "left", overflow="fold")
    return table


def _number(rate: Any) -> str:
    """A rate as a decimal where it is short, else as the exact fraction."""
    text = f"{float(rate):g}"
    return text if rate == type(rate)(text) else str(rate)
