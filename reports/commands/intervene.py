"""`hac-analyze intervene`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from hac.data.manifest.manifest import Manifest
    from hac.data.tokens.token_store import TokenStore
    from hac.errors import FailureLog

JUDGE_NONE = "none"


@exclusive("output")
@clustered
def intervene(
    ckpt: Annotated[
        str | None,
        typer.Option(help="Model that decodes: a folder, a hub id or kind:where. [default: what the tokens name]"),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="Tokens that the model made. [default: it encodes the chosen utterances]")
    ] = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("intervene"),
    levels: Annotated[
        list[str] | None,
        typer.Option(help="A level or stream, or a group name=stream,stream; repeat for more. [default: all levels]"),
    ] = None,
    interventions: Annotated[
        str | None, typer.Option(help="Of drop, alone, shuffle and swap, by comma. [default: all]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Utterances to decode, chosen from all speakers. [default: all]")
    ] = None,
    asr: Annotated[str, typer.Option(help="Recognizer: moonshine, transformers:WHERE or none.")] = "moonshine",
    speaker: Annotated[
        str, typer.Option(help="Speaker encoder: resemblyzer, transformers:WHERE or none.")
    ] = "resemblyzer",
    mos: Annotated[str, typer.Option(help="Predictor of opinion scores: dnsmos or none.")] = "dnsmos",
    f0: Annotated[bool, typer.Option(help="Measure F0 and voicing.")] = True,
    normalizer: Annotated[str, typer.Option(help="What is done to texts before words are compared.")] = "basic-1",
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    nulls: Annotated[int, typer.Option(min=2, help="Null draws.")] = 10,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    clips: opt.Clips = opt.CLIPS,
    clips_mb: opt.ClipsMb = opt.CLIPS_MB,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    force: Annotated[
        bool, typer.Option("--force", help="Decode although the tokens name other weights than the model has.")
    ] = False,
    strict: opt.IsStrict = False,
) -> None:
    """What each level does: decode with it silent, alone, shuffled in time or swapped, and measure what changes.

    The audio of every condition is kept in `audio/` of the output folder. What is finished is never done again: after
    Ctrl-C or a crash, the same command goes on.

    Examples:

        hac-analyze intervene --ckpt runs/hac-small --manifest corpus/manifest.jsonl --limit 50 -o intervene

        hac-analyze intervene --tokens tokens.parquet --manifest corpus/manifest.jsonl --interventions swap --asr none

        hac-analyze intervene --ckpt encodec:facebook/encodec_24khz --manifest corpus/manifest.jsonl \\
            --levels first=acoustic.0 --levels rest=acoustic.1,acoustic.2,acoustic.3
    """
    from analysis.clips.sources import of_interventions
    from analysis.inputs.corpus import Labels, alignments_if_any
    from analysis.inputs.request import Request
    from analysis.interventions.compare import Protocol
    from analysis.interventions.judged import Judges
    from analysis.interventions.plan import checked_interventions
    from analysis.interventions.run import Machine, run
    from hac.data.manifest.formats import read_manifest
    from hac.errors import FailureLog, HacError
    from probes.transcripts import normalize
    from reports.interventions.files import write_intervene
    from reports.interventions.tables import intervene_table

    normalize("", normalizer)  # a name that is none is told before anything is decoded

    named = opt.names_of(interventions)
    who = [None if judge == JUDGE_NONE else judge for judge in (asr, speaker, mos)]
    judges = Judges(who[0], who[1], who[2], normalizer, f0)
    protocol = Protocol(
        tuple(levels or ()), checked_interventions(named), limit, judges, nulls, bootstrap, seed, phones
    )
    if manifest is None:
        raise HacError("hac-analyze intervene needs --manifest, which says where the recordings are")
    failures = FailureLog(strict)
    rows = read_manifest(manifest, failures=failures)
    labels = Labels(rows, alignments_if_any(alignments, manifest, rows))
    store, decoder = _tokens(ckpt, tokens, rows, output, protocol.levels, protocol.limit, seed, device, jobs, failures)
    given = {"ckpt": ckpt, "levels": levels, "interventions": interventions, "limit": limit, "strict": strict}
    common = opt.common(tokens, None, name, failures, **given)
    common["inputs"] |= {"manifest": manifest}
    request = Request(store, labels, protocol, **common)
    outcome = run(request, decoder, Machine(output, device, jobs if jobs > 0 else -1, force))
    opt.keep_clips(output, of_interventions(request, outcome), clips, clips_mb)
    written = write_intervene(outcome, output)
    opt.show(intervene_table(outcome.results))
    opt.tell_files(written, output)


def _tokens(
    ckpt: str | None,
    tokens: Path | None,
    manifest: Manifest,
    output: Path,
    levels: tuple[str, ...],
    limit: int | None,
    seed: int,
    device: str,
    jobs: int,
    failures: FailureLog,
) -> tuple[TokenStore, str]:
    """The tokens given, or those that the model makes of the chosen utterances; and the model that decodes them."""
    from analysis.interventions.plan import choose_utterances
    from hac.coding.decode_input import loaded_decoder, open_tokens, release_decoder
    from hac.coding.encode import encode_corpus
    from hac.data.tokens.formats import read_tokens
    from hac.errors import HacError
    from probes.tokens.interventions import choose_levels

    if tokens is not None:
        store, decoder = open_tokens(tokens, ckpt, device)
        return store, str(decoder)
    if ckpt is None:
        raise HacError("give --ckpt (a model that decodes), or --tokens (which it made), or both")
    # a tokenizer that makes no audio, and a level that it lacks, are named before anything is encoded
    found = loaded_decoder(ckpt, device)
    choose_levels(found.choose([spec.name for spec in found.streams]), levels)
    release_decoder()
    chosen = manifest.subset(choose_utterances(manifest, manifest.ids, limit, seed))
    path = encode_corpus(
        chosen, ckpt, output / "tokens.parquet", device=device, jobs=jobs if jobs > 0 else -1, failures=failures
    )
    return read_tokens(path), ckpt
