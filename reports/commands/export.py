"""`hac-analyze export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from hac.files.output_lock import locked
from reports.commands import options as opt
from reports.commands.option_groups import grouped

FILES, FAILED = "textgrids.jsonl", "failures.jsonl"
"""Lists beside the TextGrids: the file of each utterance, and what could not be written."""


@grouped
def export(
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Token files, runs, or folders that hold runs; of several tokens, each has tiers of its own."
        ),
    ],
    textgrid: Annotated[bool, typer.Option("--textgrid", help="Write a Praat TextGrid for each utterance.")] = False,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the files.")] = Path("textgrids"),
    streams: Annotated[
        str | None, typer.Option(help="Streams to write, by comma; a+b joins two. [default: all]")
    ] = None,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="An interval for each frame, not for each run of equal codes.")
    ] = False,
    facts: opt.TokenFacts,
    strict: opt.IsStrict = False,
) -> None:
    """Tokens beside words and phones, to look at: a Praat TextGrid for each utterance, a tier for each stream.

    textgrids.jsonl says which file is of which utterance; failures.jsonl which could not be written, and why.

    Examples:

        hac-analyze export --textgrid tokens.parquet --manifest corpus/manifest.jsonl -o textgrids

        hac-analyze export --textgrid runs/hac --streams phonetic,lexical

        hac-analyze export --textgrid ours.parquet theirs.parquet --alignments alignments.parquet --every-frame
    """
    with locked([output]):
        from analysis.export.sources import make_export, open_sources
        from analysis.export.textgrids import write_textgrids
        from hac.commands.failures import report_failures
        from hac.errors import FailureLog, HacError

        if not textgrid:
            raise HacError("say what to write: --textgrid is what there is")
        failures = FailureLog(strict)
        opened = open_sources(sources, **vars(facts))
        names = opt.names_of(streams)
        written = write_textgrids(
            make_export(opened, manifest, alignments, names, every_frame, failures), output, failures
        )
        if not written:
            first = next(iter(failures), None)
            why = f": {first.id!r}: {first.detail}" if first else ""
            raise HacError(f"{output}: not one TextGrid could be written{why}")
        _list_files(written, output / FILES)
        report_failures(failures, output / FAILED)
        typer.echo(f"{len(written)} TextGrids in {output}")


def _list_files(written: Mapping[str, Path], path: Path) -> None:
    import json

    from hac.files.atomic import write_text

    lines = (json.dumps({"id": id, "file": file.name}, ensure_ascii=False) for id, file in written.items())
    write_text(path, "".join(f"{line}\n" for line in lines))
