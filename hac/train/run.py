"""A training run from its configuration: speech, teachers, networks, then the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from hac.console import progress as progress_bar
from hac.errors import FailureLog
from hac.hub import Checkpoint, open_checkpoint
from hac.model.checkpoint import check_kind
from hac.model.config import HacConfig
from hac.model.hac_model import HacModel
from hac.teachers.units import MAX_FRAMES, FrameUnits, fit_units
from hac.train.checkpoints import Progress, checkpoints, load_checkpoint, load_heads, read_state, rotate, step_of
from hac.train.config import TrainConfig, model_config
from hac.train.data.batch_sampler import BatchPlan, check_shares
from hac.train.data.corpus_split import Corpus, load_corpus
from hac.train.data.dataset import UtteranceDataset
from hac.train.ema import Ema
from hac.train.generator import Generator
from hac.train.loop import Run, run_loop
from hac.train.losses import MelSpectrogramLoss
from hac.train.precision import check_precision
from hac.train.run_record import check_same_run, check_same_speech, met_before, run_settings, write_start
from hac.train.step import Networks, make_discriminator
from hac.train.teacher_targets import Teachers, load_teachers


@dataclass(frozen=True)
class Outcome:
    """How a call ended: stopped by SIGTERM or not, and the best checkpoint; None before the first validation."""

    progress: Progress
    stopped: bool
    checkpoint: Path
    best: Path | None
    is_main: bool = True


def train(
    config: TrainConfig,
    folder: Path,
    *,
    log_line: Callable[[str], None] = print,
    strict: bool = False,
    only_targets: bool = False,
    cpu: bool = False,
) -> Outcome | None:
    """Train a model; go on where an earlier call with the same folder stopped.

    Args:
        only_targets: compute the teachers' targets and stop; returns None.
        cpu: train on the CPU, whatever else is there.

    Raises:
        HacError: what the user can mend; see the modules that raise it.
    """
    accelerator = Accelerator(cpu=cpu)
    main = accelerator.is_main_process
    log_line = log_line if main else _no
    check_precision(config.precision, accelerator.device)
    settings = run_settings(config)
    check_same_run(folder, settings)
    start = _warm_start(config)
    failures = FailureLog(strict)
    model_settings = model_config(config)
    corpus = load_corpus(config.data, config.seed, failures)
    check_same_speech(folder, corpus)
    check_shares(config.data.batch_s, config.data.max_s, accelerator.num_processes * config.accumulate)
    _log_corpus(corpus, config, failures, log_line)
    with accelerator.main_process_first():
        teachers = load_teachers(config, model_settings, corpus, accelerator.device, failures, log_line)
    before = met_before(folder, failures)
    if main:
        provenance = None if start is None else start.provenance()
        write_start(folder, config, settings, corpus, failures, provenance, before)
    failures.items += before
    if only_targets:
        return None
    networks, ema = _networks(config, model_settings, teachers, accelerator.device, start)
    progress = _resume(folder, networks, ema, log_line)
    if main:
        rotate(folder, config.checkpoint.keep, progress.best_step)  # a run that was killed may not have come to it
    log_when_done = _log_size(networks, config, log_line)
    common = (config.data, model_settings.sample_rate, model_settings.hop_length, config.seed)
    # one bar, however many processes
    with progress_bar("training", config.steps) if main else nullcontext(_no) as advance:
        advance(progress.step)
        run = Run(
            folder=folder,
            config=config,
            networks=networks,
            ema=ema,
            train=UtteranceDataset(corpus.train, *common, teachers.speech, teachers.text),
            validation=UtteranceDataset(
                corpus.validation, *common, teachers.speech_true, teachers.text_true, augmented=False
            ),
            phones=corpus.phones,
            plan=BatchPlan([u.duration for u in corpus.train.utterances], config.data.batch_s, config.seed),
            settings=settings,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            device=accelerator.device,
            # accelerate's own precision is one for all runs of a process
            autocast=partial(
                torch.autocast, accelerator.device.type, dtype=torch.bfloat16, enabled=config.precision == "bf16"
            ),
            failures=failures,
            log_line=log_line,
            advance=advance,
        )
        progress, stopped = run_loop(run, progress)
    log_when_done(progress)
    accelerator.wait_for_everyone()
    finished = checkpoints(folder)
    best = next((path for path in finished if step_of(path) == progress.best_step), None)
    return Outcome(progress, stopped, finished[-1], best, main)


def _networks(
    config: TrainConfig,
    model_settings: HacConfig,
    teachers: Teachers,
    device: torch.device,
    start: Checkpoint | None,
) -> tuple[Networks, Ema | None]:
    """Fresh networks; the seed fixes their weights on every process."""
    torch.manual_seed(config.seed)
    model = _model(model_settings, start)
    speech = _speech_taught(config, teachers)
    text_dim = None if teachers.text is None else teachers.text.dim
    generator = Generator(model, config, speech, text_dim).to(device)
    if isinstance(speech, int) and config.teachers.speech is not None and config.teachers.speech.standardize:
        mean, deviation = teachers.speech_true.statistics(seed=config.seed)
        head: Any = generator.heads["phonetic"]
        head.mean.copy_(torch.from_numpy(np.asarray(mean)))
        head.deviation.copy_(torch.from_numpy(np.maximum(deviation, 1e-4)))
    if start is not None and start.config["model_type"] == "hac":
        load_heads(start.folder, generator, config.teachers)
    discriminator = make_discriminator(config)
    options: dict[str, Any] = {
        "lr": config.optimizer.learning_rate,
        "betas": config.optimizer.betas,
        "weight_decay": config.optimizer.weight_decay,
        "fused": True,
    }
    networks = Networks(
        generator,
        None if discriminator is None else discriminator.to(device),
        torch.optim.AdamW(generator.parameters(), **options),
        None if discriminator is None else torch.optim.AdamW(discriminator.parameters(), **options),
        MelSpectrogramLoss(model.config.sample_rate).to(device),
    )
    return networks, None if config.ema is None else Ema(model, config.ema)


def _speech_taught(config: TrainConfig, teachers: Teachers) -> int | FrameUnits | None:
    """What the speech teacher teaches: frames of so many dimensions, or its units, fitted on the training speech."""
    wanted = config.teachers.speech
    if teachers.speech is None or wanted is None:
        return None
    if wanted.loss != "units":
        return int(teachers.speech.dim)
    frames = teachers.speech_true.sample(MAX_FRAMES, seed=config.seed)
    return fit_units(frames, wanted.units, min(wanted.unit_directions, frames.shape[1]), config.seed)


def _model(settings: HacConfig, start: Checkpoint | None) -> HacModel:
    if start is None:
        return HacModel(settings)
    if start.config["model_type"] == "hac":
        model: HacModel = HacModel.from_pretrained(start.folder, config=settings)
        return model
    changes = {key: value for key, value in settings.to_diff_dict().items() if key in HacConfig.__annotations__}
    return HacModel.from_dac(str(start.folder), **changes)


def _warm_start(config: TrainConfig) -> Checkpoint | None:
    """The model that a run starts from, found before anything is written; of a hub id, the commit is known."""
    if config.warm_start is None:
        return None
    kind, _, where = config.warm_start.partition(":")
    found = open_checkpoint(where)
    check_kind(found.folder, kind, f"a model of type {kind}", {})
    return found


def _resume(folder: Path, networks: Networks, ema: Ema | None, log_line: Callable[[str], None]) -> Progress:
    """The newest checkpoint's state, put into the networks; a fresh start where there is none."""
    finished = checkpoints(folder)
    if not finished:
        return Progress()
    progress, _ = read_state(finished[-1])
    load_checkpoint(finished[-1], networks, ema)
    log_line(f"going on from {finished[-1]}")
    return progress


