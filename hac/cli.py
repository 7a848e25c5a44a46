"""`hac`: corpora, alignments and tokens. Command bodies import what they need, so that `--help` stays quick."""

from __future__ import annotations

import typer

from hac import console
from hac.commands import align, corpus, encode, tokenizer

app = typer.Typer(
    name="hac",
    help="Make corpora, alignments and tokens. The numbers come from hac-analyze.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(corpus.app, name="corpus")
app.add_typer(tokenizer.app, name="tokenizer")
app.command("align")(align.align)
app.command("encode")(encode.encode)


def main() -> None:
    """Entry point of the `hac` command."""
    console.run(app)
