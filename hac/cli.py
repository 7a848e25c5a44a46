"""`hac`: corpora, alignments and tokens. Command bodies import what they need, so that `--help` stays quick."""

from __future__ import annotations

import typer

from hac import console
from hac.commands import align, corpus, decode, embed, encode, info, tokenizer, train

app = typer.Typer(
    name="hac",
    help="Make corpora, alignments and tokens, and train codecs. The numbers come from hac-analyze.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(corpus.app, name="corpus")
app.add_typer(tokenizer.app, name="tokenizer")
app.command("train")(train.train)
app.command("align")(align.align)
app.command("encode")(encode.encode)
app.command("decode")(decode.decode)
app.command("embed")(embed.embed)
app.command("info")(info.info)


def main() -> None:
    """Entry point of the `hac` command."""
    console.run(app)


if __name__ == "__main__":
    main()
