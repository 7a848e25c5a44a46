"""The option `--cluster`, for commands whose work can be done on many machines."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Work on a Dask cluster: a scheduler's address, its file (.json), or a batch system's (.yaml); "
        "see docs/scaling.md.",
    ),
]


def on_cluster(cluster: str | None, output: Path) -> AbstractContextManager[None]:
    """Spread work over the cluster that was asked for, if any; see `hac.parallel.dask_cluster.on_cluster`."""
    if cluster is None:
        return nullcontext()
    from hac.parallel import dask_cluster

    return dask_cluster.on_cluster(cluster, output)
