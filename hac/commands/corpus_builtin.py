"""`hac corpus builtin`, `debian` and `wheel`: corpora from what is installed or what the distribution carries."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.files.output_lock import locked

if TYPE_CHECKING:
    from hac.align.run import Options
    from hac.data.alignments.alignment import Alignments
    from hac.data.manifest.manifest import Manifest
    from hac.errors import FailureLog

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the corpus; made where it is missing.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", help="Parallel jobs; -1 for one a core. Changes no result.")]


def builtin(
    folder: Folder,
    minutes: Annotated[float, typer.Option(help="Length of the whole corpus.")] = 20.0,
    voices: Annotated[int, typer.Option(help="Speakers, shared out evenly over the languages.")] = 48,
    languages: Annotated[str, typer.Option(help="Comma-separated language codes.")] = "de,en,es,fr,it,nl,pl,pt",
    augment: Annotated[str, typer.Option(help="Rooms, noise and channels: none, light or strong.")] = "light",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    jobs: Jobs = 1,
) -> None:
    """Make a synthetic corpus in eight languages, with exact phone and word times.

    Speech comes from espeak-ng through the wheel `espeakng-loader` (extra `synth`); no network is needed. It is good
    for testing machinery against a known truth, and too easy to rank tokenizers.

    Examples:

        hac corpus builtin corpora/synthetic

        hac corpus builtin corpora/noisy --minutes 60 --augment strong --languages en,de -j 2
    """
    with locked([folder]):
        from typing import cast

        from hac.corpora.acoustic_conditions import Augmentation
        from hac.corpora.synthetic.corpus import Settings, synthetic_corpus
        from hac.data.alignments.alignment import PHONES, WORDS

        chosen = tuple(dict.fromkeys(code.strip() for code in languages.split(",") if code.strip()))
        settings = Settings(minutes, voices, chosen, cast(Augmentation, augment), seed)
        corpus = synthetic_corpus(folder, settings, jobs=jobs)
        _say_what(corpus.manifest, folder)
        counts = {name: len(corpus.alignments.tier(name).labels) for name in (PHONES, WORDS)}
        typer.echo(f"{folder / 'alignments.parquet'}: {counts[PHONES]:,} phones and {counts[WORDS]:,} words, exact")


def debian(
    folder: Folder,
    sets: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated, of asterisk-en, asterisk-es, asterisk-it, asterisk-ru, tuxpaint-es, tuxpaint-fr,"
            " tuxpaint-ro, tuxpaint-ru, fillets-cs; all by default."
        ),
    ] = None,
    align: Annotated[
        bool, typer.Option("--align/--no-align", help="Align words and phones with the builtin aligner.")
    ] = True,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure/--no-measure",
            help="Measure the aligner's error on synthetic speech of the same texts and store it with the alignments"
            " (extra `synth`; a minute a language).",
        ),
    ] = True,
    cache: Annotated[
        Path | None, typer.Option(help="Where packages are kept; by default hac/debian in the user's cache folder.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first recording that fails.")] = False,
    seed: Annotated[int, typer.Option(help="Of the aligner's random choices.")] = 0,
    jobs: Jobs = 1,
) -> None:
    """Fetch real speech with transcripts from Debian's packages; no root is needed.

    Packages are downloaded with `apt-get download` (Debian, Ubuntu and their like) and kept. Recordings without
    speech or without a usable text are left out and counted. Each package's licence lies in DIR/licences.

    Examples:

        hac corpus debian corpora/english --sets asterisk-en

        hac corpus debian corpora/real -j 2
    """
    with locked([folder]):
        from hac.align.hmm.aligner import HmmOptions
        from hac.align.run import Options
        from hac.corpora.debian.corpus import debian_corpus
        from hac.corpora.debian.packages import default_cache
        from hac.corpora.debian.speech_sets import choose_sets

        corpus = debian_corpus(folder, choose_sets(sets), cache=cache or default_cache(), jobs=jobs, strict=strict)
        say_failures("left out", corpus.left_out)
        say_failures("failed", corpus.failures)
        _say_what(corpus.manifest, folder)
        if align:
            _align(corpus.manifest, folder, Options(jobs=jobs, hmm=HmmOptions(seed=seed)), strict, measure)


def wheel(folder: Folder) -> None:
    """Cut the recordings inside the wheel `moonshine-voice` into a minute of real English with transcripts.

    Example:

        hac corpus wheel corpora/wheel
    """
    with locked([folder]):
        from hac.corpora.wheel import wheel_corpus

        _say_what(wheel_corpus(folder), folder)


def _align(manifest: Manifest, folder: Path, options: Options, strict: bool, measure: bool) -> None:
    """Align the corpus, unless an earlier run did so for the same recordings, texts and seed."""
    from dataclasses import replace

    from hac.align.run import align_corpus
    from hac.align.synthetic_test import with_error
    from hac.console import progress
    from hac.data.alignments.alignment import read_alignments, write_alignments
    from hac.errors import FailureLog
    from hac.files.atomic import sha256_file

    store = folder / "alignments.parquet"
    made_from = {
        "manifest": manifest.sha256,
        "provenance": sha256_file(folder / "provenance.json"),
        "seed": options.hmm.seed,
    }
    alignments = read_alignments(store) if store.is_file() else None
    if alignments is not None and alignments.provenance.get("made_from") == made_from:
        typer.echo(f"{store}: kept, it belongs to these recordings; remove it to align again")
    else:
        failures = FailureLog(strict)
        with progress("aligning", len(manifest)) as advance:
            alignments = align_corpus(manifest, options, failures=failures, advance=advance)
        alignments = replace(alignments, provenance={**alignments.provenance, "made_from": made_from})
        # stored before it is measured: that takes a while, and an interrupted run goes on from here
        write_alignments(alignments, store)
        say_failures("not aligned", failures)
        typer.echo(f"{store}: {len(alignments.words.ids):,} utterances aligned")
    if measure and not _is_measured(alignments):
        with progress("measuring the aligner", None):
            alignments = with_error(alignments, manifest, options)
        write_alignments(alignments, store)
        _say_error(alignments)


def _is_measured(alignments: Alignments) -> bool:
    """Whether every language's error is known, so that one that could not be measured is tried again."""
    errors = alignments.provenance.get("aligner_error", {})
    return bool(errors) and not any(isinstance(error, str) for error in errors.values())


