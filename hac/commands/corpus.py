"""`hac corpus`: make manifests from corpora on disk, and corpora from what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hac.commands import corpus_builtin
from hac.files.output_lock import locked

app = typer.Typer(help="Make a corpus, or a manifest for one.", no_args_is_help=True)
app.command("builtin")(corpus_builtin.builtin)
app.command("debian")(corpus_builtin.debian)
app.command("wheel")(corpus_builtin.wheel)


@app.command("import")
def import_(
    where: Annotated[
        list[Path],
        typer.Argument(
            metavar="[KIND] SOURCE",
            help="The corpus: a folder, or one of its tables. KIND is librispeech, mls, commonvoice, vctk, ljspeech, "
            "folder, kaldi or lhotse; it is recognised where left out (or auto).",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Manifest to write; its name ends in .jsonl or .parquet.")],
    language: Annotated[
        str | None, typer.Option(help="Language code, where the corpus gives none or a wrong one.")
    ] = None,
    audio_root: Annotated[
        Path | None,
        typer.Option(
            help="Folder that holds all audio; relative paths of kaldi and lhotse start here, and none may lead "
            "out of it. By default the corpus folder."
        ),
    ] = None,
    speaker_folders: Annotated[
        bool, typer.Option(help="In a plain folder: the folder of a file names its speaker.")
    ] = True,
    verify: Annotated[
        bool, typer.Option("--verify", help="Decode all audio now, to find damage, NaN and silence.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first utterance that cannot be used.")] = False,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Threads; -1 for one a core.")] = -1,
) -> None:
    """Write the manifest of a corpus on disk.

    Utterances that cannot be used are counted by reason, and listed beside the manifest. Segments of longer
    recordings (kaldi, lhotse) are cut into FLAC files in a folder audio/ beside the manifest.

    Examples:

        hac corpus import LibriSpeech/dev-clean -o dev-clean.jsonl

        hac corpus import kaldi data/train --audio-root /corpora -o train.parquet
    """
    with locked(files=[out]):
        from hac.corpora.imports.importer import failures_path, import_corpus
        from hac.corpora.imports.item import Options
        from hac.errors import FailureLog, HacError

        if len(where) > 2:
            raise HacError(f"{len(where)} places were given ({where[0]}, {where[1]}, ...); expected [KIND] SOURCE")
        kind = str(where[0]) if len(where) == 2 else "auto"
        failures = FailureLog(strict=strict)
        imported = import_corpus(
            where[-1], out, kind, Options(language, audio_root, speaker_folders), failures, jobs, verify
        )
        manifest = imported.manifest
        if imported.cut:
            typer.echo(f"its utterances are parts of longer recordings: cut into {out.parent / 'audio'}")
        corpus_builtin.say_failures("left out", failures)
        if len(failures):
            typer.echo(f"all {len(failures):,} left out are listed in {failures_path(out)}")
        typer.echo(
            f"{out}: {imported.layout}, {len(manifest):,} utterances, {manifest.hours:.2f} h, "
            f"{len(manifest.speakers):,} speakers, {', '.join(manifest.languages) or 'language unknown'}"
        )
