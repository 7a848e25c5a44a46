"""`hac-analyze merge`: shards of any analysis become its results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analysis.commands import options as opt


def merge(
    shards: Annotated[list[Path], typer.Argument(help="Folders (or counts.parquet files) of all shards of one job.")],
    output: opt.Output = Path("merged"),
    jobs: opt.Jobs = -1,
) -> None:
    """Add up the shards of one job: the same numbers, to the bit, as one run over everything.

    Example:

        hac-analyze merge shard-*/ -o results
    """
    from analysis.commands.pnmi import finish
    from analysis.pnmi_shards import merge as merge_shards

    finish(merge_shards(shards, jobs), output, jobs)
