"""`hac-analyze doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt

if TYPE_CHECKING:
    from rich.table import Table

    from analysis.doctor.examine import Finding

BROKEN = 1
"""Exit code where the installation cannot be used."""


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Which external parts are there and work, what each is needed for, and how to get it.

    Every part is tried, not only looked up. Ends with 1 where one that every installation must have does not work.

    Examples:

        hac-analyze doctor

        hac-analyze doctor --json
    """
    import json

    from analysis.doctor.examine import as_json, examine
    from hac.console import printable

    findings = examine()
    if json_:
        typer.echo(json.dumps(as_json(findings), indent=1, ensure_ascii=True))
    else:
        opt.show(_table(findings))
    trouble = [finding for finding in findings if finding.is_trouble]
    for finding in trouble:
        typer.echo(f"{finding.part} is {finding.state}: {printable(finding.detail, 400)}; {finding.get}", err=True)
    if trouble:
        raise typer.Exit(BROKEN)


def _table(findings: Sequence[Finding]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from hac.console import printable

    table = Table("part", "state", "version", "needed for", "what is known, or how to get it", box=None)
    for found in findings:
        known = printable(found.detail, 200)
        if found.state != "found":
            known = f"{known}; {found.get}"
        name = escape(f"{found.part} *" if found.is_plain else found.part)
        table.add_row(name, found.state, found.version, found.needed_for, escape(known))
    table.caption = "* every installation must have it"
    table.caption_justify = "left"
    return table
