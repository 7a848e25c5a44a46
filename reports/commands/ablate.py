"""`hac-analyze ablate`: the variants of a sweep trained, analysed, compared."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from reports.commands import options as opt

if TYPE_CHECKING:
    from types import FrameType

    from analysis.sweeps.analysis_options import Commands
    from analysis.sweeps.cluster import Stop
    from analysis.sweeps.launch import Processes
    from analysis.sweeps.run import Job
    from analysis.sweeps.trainings import Cell

FAILED = 1
"""Exit code where a training or an analysis failed; the others are done."""


def ablate(
    context: typer.Context,
    sweep: Annotated[Path, typer.Argument(help="Sweep file (YAML): variants, seeds, speech, analyses.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for runs, logs, sweep.json and the comparison.")
    ] = Path("sweep"),
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it will take (trainings, steps, hours, gigabytes), and stop there.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Say how far it is, and stop there.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT/seed-N", help="Only this training and its analyses; repeatable. Compares nothing."
        ),
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(
            help="Only the training of this number (from 0, as --plan lists them): for an array of a scheduler."
        ),
    ] = None,
    compare_only: Annotated[
        bool, typer.Option("--compare-only", help="Compare what is finished; train and analyse nothing.")
    ] = False,
    devices: Annotated[
        str | None, typer.Option(help="Devices, by comma: auto, cpu, cuda:0. [default: the sweep's, else auto]")
    ] = None,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time. [default: the sweep's, else one a device]")
    ] = None,
    throughput: Annotated[
        float | None, typer.Option(help="--plan: seconds of audio per second of one training. [default: measured]")
    ] = None,
    launcher: Annotated[
        str | None, typer.Option(help="Words before `-m hac.cli train`, such as 'torchrun --nproc-per-node 2'.")
    ] = None,
    allow_codebooks: Annotated[
        bool, typer.Option("--allow-codebooks", help="Compare variants whose codebooks differ in number or size.")
    ] = False,
    allow_data: Annotated[
        bool,
        typer.Option("--allow-data", help="Compare variants that train on different data; the difference is named."),
    ] = False,
    cluster: ClusterOption = None,
) -> None:
    """Train variants from several seeds, analyse them, and say which differences to the baseline are beyond noise.

    The same command goes on where it stopped; what is finished is never done again. Ctrl-C and SIGTERM let trainings
    save first. A training that fails stops none of the others; then the exit code is 1. With --cluster each training
    with its analyses is a task, and each worker does one at a time on its own GPU, or in one thread.

    Examples:

        hac-analyze ablate sweep.yaml -o sweep --plan

        hac-analyze ablate sweep.yaml -o sweep --devices cuda:0,cuda:1

        hac-analyze ablate sweep.yaml -o sweep --index $SLURM_ARRAY_TASK_ID

    where sweep.yaml has `base: configs/sweeps/teachers.yaml`, `train: train.jsonl` and `evaluation: {manifest:
    test.jsonl, alignments: test.parquet}`.
    """
    context.with_resource(on_cluster(cluster, output))
    from analysis.sweeps.launch import Processes
    from analysis.sweeps.run import failures
    from analysis.sweeps.trainings import chosen
    from hac.errors import HacError

    if throughput is not None and not throughput > 0:
        raise HacError(f"--throughput {throughput} is no number above 0 of seconds of audio per second")
    allow = [name for name, given in (("codebooks", allow_codebooks), ("data", allow_data)) if given]
    analyze: Any = context.find_root().command
    job = _job(sweep, analyze.commands, output, allow, devices, at_once, throughput, launcher)
    cells = chosen(job.cells, only or [], index)
    if status:
        _show_status(job)
        return
    launch = Processes()
    if not compare_only:  # the comparison says them too
        for warning in job.warnings:
            typer.echo(f"warning: {warning}", err=True)
    if plan:
        _show_plan(job, cells, launch)
        return
    failed = failures(job.cells, job.progress()) if compare_only else _work(job, cells, launch)
    compared = True
    if only or index is not None:
        typer.echo(f"{len(cells) - len(failed)} of {len(cells)} done; the whole command, without --only, compares all")
    else:
        compared = _compare(job)
    if failed:
        for cell, why in failed.items():
            typer.echo(f"failed: {cell}: {why}", err=True)
        raise typer.Exit(FAILED)
    if not compared and len(job.sweep.variants) > 1:
        raise HacError(
            f"{job.folder}: nothing to compare: {job.sweep.reference} and no other variant have a finished number in "
            "common; see --status"
        )


def _job(
    path: Path,
    commands: Commands,
    output: Path,
    allow: list[str],
    devices: str | None,
    at_once: int | None,
    throughput: float | None,
    launcher: str | None,
) -> Job:
    """The sweep with what the command line changes of it, checked whole before anything starts."""
    from dataclasses import replace

    from analysis.sweeps.run import prepare
    from analysis.sweeps.sweep_config import launcher_words, read_sweep

    sweep = read_sweep(path, commands)
    sweep = replace(
        sweep,
        devices=opt.names_of(devices) or sweep.devices,
        at_once=at_once or sweep.at_once,
        throughput=throughput or sweep.throughput,
        launcher=sweep.launcher if launcher is None else launcher_words(launcher, "--launcher"),
        allow=tuple(dict.fromkeys((*sweep.allow, *allow))),
    )
    return prepare(sweep, output)


def _work(job: Job, cells: list[Cell], launch: Processes) -> dict[str, str]:
    """Train and analyse; returns the failures. A signal ends it in order with the exit code that shells have for it."""
    from analysis.sweeps.cluster import Stop, run_cells_on_cluster
    from analysis.sweeps.run import Work, run_cells
    from hac.devices import devices_of
    from hac.parallel.pool import on_cluster

    if on_cluster():
        work, stop = Work(launch, log_line=typer.echo), Stop(job.folder)
        with _stopped_by_signals(stop) as seen:
            run_cells_on_cluster(job, cells, work, stop)
    else:
        devices = devices_of(job.sweep.devices)
        work = Work(launch, devices, job.sweep.at_once or len(devices), typer.echo)
        with _stopped_by_signals(launch) as seen:
            run_cells(job, cells, work)
    if seen:
        typer.echo(f"stopped; the state is in {job.folder}, and the same command goes on from there", err=True)
        raise typer.Exit(128 + seen[0])
    return work.failed


@contextmanager
def _stopped_by_signals(launch: Processes | Stop) -> Iterator[list[int]]:
    """Within this, Ctrl-C and SIGTERM stop the launcher's processes in order; yields the signals seen."""
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if not seen:
            typer.echo("stopping: trainings save first", err=True)
        seen.append(number)
        launch.stop()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_plan(job: Job, cells: list[Cell], launch: Processes) -> None:
    from analysis.sweeps.budget import Throughput, find_throughput, plan
    from analysis.sweeps.run import threads_each
    from hac.devices import devices_of
    from reports.comparison.sweep_tables import plan_table

    sweep, devices = job.sweep, devices_of(job.sweep.devices)
    at_once = sweep.at_once or len(devices)
    with _stopped_by_signals(launch):
        if sweep.throughput is not None:
            throughput = Throughput.given(sweep.throughput)
        else:
            threads = threads_each(at_once)
            throughput = find_throughput(job.cells, sweep.reference, devices[0], threads, sweep.launcher, launch)
        opt.show(plan_table(plan(cells, at_once, throughput)))


