"""`hac-analyze`: what tokens carry. Command bodies import what they need, so that `--help` stays quick."""

from __future__ import annotations

from importlib import import_module

import typer

from analysis.slices import SLICES
from hac import console
from reports.commands.ablate import ablate
from reports.commands.compare import compare
from reports.commands.demo import demo
from reports.commands.doctor import doctor
from reports.commands.export import export
from reports.commands.history import history
from reports.commands.merge import merge
from reports.commands.report import report
from reports.commands.table import table

app = typer.Typer(
    name="hac-analyze",
    help="Measure what speech tokens carry: every number with its chance level and its interval.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _hac_analyze() -> None:
    """Measure what speech tokens carry: every number with its chance level and its interval."""


COMMANDS = (
    *(getattr(import_module(f"reports.{one.name}.command"), one.command) for one in SLICES if one.command),
    *(merge, compare, export, ablate, history, report, table, demo, doctor),
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point of the `hac-analyze` command."""
    console.run(app)
