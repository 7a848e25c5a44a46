"""`hac-analyze`: what tokens carry. Command bodies import what they need, so that `--help` stays quick."""

from __future__ import annotations

import typer

from analysis.commands.ablate import ablate
from analysis.commands.boundaries import boundaries
from analysis.commands.compare import compare
from analysis.commands.demo import demo
from analysis.commands.discovery import discovery
from analysis.commands.doctor import doctor
from analysis.commands.export import export
from analysis.commands.history import history
from analysis.commands.intervene import intervene
from analysis.commands.leakage import leakage
from analysis.commands.merge import merge
from analysis.commands.pnmi import pnmi
from analysis.commands.recon import recon
from analysis.commands.report import report
from analysis.commands.stability import stability
from analysis.commands.usage import usage
from analysis.commands.words import words
from hac import console

app = typer.Typer(
    name="hac-analyze",
    help="Show what speech tokens carry: every number beside its null and its interval.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _hac_analyze() -> None:
    """Show what speech tokens carry: every number beside its null and its interval."""


COMMANDS = (
    pnmi,
    words,
    boundaries,
    discovery,
    leakage,
    recon,
    intervene,
    usage,
    stability,
    merge,
    compare,
    export,
    ablate,
    history,
    report,
    demo,
    doctor,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point of the `hac-analyze` command."""
    console.run(app)
