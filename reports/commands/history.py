"""`hac-analyze history`: all checkpoints of one training run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hac.files.output_lock import locked
from reports.commands import options as opt

FAILED = 1
"""Exit code where a checkpoint could not be measured, or (--fail-on-collapse) a stream collapsed."""


def history(
    context: typer.Context,
    run: Annotated[
        Path, typer.Argument(help="Folder of a run of hac train; --set checkpoint.keep=all keeps them all.")
    ],
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("history"),
    with_words: Annotated[bool, typer.Option("--words", help="Codes as word detectors, too.")] = False,
    with_recon: Annotated[
        bool, typer.Option("--recon", help="Reconstruction from all quantizers, too: signal metrics, no judges.")
    ] = False,
    streams: opt.Streams = None,
    nulls: Annotated[int, typer.Option(min=2, help="Null draws of each number.")] = 5,
    seed: opt.Seed = 0,
    collapse: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Share of the most before at which perplexity or used codes count as collapsed."
        ),
    ] = 0.5,
    fail_on_collapse: Annotated[
        bool, typer.Option("--fail-on-collapse", help="End with exit code 1 where a stream collapsed.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where the model computes: cpu or cuda.")] = "cpu",
    jobs: opt.Jobs = -1,
) -> None:
    """PNMI and usage of every stream at every checkpoint of a run, as curves; what fell beyond noise, what collapsed.

    Checkpoints that are done are not done again, so the command may be given again while the training goes on.

    Examples:

        hac-analyze history runs/small --manifest dev.jsonl --alignments dev.parquet -o history

        hac-analyze history runs/small --manifest dev.jsonl --words --recon --fail-on-collapse
    """
    context.with_resource(locked([output]))
    from analysis.sweeps.analysis_options import check_analyses
    from analysis.sweeps.checkpoint_suite import Evaluation
    from analysis.sweeps.history import CheckpointSeries, flags_of, measure
    from analysis.sweeps.history_results import history_results
    from analysis.sweeps.launch import in_process
    from hac.cli import app as hac
    from hac.errors import HacError
    from reports.history.files import history_files, history_table

    if manifest is None:
        raise HacError("hac-analyze history needs --manifest, which says where the held-out speech is")
    common = {"nulls": nulls, "seed": seed}
    of_streams = {**common, **({"streams": streams} if streams else {})}
    analyses: dict[str, dict[str, Any]] = {"pnmi": of_streams, "usage": of_streams}
    if with_words:
        analyses["words"] = of_streams
    if with_recon:
        quiet = {"asr": "none", "speaker": "none", "mos": "none", "null-pairs": 0, "seed": seed}
        analyses["recon"] = {**quiet, "n-quantizers": _n_quantizers(run)}
    analyze: Any = context.find_root().command
    checked = check_analyses(analyses, analyze.commands, "history", Path())
    evaluation = Evaluation.read(manifest, alignments, checked)
    job = CheckpointSeries(run, output, evaluation, checked, device, jobs)
    measured = measure(job, in_process({"hac": hac, "hac-analyze": analyze}), typer.echo)
    points = measured.points()
    flags = flags_of(points, collapse)
    results = history_results(job, measured, flags, collapse)
    opt.finish(results, history_files(results, points, flags), output, history_table(results, points, flags))
    for name, why in measured.failed.items():
        typer.echo(f"failed: {name}: {why}", err=True)
    collapsed = [flag for flag in flags if flag.kind == "collapse"]
    if measured.failed or (fail_on_collapse and collapsed):
        raise typer.Exit(FAILED)


def _n_quantizers(run: Path) -> str:
    """All acoustic quantizers of the run's model."""
    from hac.model.config import HacConfig
    from hac.train.run_folder import chosen_checkpoint

    return str(HacConfig.from_pretrained(chosen_checkpoint(run, "last")).acoustic_codebooks)
