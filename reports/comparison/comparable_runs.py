"""Whether two runs can be compared, asked once for every section that compares."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparison.comparable import check_comparable, protocol_differs
from analysis.comparison.runs import Run
from hac.errors import HacError
from reports.document.runs import ReportRun


@dataclass(frozen=True)
class Alike:
    """Whether two runs can be compared, whether draw by draw, and what stands in the way."""

    comparable: bool
    paired: bool
    why: str = ""


def alike(base: ReportRun, other: ReportRun) -> Alike:
    """Whether two runs measured the same speech the same way."""
    try:
        warnings = check_comparable([Run(run.system, run.folder, run.results) for run in (base, other)])
    except HacError:
        differs = protocol_differs(base.results, other.results)
        how = f"measured differently ({differs})" if differs else "measured other speech"
        return Alike(False, False, f"{other.system} and {base.system} {how}")
    return Alike(True, not warnings)


def unlike_streams(base: ReportRun, other: ReportRun) -> tuple[str, ...]:
    """Streams of both that are not set against each other: parts of unlike bits, such as a first codebook of 16 codes
    and one of 1,024. Where a stream is all that each system has, systems are compared, whatever their bits.
    """
    ours, theirs = other.results.streams, base.results.streams
    if len(ours) == len(theirs) == 1:
        return ()
    return tuple(name for name, info in ours.items() if name in theirs and info.kbps != theirs[name].kbps)


def as_run(run: ReportRun) -> Run:
    """A run as comparisons take it, with its draws."""
    return Run(run.system, run.folder, run.drawn)
