"""`hac-analyze compare`: finished runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.comparison.differences import Difference

FAILED = 1
"""Exit code where a number fell by more than --fail-on allows."""


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs of one command, the baseline first.")],
    names: Annotated[
        str | None, typer.Option(help="What to call the runs, by comma. [default: their systems' names]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the differences to this CSV file too.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Only these metrics, by comma, such as `pnmi,phone_purity`.")
    ] = None,
    groups: Annotated[
        bool, typer.Option("--groups", help="Languages, speakers and phones too, not only the whole corpus.")
    ] = False,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OTHER=OWN",
            help="In every run but the first, a stream stands for one of the baseline's, and is all that is compared "
            "of the run: `units=phonetic` holds k-means units against the phonetic stream, `acoustic.0=phonetic` a "
            "model's own acoustic one. Repeatable.",
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC:DROP",
            help="End with exit code 1 where a run is worse than the baseline by more than DROP and beyond noise; "
            "METRIC is a metric (`pnmi`) or an id (`phonetic.pnmi`). p is corrected for all numbers that are compared: "
            "name the ones that count with --metrics. Repeatable.",
        ),
    ] = None,
    allow_data: Annotated[
        bool, typer.Option("--allow-data", help="Compare runs over different utterances; nothing is paired then.")
    ] = False,
    allow_protocol: Annotated[
        bool, typer.Option("--allow-protocol", help="Compare runs that measured differently.")
    ] = False,
) -> None:
    """Differences to the first run: each with its interval, paired over the same speakers, corrected for their number.

    Examples:

        hac-analyze compare pnmi-a pnmi-b

        hac-analyze compare baseline/ candidate/ --metrics pnmi --fail-on phonetic.pnmi:0.02

        hac-analyze compare hac/pnmi mfcc-kmeans/pnmi --match units=phonetic
    """
    from analysis.comparison.comparable import check_comparable
    from analysis.comparison.differences import compare as differences_of
    from analysis.comparison.runs import read_run, with_distinct_names
    from analysis.comparison.streams import matched, nothing_in_common, stream_pairs
    from analysis.metrics.registry import METRICS, metric_name
    from hac.errors import HacError
    from hac.files.atomic import write_text
    from hac.files.yaml_config import check_key
    from reports.comparison.tables import comparison_csv, comparison_table

    given = [name.strip() for name in names.split(",")] if names else [""] * len(runs)
    if len(given) != len(runs):
        raise HacError(f"--names has {len(given)} names for {len(runs)} runs; give one each")
    chosen = [name.strip() for name in metrics.split(",")] if metrics else []
    for name in chosen:
        check_key(name, METRICS, "--metrics")
    limits = [_limit(text) for text in fail_on or []]
    found = with_distinct_names([read_run(path, name) for path, name in zip(runs, given, strict=True)])
    if match:
        found = matched(found, stream_pairs(match))
    warnings = check_comparable(found, allow_data=allow_data, allow_protocol=allow_protocol)
    differences = differences_of(
        found, lambda r: (groups or not r.group) and (not chosen or metric_name(r.id) in chosen)
    )
    if not differences:
        raise HacError(nothing_in_common(found, chosen))
    limited = [
        (one, name, drop) for one in differences for name, drop in limits if name in (metric_name(one.id), one.id)
    ]
    _check_limits(limited, limits, [run.name for run in found[1:]])
    if output is not None:
        write_text(output, comparison_csv(differences))
        typer.echo(f"differences: {output}")
    opt.show(comparison_table(found[0].name, differences, warnings))
    fallen = [one for one, _, drop in limited if one.verdict == "worse" and abs(one.difference) > drop]
    for one in fallen:
        typer.echo(f"{one.run}: {one.id} is worse by {abs(one.difference):.4f} (p {one.p_holm:.2g})", err=True)
    unknown = [one for one, _, _ in limited if one.verdict == "unknown"]
    for one in unknown:
        typer.echo(f"{one.run}: {one.id} cannot be compared ({one.note or 'it is undefined in a run'})", err=True)
    if fallen or unknown:
        raise typer.Exit(FAILED)


def _check_limits(
    limited: Sequence[tuple[Difference, str, float]], limits: Sequence[tuple[str, float]], runs: Sequence[str]
) -> None:
    """Refuse a limit that could never be exceeded: of a number that a run lacks, or that has no worse side."""
    from analysis.metrics.registry import metric_of
    from hac.errors import HacError

    for name, _ in limits:
        having = {one.run for one, limit, _ in limited if limit == name}
        for run in runs:
            if run not in having:
                raise HacError(f"--fail-on {name}: {run} and the baseline have no such number in common")
    for one, name, _ in limited:
        if metric_of(one.id).better == "none":
            raise HacError(f"--fail-on {name}: of {one.id} neither more nor less is worse, so it cannot fail")


def _limit(text: str) -> tuple[str, float]:
    """Metric and largest allowed drop of `pnmi:0.02`."""
    from hac.errors import HacError

    name, _, drop = text.rpartition(":")
    try:
        value = float(drop)
    except ValueError:
        value = -1.0
    if not name or not value >= 0:
        raise HacError(f"--fail-on {text!r} is not METRIC:DROP, such as phonetic.pnmi:0.02")
    return name, value
