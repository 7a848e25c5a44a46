"""`hac-analyze words`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.words.run import Outcome


@exclusive("output")
@clustered
def words(
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("words"),
    streams: opt.Streams = None,
    definition: Annotated[
        str, typer.Option(help="Published definitions of a code as a word detector, by comma: vg-hubert, resdavenet.")
    ] = "vg-hubert,resdavenet",
    min_count: Annotated[
        int,
        typer.Option(min=1, help="Least tokens of a word that is scored. Published: 1, which finds noise."),
    ] = 5,
    stop_words: Annotated[
        str | None,
        typer.Option(help="Words left out: a text file, or `none`. [default: those published with each definition]"),
    ] = None,
    window_ms: Annotated[
        int, typer.Option(min=0, max=1000, help="resdavenet: how far around a frame's centre a word counts as near.")
    ] = 40,
    given: Annotated[
        str | None,
        typer.Option(help="Stream to condition on: what do the others add to it? [default: phonetic, if there is one]"),
    ] = None,
    translations: Annotated[
        Path | None,
        typer.Option(help="CSV of translations: languages in the first line, one word in each of them on every other."),
    ] = None,
    firings: Annotated[
        int, typer.Option(min=0, help="Hits and false alarms of each detected word to list with their times.")
    ] = 20,
    nulls: Annotated[
        int, typer.Option(min=2, help="Draws of each null: shifts within utterances, words dealt anew.")
    ] = 10,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    clips: opt.Clips = opt.CLIPS,
    clips_mb: opt.ClipsMb = opt.CLIPS_MB,
    shard: opt.ShardOf = None,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """Which codes detect words: F1 of each word's best code, chosen and scored on the same and on other speech.

    Writes words.csv (every word with its code), bands.csv, related.csv, firings.parquet, figures and results.json.

    Examples:

        hac-analyze words --tokens tokens.parquet --manifest corpus/manifest.jsonl -o words

        hac-analyze words --ckpt run/checkpoints/best --manifest corpus/manifest.jsonl --definition vg-hubert

        hac-analyze words --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    from analysis.clips.sources import of_words
    from analysis.inputs.request import prepare
    from analysis.shards.count_file import NAME
    from analysis.words.counting import WordProtocol
    from analysis.words.detection import check_definition
    from analysis.words.run import Options, run
    from analysis.words.shards import run_shard
    from hac.errors import FailureLog

    part = opt.parse_shard(shard)
    definitions = tuple(dict.fromkeys(check_definition(part.strip()) for part in definition.split(",")))
    protocol = WordProtocol(definitions, min_count, read_stop_words(stop_words), window_ms, nulls, bootstrap, seed)
    failures = FailureLog(strict=strict)
    store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict, shard=shard)
    if translations is not None:
        rest["inputs"]["translations"] = translations
    request = prepare(store, manifest, alignments, protocol, **rest)
    options = Options(given, translations, firings)
    if part:
        run_shard(request, *part, output / NAME, options)
        opt.tell_shard(shard, output / NAME)
        return
    outcome = run(request, jobs, options)
    opt.keep_clips(output, of_words(request, outcome), clips, clips_mb)
    finish(outcome, output, jobs)


def read_stop_words(text: str | None) -> tuple[str, ...] | None:
    """The stop words of `--stop-words`: None for the published ones."""
    from analysis.inputs.vocabulary import normalize
    from hac.errors import HacError

    if text is None:
        return None
    if text == "none":
        return ()
    try:
        words = Path(text).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise HacError(
            f"--stop-words {text}: cannot be read as text ({error}); expected a file with words between spaces or "
            "lines, or: none"
        ) from error
    return tuple(sorted({normalize(word) for word in words}))


def finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its tables and say where the files are."""
    from reports.words.files import write_words
    from reports.words.tables import words_table

    written = write_words(outcome, output, jobs)
    opt.show(words_table(outcome))
    opt.tell_files(written, output)
