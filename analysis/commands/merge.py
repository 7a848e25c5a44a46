"""`hac-analyze merge`: shards of any analysis become its results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analysis.commands import options as opt
from hac.commands.exclusive import exclusive


@exclusive("output")
def merge(
    shards: Annotated[list[Path], typer.Argument(help="Folders (or counts.parquet files) of all shards of one job.")],
    output: opt.Output = Path("merged"),
    jobs: opt.Jobs = -1,
) -> None:
    """Add up the shards of one job: the same numbers, to the bit, as one run over everything.

    Example:

        hac-analyze merge shard-*/ -o results
    """
    from analysis import boundary_shards, pnmi_shards, word_shards
    from analysis.clip_shelf import discard
    from analysis.commands import boundaries, pnmi, words
    from analysis.count_files import Shard
    from hac.errors import HacError

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
