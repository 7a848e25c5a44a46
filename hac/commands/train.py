"""`hac train`: a model from one configuration."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hac.files.output_lock import locked


def one_run(out: Path) -> AbstractContextManager[None]:
    """Hold the folder of a run; of several processes that are one run (`torchrun`), the first holds it for all."""
    return locked([out]) if os.environ.get("RANK", "0") == "0" else nullcontext()


def train(
    config: Annotated[
        Path, typer.Argument(help="Training configuration (YAML); the shipped ones are in configs/train.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run: checkpoints, metrics, TensorBoard.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.KEY=VALUE", help="Change one value of the configuration; repeatable."),
    ] = None,
    only_targets: Annotated[
        bool, typer.Option("--only-targets", help="Compute the teachers' targets, and stop there.")
    ] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Train on the CPU, whatever else is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first utterance that cannot be used.")] = False,
) -> None:
    """Train a HAC model: whole utterances encoded, both teachers on quantized levels, GAN losses on a window.

    The same command goes on where it stopped, after Ctrl-C, a crash, or SIGTERM (which saves first and ends with exit
    code 143). Several GPUs or machines: the same words after `torchrun --nproc-per-node N -m hac.cli` or `accelerate
    launch -m hac.cli`.

    Examples:

        hac train configs/train/hac-small.yaml -o runs/small --set data.train=train.jsonl

        hac train configs/train/hac-nano.yaml -o runs/no-text --set data.train=train.jsonl --set teachers.text=null

        torchrun --nproc-per-node 8 -m hac.cli train configs/train/hac-base.yaml -o runs/base
    """
    with one_run(out):
        from hac.train.config import read_train_config

        settings = read_train_config(config, set_ or [])
        from hac.train.loop import TERMINATED
        from hac.train.run import train as train_model

        outcome = train_model(settings, out, log_line=typer.echo, strict=strict, only_targets=only_targets, cpu=cpu)
        if outcome is None:
            return
        if outcome.stopped:
            if outcome.is_main:
                typer.echo(
                    f"stopped by SIGTERM; saved {outcome.checkpoint}; the same command goes on from there", err=True
                )
            raise typer.Exit(TERMINATED)
        if not outcome.is_main:
            return
        typer.echo(f"last checkpoint: {outcome.checkpoint}")
        if outcome.best is not None:
            typer.echo(f"best by {settings.checkpoint.best} ({outcome.progress.best_value:.4f}): {outcome.best}")
