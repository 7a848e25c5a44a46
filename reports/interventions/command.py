"""`hac-analyze intervene`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import ClusterOption
from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.interventions.compare import Protocol
    from hac.data.manifest.manifest import Manifest
    from hac.data.tokens.token_store import TokenStore
    from hac.errors import FailureLog


@dataclass(frozen=True, kw_only=True)
class InterventionDraws(opt.Draws):
    """Draws, where not all nulls are circular shifts."""

    nulls: Annotated[int, typer.Option(min=2, help="Null draws.")] = 10


@grouped
def intervene(
    *,
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
    judges: opt.Judges,
    f0: Annotated[bool, typer.Option(help="Measure F0 and voicing.")] = True,
    normalizer: Annotated[str, typer.Option(help="What is done to texts before words are compared.")] = "basic-1",
    phones: opt.Phones = "auto",
    draws: InterventionDraws,
    clips: opt.Clips,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    force: Annotated[
        bool, typer.Option("--force", help="Decode although the tokens name other weights than the model has.")
    ] = False,
    strict: opt.IsStrict = False,
    cluster: ClusterOption = None,
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
    machine = opt.Machine(device=device, jobs=jobs, strict=strict, cluster=cluster)
    with opt.working(output, machine):
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
        from reports.interventions.files import intervene_files
        from reports.interventions.tables import intervene_table

        normalize("", normalizer)  # a name that is none is told before anything is decoded
        protocol = Protocol(
            tuple(levels or ()),
            checked_interventions(opt.names_of(interventions)),
            limit,
            Judges(*judges.names(), normalizer, f0),
            draws.nulls,
            draws.seed,
            phones,
        )
        if manifest is None:
            raise HacError("hac-analyze intervene needs --manifest, which says where the recordings are")
        failures = FailureLog(strict)
        rows = read_manifest(manifest, failures=failures)
        labels = Labels(rows, alignments_if_any(alignments, manifest, rows))
        if tokens is not None:
            store, decoder = _read_tokens(tokens, ckpt, machine)
        else:
            store, decoder = _encode(ckpt, rows, output, protocol, machine, failures)
        given = {"ckpt": ckpt, "levels": levels, "interventions": interventions, "limit": limit, "strict": strict}
        files = {"manifest": manifest} if tokens is None else {"tokens": tokens, "manifest": manifest}
        options = opt.recorded(tokens, None, **given)
        request = Request(store, labels, protocol, (), failures, files, options, name or "")
        outcome = run(request, decoder, Machine(output, device, jobs if jobs > 0 else -1, force))
        opt.keep_clips(output, of_interventions(labels, store, outcome), clips)
        opt.finish(outcome.results, intervene_files(outcome), output, intervene_table(outcome.results))


def _read_tokens(tokens: Path, ckpt: str | None, machine: opt.Machine) -> tuple[TokenStore, str]:
    """The tokens given, and the model that decodes them."""
    from hac.coding.decode_input import open_tokens

    store, decoder = open_tokens(tokens, ckpt, machine.device)
    return store, str(decoder)


def _encode(
    ckpt: str | None, manifest: Manifest, output: Path, protocol: Protocol, machine: opt.Machine, failures: FailureLog
) -> tuple[TokenStore, str]:
    """The tokens that the model makes of the chosen utterances, and the model."""
    from analysis.interventions.plan import choose_utterances
    from hac.coding.decode_input import loaded_decoder, release_decoder
    from hac.data.tokens.formats import read_tokens
    from hac.errors import HacError
    from probes.tokens.interventions import choose_levels

    if ckpt is None:
        raise HacError("give --ckpt (a model that decodes), or --tokens (which it made), or both")
    # a tokenizer that makes no audio, and a level that it lacks, are named before anything is encoded
    found = loaded_decoder(ckpt, machine.device)
    choose_levels(found.choose([spec.name for spec in found.streams]), protocol.levels)
    release_decoder()
    chosen = manifest.subset(choose_utterances(manifest, manifest.ids, protocol.limit, protocol.seed))
    return read_tokens(opt.encode(chosen, ckpt, output, machine, failures)), ckpt
