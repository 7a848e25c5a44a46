"""Workers that a batch system starts, through dask-jobqueue: Slurm, PBS, SGE, LSF, OAR, HTCondor, Moab.

The file holds dask-jobqueue's own options, and how many jobs are wanted:

    jobqueue: {slurm: {cores: 8, processes: 8, memory: 32GB, walltime: "04:00:00", queue: cpu}}
    jobs: 10              # or adapt: {minimum: 1, maximum: 50}
    wait_s: 3600          # for the first worker
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hac.errors import HacError
from hac.files.yaml_config import check_key, read_yaml

CLASSES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
    "moab": "MoabCluster",
}
KEYS = ("jobqueue", "jobs", "adapt", "wait_s")
WAIT_S = 3600.0
LONGEST_WAIT_S = 1e8


@contextmanager
def started(path: Path) -> Iterator[tuple[Any, float]]:
    """A Dask cluster whose workers a batch system starts, and the seconds to wait for the first.

    Raises:
        HacError: dask-jobqueue is missing, or the file is wrong.
    """
    try:
        import dask_jobqueue
    except ImportError as error:
        raise HacError(f"{path}: needs dask-jobqueue ({error}): pip install 'hac-codec[cluster]'") from error
    values = read_yaml(path, "batch system's file")
    kind, options = _system(path, values)
    jobs, adapt, wait_s = _amounts(path, values)
    made = getattr(dask_jobqueue, CLASSES[kind])
    try:
        _check_options(made, options)
        # no page that anybody on the network may read, and no quarrel over its port
        quiet = {"dashboard": False, "dashboard_address": "localhost:0", **(options.get("scheduler_options") or {})}
        cluster = made(**{**options, "scheduler_options": quiet})
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise HacError(f"{path}: jobqueue.{kind}: {' '.join(str(error).split())}") from error
    with cluster:
        try:
            if adapt is not None:
                cluster.adapt(minimum_jobs=adapt["minimum"], maximum_jobs=adapt["maximum"])
            else:
                cluster.scale(jobs=jobs)
        except (OSError, RuntimeError) as error:
            raise HacError(f"{path}: {kind} takes no jobs ({' '.join(str(error).split())[:300]})") from error
        yield cluster, wait_s


def _check_options(made: Any, options: dict[str, Any]) -> None:
    """Make one job that is never handed in: a cluster that fails in its making complains once more when it goes."""
    from dask_jobqueue.core import JobQueueCluster

    of_cluster = inspect.signature(JobQueueCluster.__init__).parameters
    of_job = {key: value for key, value in options.items() if key not in of_cluster}
    made.job_cls(scheduler="tcp://nowhere:1", name="check", **of_job)


def _system(path: Path, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Which batch system, and its options."""
    for key in values:
        check_key(str(key), KEYS, str(path))
    systems = values.get("jobqueue")
    if not isinstance(systems, dict) or len(systems) != 1 or next(iter(systems)) not in CLASSES:
        raise HacError(f"{path}: jobqueue: expected one of {', '.join(CLASSES)}, with its options")
    kind, options = next(iter(systems.items()))
    if not isinstance(options, dict):
        raise HacError(f"{path}: jobqueue.{kind}: expected options of dask-jobqueue, such as cores and memory")
    cores = options.get("cores")
    if cores != options.get("processes") or not isinstance(cores, int) or cores < 1:
        raise HacError(
            f"{path}: jobqueue.{kind}: cores is {cores} and processes is {options.get('processes')}; write the same "
            "number for both, since each process works in one thread"
        )
    return kind, options


def _amounts(path: Path, values: dict[str, Any]) -> tuple[int, dict[str, int] | None, float]:
    """Jobs wanted, or the limits between which they may vary; seconds to wait."""
    jobs, adapt, wait_s = values.get("jobs"), values.get("adapt"), values.get("wait_s", WAIT_S)
    if (jobs is None) == (adapt is None):
        raise HacError(f"{path}: expected either jobs: NUMBER or adapt: {{minimum: NUMBER, maximum: NUMBER}}")
    if adapt is not None and (
        not isinstance(adapt, dict)
        or set(adapt) != {"minimum", "maximum"}
        or not all(isinstance(n, int) for n in adapt.values())
        or not 0 <= adapt["minimum"] <= adapt["maximum"]
        or adapt["maximum"] < 1
    ):
        raise HacError(f"{path}: adapt: expected minimum and maximum, numbers of jobs")
    if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
        raise HacError(f"{path}: jobs: expected a number of 1 or more, found {jobs!r}")
    if not isinstance(wait_s, (int, float)) or not 0 < wait_s < LONGEST_WAIT_S:
        raise HacError(f"{path}: wait_s: expected seconds, found {wait_s!r}")
    return jobs or 1, adapt, float(wait_s)
