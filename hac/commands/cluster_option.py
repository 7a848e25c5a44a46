"""The option `--cluster`, for commands whose work can be done on many machines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

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


def clustered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--cluster`, and do its work there.

    Args:
        command: writes to its argument `output` or `out`.
    """
    signature = inspect.signature(command, eval_str=True)
    place = "output" if "output" in signature.parameters else "out"

    @wraps(command)
    def elsewhere(*args: Any, cluster: str | None = None, **kwargs: Any) -> None:
        if cluster is None:
            command(*args, **kwargs)
            return
        from hac.parallel.dask_cluster import on_cluster

        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        with on_cluster(cluster, Path(given.arguments[place])):
            command(*args, **kwargs)

    option = inspect.Parameter("cluster", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ClusterOption)
    elsewhere.__annotations__ = {**inspect.get_annotations(command), "cluster": ClusterOption}
    elsewhere.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return elsewhere
