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


def as_run(run: ReportRun) -> Run:
    """A run as comparisons take it, with its draws."""
    return Run(run.system, run.folder, run.drawn)