def _compare(job: Job) -> bool:
    """Compare what is finished, write it and show it; returns whether there was anything to compare."""
    from analysis.comparison.seeds import compare_over_seeds
    from analysis.metrics.registry import metric_name
    from analysis.sweeps.results import comparison_results
    from analysis.sweeps.run import finished_runs, unfinished
    from reports.comparison.sweep_tables import ablation_table
    from reports.comparison.tables import comparison_csv

    sweep, progress = job.sweep, job.progress()
    compared = compare_over_seeds(
        finished_runs(job.cells, sweep.analyses, progress),
        sweep.reference,
        wanted=lambda record: not record.group and (not sweep.metrics or metric_name(record.id) in sweep.metrics),
        allow_levels="codebooks" in sweep.allow,
    )
    left_out = unfinished(job.cells, progress)
    for cell, why in left_out.items():
        typer.echo(f"not in the comparison: {cell}: {why}", err=True)
    results = comparison_results(job, compared, left_out)
    others = [variant.name for variant in sweep.variants if variant.name != sweep.reference]
    table = ablation_table(sweep.reference, others, compared.differences, results.warnings)
    opt.finish(results, {"differences.csv": comparison_csv(compared.differences)}, job.folder, table)
    return bool(compared.differences)


def _show_status(job: Job) -> None:
    from analysis.sweeps.run import progress_file, state_rows
    from reports.comparison.sweep_tables import status_table

    opt.show(status_table(job.folder, state_rows(job.cells, job.sweep.analyses, progress_file(job.folder))))
