"""`hac-analyze words`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.words.run import Outcome


@dataclass(frozen=True, kw_only=True)
class WordDraws(opt.Draws):
    """Draws, where there are two nulls."""

    nulls: Annotated[int, typer.Option(min=2, help="Draws of each null: circular shifts, words permuted.")] = 10


@dataclass(frozen=True, kw_only=True)
class WordShard(opt.Shard):
    """A shard, which is always counted from the whole stores."""

    own_stores: bool = field(default=False, init=False)


@grouped
def words(
    *,
    inputs: opt.Inputs = opt.Inputs(output=Path("words")),
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
    draws: WordDraws,
    clips: opt.Clips,
    shard: WordShard,
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """Which codes detect words: F1 of each word's best code, chosen and scored on the same and on other speech.

    Writes words.csv (every word with its code), bands.csv, related.csv, firings.parquet, figures and results.json.

    Examples:

        hac-analyze words --tokens tokens.parquet --manifest corpus/manifest.jsonl -o words

        hac-analyze words --ckpt run/checkpoints/best --manifest corpus/manifest.jsonl --definition vg-hubert

        hac-analyze words --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    with opt.working(inputs.output, machine):
        from analysis.clips.sources import of_words
        from analysis.words.counting import WordProtocol
        from analysis.words.detection import check_definition
        from analysis.words.run import Options, run
        from analysis.words.shards import run_shard

        part = shard.place()
        definitions = tuple(dict.fromkeys(check_definition(name.strip()) for name in definition.split(",")))
        stops = read_stop_words(stop_words)
        protocol = WordProtocol(definitions, min_count, stops, window_ms, draws.nulls, draws.seed)
        files = {"translations": translations}
        request = opt.open_request(inputs, facts, machine, protocol, files=files, shard=shard.shard)
        options = Options(given, translations, firings)
        if part:
            run_shard(request, *part, opt.counts_file(inputs), options)
            opt.tell_shard(shard, inputs)
            return
        outcome = run(request, machine.jobs, options)
        opt.keep_clips(inputs.output, of_words(request.labels, request.tokens, outcome), clips)
        finish(outcome, inputs.output, machine.jobs)


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
    from reports.words.files import words_files
    from reports.words.tables import words_table

    opt.finish(outcome.results, words_files(outcome), output, words_table(outcome), jobs)