def _log_corpus(corpus: Corpus, config: TrainConfig, failures: FailureLog, log_line: Callable[[str], None]) -> None:
    log_line(
        f"train on {len(corpus.train)} utterances, {corpus.train.hours:.2f} h; validate on {len(corpus.validation)} "
        f"held-out ones (by {corpus.held_out}), {corpus.validation.hours:.2f} h"
    )
    if config.data.alignments:
        known = len(corpus.phones.ids) if corpus.phones is not None else 0
        log_line(f"data.alignments hold phones of {known} of the {len(corpus.validation)} held-out utterances")
    for reason, count in failures.by_reason().items():
        log_line(f"left out, {reason}: {count}")


def _log_size(networks: Networks, config: TrainConfig, log_line: Callable[[str], None]) -> Callable[[Progress], None]:
    model = networks.generator.model
    n_model = sum(p.numel() for p in model.parameters())
    n_other = 0 if networks.discriminator is None else sum(p.numel() for p in networks.discriminator.parameters())
    log_line(
        f"model {n_model / 1e6:.2f} M parameters, discriminators {n_other / 1e6:.2f} M; "
        f"{config.steps} steps of {config.data.batch_s:g} s"
    )
    started = time.perf_counter()

    def done(progress: Progress) -> None:
        speed = progress.audio_s / progress.wall_s if progress.wall_s else float("nan")
        log_line(
            f"{progress.step} steps, {progress.audio_s / 3600:.2f} h of audio, {speed:.1f}x real time; "
            f"{time.perf_counter() - started:.0f} s in this call"
        )

    return done


def _no(_: object) -> None:
    """What the other processes print, and how they advance the bar."""
