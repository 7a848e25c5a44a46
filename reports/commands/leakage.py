"""`hac-analyze leakage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.leakage.run import Outcome


@exclusive("output")
@clustered
def leakage(
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("leakage"),
    streams: opt.Streams = None,
    factors: Annotated[
        str | None,
        typer.Option(
            help="Factors, by comma: phone, phone_class, word, position, f0, energy, speaker, gender, language. "
            "[default: all that can be had]"
        ),
    ] = None,
    classes: Annotated[str, typer.Option(help="Phone classes by manner, place, voicing or height.")] = "manner",
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    prosody: Annotated[
        Path | None, typer.Option(help="F0 and energy measured before. [default: measured into the output folder]")
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(help="Streams to condition on, by comma, or `none`: what do the others add? [default: each]"),
    ] = None,
    nulls: Annotated[int, typer.Option(min=2, help="Null draws of what each stream tells.")] = 20,
    given_nulls: Annotated[
        int, typer.Option(min=1, help="Null draws of what a stream adds; each takes as long as measuring it.")
    ] = 2,
    probes: Annotated[
        bool, typer.Option("--probes/--no-probes", help="Train linear probes too, on all streams and on each.")
    ] = False,
    probe_given: Annotated[
        bool,
        typer.Option(
            "--probe-given/--no-probe-given", help="Probe what a stream adds to all others: the dearest part."
        ),
    ] = True,
    probe_frames: Annotated[int, typer.Option(min=100, help="Frames that probes are trained on, at most.")] = 20_000,
    embeddings: Annotated[
        Path | None, typer.Option(help="Vectors of the streams (`hac embed`), to be probed beside the codes.")
    ] = None,
    seed: opt.Seed = 0,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """What each stream tells of phones, words, speakers, pitch, ...; what it adds to and repeats of the other streams.

    Examples:

        hac-analyze leakage --ckpt run/checkpoints/best --manifest corpus/manifest.jsonl -o leakage

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --factors phone,speaker,f0

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --given phonetic

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --probes --factors phone,speaker
    """
    from analysis.inputs.request import prepare
    from analysis.leakage.layout import LeakageProtocol
    from analysis.leakage.run import measure_prosody, run
    from analysis.leakage.with_probes import further, with_summary
    from analysis.probing.tasks import ProbeProtocol
    from hac.errors import FailureLog

    conditions = None if given is None else () if given == "none" else opt.names_of(given)
    protocol = LeakageProtocol(nulls, given_nulls, seed, phones, classes, opt.names_of(factors), conditions)
    failures = FailureLog(strict=strict)
    store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    told = {"factors": factors, "classes": classes, "given": given, "nulls": nulls, "given_nulls": given_nulls}
    told |= {"probes": probes, "probe_given": probe_given, "probe_frames": probe_frames}
    rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict, phones=phones, seed=seed, **told)
    if prosody is not None:
        rest["inputs"]["prosody"] = prosody
    if embeddings is not None:
        rest["inputs"]["embeddings"] = embeddings / "embeddings.json"
    request = prepare(store, manifest, alignments, protocol, **rest)
    probing = None
    if probes or embeddings is not None:
        asked = ProbeProtocol(max_frames=probe_frames, given=probe_given, seed=seed)
        probing = further(request, asked, embeddings, jobs)
    curves = measure_prosody(request, prosody, output, jobs)
    finish(with_summary(run(request, jobs, curves, probing), seed), output)


def finish(outcome: Outcome, output: Path) -> None:
    """Write a run's files, print its tables and say where the files are."""
    from reports.leakage.files import write_leakage
    from reports.leakage.probing_tables import probing_tables
    from reports.leakage.tables import leakage_table

    written = write_leakage(outcome, output)
    opt.show(leakage_table(outcome))
    for table in probing_tables(outcome.results):
        opt.show(table)
    opt.tell_files(written, output)
