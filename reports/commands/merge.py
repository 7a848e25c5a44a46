"""`hac-analyze merge`: shards of any analysis become its results."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from hac.files.output_lock import locked
from reports.commands import options as opt


def merge(
    shards: Annotated[list[Path], typer.Argument(help="Folders (or counts.parquet files) of all shards of one job.")],
    output: opt.Output = Path("merged"),
    jobs: opt.Jobs = -1,
) -> None:
    """Add up the shards of one job: the same numbers, to the bit, as one run over everything.

    Example:

        hac-analyze merge shard-*/ -o results
    """
    with locked([output]):
        from analysis.clips.store import discard
        from analysis.shards.count_file import Shard
        from analysis.slices import slice_of
        from hac.errors import HacError

        found = slice_of(Shard(shards[0]).meta.command)
        if not found.in_shards:
            raise HacError(f"{shards[0]}: shards of '{found.command}', which this program cannot merge; upgrade")
        discard(output)  # shards hold counts and no sound, and what an earlier run left there is not of this one
        merged = import_module(f"analysis.{found.name}.shards").merge(shards, jobs)
        import_module(f"reports.{found.name}.command").finish(merged, output, jobs)
