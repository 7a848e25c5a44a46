"""`hac-analyze demo`."""

from __future__ import annotations

from pathlib import Path

import typer

from analysis.commands import options as opt


def demo(
    output: opt.Output = Path("demo"),
    jobs: opt.Jobs = -1,
) -> None:
    """The main job on real speech, from packages alone: corpus, alignment, three tokenizations, PNMI for each.

    Example:

        hac-analyze demo -o demo
    """
    from analysis.commands.pnmi import finish
    from analysis.counting import Protocol
    from analysis.demo import make_corpus, make_tokens
    from analysis.engine import cores
    from analysis.listen_sources import of_tokens
    from analysis.pnmi import run
    from analysis.request import prepare
    from hac.data.tokens import read_tokens
    from reports.tables import systems_table

    jobs = jobs if jobs > 0 else cores()
    manifest = make_corpus(output / "corpus", jobs, typer.echo)
    outcomes = []
    for step in make_tokens(manifest, output / "tokenizers", jobs, typer.echo):
        request = prepare(
            read_tokens(step.tokens), manifest, None, Protocol(), inputs={"tokens": step.tokens}, system=step.name
        )
        outcomes.append(run(request, jobs))
        opt.keep_clips(output / step.name, of_tokens(request), opt.CLIPS, opt.CLIPS_MB)
        finish(outcomes[-1], output / step.name, jobs)
    opt.show(systems_table([outcome.results for outcome in outcomes]))
    typer.echo(f"results: a folder per tokenizer in {output} (results.json, metrics.csv, figures/)")
