"""`hac-analyze leakage`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped


@grouped
def leakage(
    *,
    inputs: opt.Inputs = opt.Inputs(output=Path("leakage")),
    factors: Annotated[
        str | None,
        typer.Option(
            help="Factors, by comma: phone, phone_class, word, position, f0, energy, speaker, gender, language. "
            "[default: all that can be had]"
        ),
    ] = None,
    classes: Annotated[str, typer.Option(help="Phone classes by manner, place, voicing or height.")] = "manner",
    phones: opt.Phones = "auto",
    prosody: Annotated[
        Path | None, typer.Option(help="F0 and energy measured before. [default: measured into the output folder]")
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(help="Streams to condition on, by comma, or `none`: what do the others add? [default: each]"),
    ] = None,
    nulls: Annotated[int, typer.Option(min=2, help="Null draws of each stream's information.")] = 20,
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
        Path | None, typer.Option(help="Vectors of the streams (`hac embed`), to be probed as the codes are.")
    ] = None,
    seed: opt.Seed = 0,
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """Information of each stream on phones, words, speakers, pitch, ...; what it adds to and repeats of the others.

    Examples:

        hac-analyze leakage --ckpt run/checkpoints/best --manifest corpus/manifest.jsonl -o leakage

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --factors phone,speaker,f0

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --given phonetic

        hac-analyze leakage --tokens tokens.parquet --manifest corpus/manifest.jsonl --probes --factors phone,speaker
    """
    with opt.working(inputs.output, machine):
        from analysis.leakage.layout import LeakageProtocol
        from analysis.leakage.run import measure_prosody, run
        from analysis.leakage.with_probes import further, with_summary
        from analysis.probing.tasks import ProbeProtocol
        from reports.leakage.files import leakage_files
        from reports.leakage.tables import leakage_table

        conditions = None if given is None else () if given == "none" else opt.names_of(given)
        protocol = LeakageProtocol(nulls, given_nulls, seed, phones, classes, opt.names_of(factors), conditions)
        vectors = None if embeddings is None else embeddings / "embeddings.json"
        asked: dict[str, Any] = {
            "factors": factors,
            "classes": classes,
            "given": given,
            "nulls": nulls,
            "given_nulls": given_nulls,
        }
        asked |= {"probes": probes, "probe_given": probe_given, "probe_frames": probe_frames}
        files = {"prosody": prosody, "embeddings": vectors}
        request = opt.open_request(inputs, facts, machine, protocol, files=files, phones=phones, seed=seed, **asked)
        probing = None
        if probes or embeddings is not None:
            trained = ProbeProtocol(max_frames=probe_frames, given=probe_given, seed=seed)
            probing = further(request.labels.manifest, trained, embeddings, machine.jobs)
        curves = measure_prosody(request, prosody, inputs.output, machine.jobs)
        outcome = with_summary(run(request, machine.jobs, curves, probing), seed)
        opt.finish(outcome.results, leakage_files(outcome), inputs.output, leakage_table(outcome))