def _say_error(alignments: Alignments) -> None:
    from hac.align.synthetic_test import NOT_MEASURED, summary

    for line in summary(alignments.provenance["aligner_error"]):
        missing = NOT_MEASURED in line
        typer.echo(f"warning: the aligner's error in {line}" if missing else line, err=missing)


def _say_what(manifest: Manifest, folder: Path) -> None:
    """Utterances, minutes in all and per language, voices: one line for a person."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for utterance in manifest.utterances:
        seconds[utterance.language or "?"] += utterance.duration
    shares = ", ".join(f"{language} {seconds[language] / 60:.1f}" for language in sorted(seconds))
    unknown = sum(utterance.speaker is None for utterance in manifest.utterances)
    voices = f"{len(manifest.speakers):,} voices"
    if unknown:
        voices += f" ({unknown:,} utterances of unknown speakers)"
    total = f"{sum(seconds[language] / 60 for language in sorted(seconds)):.1f} minutes ({shares})"
    typer.echo(f"{folder / 'manifest.jsonl'}: {len(manifest):,} utterances, {total}, {voices}")


def say_failures(what: str, failures: FailureLog) -> None:
    """Count failures by reason, each with an example."""
    for reason, count in failures.by_reason().items():
        example = next(failure for failure in failures if failure.reason == reason)
        typer.echo(f"{what}, {reason}: {count:,} (such as {example.id}: {example.detail})")
