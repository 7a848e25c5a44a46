"""`hac-analyze merge`: shards of any analysis become its results."""

from __future__ import annotations

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
        from analysis.boundaries import shards as boundary_shards
        from analysis.clips.store import discard
        from analysis.pnmi import shards as pnmi_shards
        from analysis.shards.count_file import Shard
        from analysis.words import shards as word_shards
        from hac.errors import HacError
        from reports.commands import boundaries, pnmi, words

        command = Shard(shards[0]).meta.command
        discard(output)  # shards hold counts and no sound, and what an earlier run left there is not of this one
        if command == "pnmi":
            pnmi.finish(pnmi_shards.merge(shards, jobs), output, jobs)
        elif command == "words":
            words.finish(word_shards.merge(shards, jobs), output, jobs)
        elif command == "boundaries":
            boundaries.finish(boundary_shards.merge(shards, jobs), output, jobs)
        else:
            raise HacError(f"{shards[0]}: shards of '{command}', which this program cannot merge; upgrade")
