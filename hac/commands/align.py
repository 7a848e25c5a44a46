"""`hac align`: transcripts to phone and word times."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from hac.files.output_lock import locked

if TYPE_CHECKING:
    from hac.data.alignments.alignment import Alignments
    from hac.errors import FailureLog


class Aligner(StrEnum):
    """The aligners by name."""

    builtin = "builtin"
    mfa = "mfa"
    pocketsphinx = "pocketsphinx"
    hmm = "hmm"


def align(
    manifest: Annotated[Path, typer.Argument(help="Manifest with transcripts (.jsonl or .parquet).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Alignment store to write (.parquet).")],
    aligner: Annotated[
        Aligner,
        typer.Option(
            help="builtin: pocketsphinx for English, hmm for the other languages. mfa: Montreal Forced Aligner. "
            "hmm: models grown from the corpus itself; wants 5 minutes or more of a speaker or condition."
        ),
    ] = Aligner.builtin,
    dictionary: Annotated[str | None, typer.Option(help="MFA: name or file of the dictionary.")] = None,
    acoustic_model: Annotated[str | None, typer.Option(help="MFA: name or file of the acoustic model.")] = None,
    mfa: Annotated[Path | None, typer.Option(help="MFA: its program, where it is not on the PATH.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1: one per core.")] = -1,
    seed: Annotated[int, typer.Option(help="hmm: draws the training set of a large corpus.")] = 0,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure-on-synthetic",
            help="Measure the aligner on synthetic speech of the same transcripts, whose truth is known, and store "
            "its error with the alignments (needs the extra `synth`).",
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first utterance that fails.")] = False,
    cluster: ClusterOption = None,
) -> None:
    """Align the transcripts of a manifest with its audio.

    Writes the tiers `phones` (no gaps, pauses are `sil`) and `words`. Utterances that cannot be aligned are counted
    and listed beside the output, and left out.

    Examples:

        hac align corpus/manifest.jsonl -o alignments.parquet

        hac align corpus/manifest.jsonl -o alignments.parquet --aligner mfa --dictionary english_us_arpa
        --acoustic-model english_us_arpa -j 8
    """
    with locked(files=[out]), on_cluster(cluster, out):
        from hac.align.hmm.aligner import HmmOptions
        from hac.align.mfa import MfaOptions, find_program
        from hac.align.run import Options, align_corpus
        from hac.align.synthetic_test import with_error
        from hac.console import progress
        from hac.data.alignments.alignment import write_alignments
        from hac.data.manifest.formats import read_manifest
        from hac.errors import FailureLog, HacError

        models = None
        if aligner is Aligner.mfa:
            find_program(mfa)
            if dictionary is None or acoustic_model is None:
                raise HacError(
                    "--aligner mfa needs --dictionary and --acoustic-model, such as english_us_arpa for both"
                )
            models = MfaOptions(dictionary, acoustic_model, mfa)
        elif dictionary or acoustic_model or mfa:
            raise HacError(f"--dictionary, --acoustic-model and --mfa are for --aligner mfa, not for {aligner.value}")
        failures = FailureLog(strict)
        corpus = read_manifest(manifest, failures=failures)
        options = Options(aligner.value, jobs, models, HmmOptions(seed=seed))
        with progress("aligning", len(corpus)) as advance:
            alignments = align_corpus(corpus, options, failures=failures, advance=advance)
        if measure:
            alignments = with_error(alignments, corpus, options)
        write_alignments(alignments, out)
        _report(alignments, failures, out)


def _report(alignments: Alignments, failures: FailureLog, out: Path) -> None:
    """Say what was aligned, and list what was not in a file beside the store."""
    from hac.align.synthetic_test import NOT_MEASURED, summary
    from hac.files.atomic import write_text

    typer.echo(f"{out}: {len(alignments.phones.ids)} utterances")
    for name, tier in alignments.tiers.items():
        typer.echo(f"  {name}: {len(tier.labels)} intervals, {len(tier.vocabulary)} labels")
    for line in summary(alignments.provenance.get("aligner_error", {})):
        typer.echo(f"  {line}", err=NOT_MEASURED in line)
    listing = out.with_suffix(".failures.jsonl")
    if not len(failures):
        listing.unlink(missing_ok=True)
        return
    write_text(listing, failures.json_lines())
    reasons = ", ".join(f"{count} {reason}" for reason, count in failures.by_reason().items())
    typer.echo(f"  {len(failures)} utterances failed ({reasons}); listed in {listing}", err=True)
