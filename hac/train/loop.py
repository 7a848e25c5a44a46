"""The loop: batches, steps, validations, checkpoints, until the last step or a signal."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hac.coding.decoded_audio import file_names
from hac.data.alignments.alignment import Tier
from hac.errors import Failure, FailureLog, HacError
from hac.model.config import LEVELS
from hac.train.checkpoints import Progress, last_good, rotate, save_checkpoint
from hac.train.config import TrainConfig
from hac.train.data.batch_sampler import BatchPlan, share_out
from hac.train.data.dataset import TrainBatch, UtteranceDataset
from hac.train.ema import Ema, averaged
from hac.train.metrics_log import Journal
from hac.train.run_record import FAILURES
from hac.train.step import Networks, sum_over_processes, train_step
from hac.train.validation import Validation, validate

TERMINATED = 143
"""Exit code after SIGTERM, as shells have it."""


@dataclass
class Run:
    """All that the loop works with.

    Attributes:
        ema: running mean of the weights; None: none.
        phones: phones of the held-out utterances; None where they are not known.
        settings: what a checkpoint records of the run.
        autocast: a context with the run's precision; each call gives a new one.
        advance: moves the progress bar by some steps.
    """

    folder: Path
    config: TrainConfig
    networks: Networks
    ema: Ema | None
    train: UtteranceDataset
    validation: UtteranceDataset
    phones: Tier | None
    plan: BatchPlan
    settings: dict[str, Any]
    rank: int
    world: int
    device: torch.device
    autocast: Callable[[], AbstractContextManager[Any]]
    failures: FailureLog
    log_line: Callable[[str], None]
    advance: Callable[[int], None]

    @property
    def is_main(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0


def run_loop(run: Run, progress: Progress) -> tuple[Progress, bool]:
    """Train from `progress` to the last step; returns where the run stands, and whether SIGTERM stopped it.

    Raises:
        HacError: a loss or gradient that is not finite, audio that is gone, a full disk; each names the last good
            checkpoint.
    """
    config = run.config
    batches = _batches(run, progress.step)
    saved = progress.step
    run.networks.generator.train()
    with _terminated() as stop, _journal(run, progress.step) as journal:
        while progress.step < config.steps and not _anywhere(stop[0], run.device):
            step = progress.step
            started = time.perf_counter()
            parts, audio_s = _moved(next(batches), run)
            # all that a step draws depends on seed, step and process alone: nothing else needs to be resumed. After
            # the batch is there, since a data loader draws too when an epoch begins
            torch.manual_seed(_seed(config.seed, step, run.rank))
            _note_failures(run, [failure for part in parts for failure in part.failures])
            metrics = train_step(run.networks, parts, config, step, run.autocast)
            _check_finite(metrics, run.folder, step)
            if run.ema is not None:
                run.ema.update(run.networks.generator.model, step + 1)
            wall_s = time.perf_counter() - started
            progress = replace(
                progress, step=step + 1, audio_s=progress.audio_s + audio_s, wall_s=progress.wall_s + wall_s
            )
            if journal is not None:
                journal.numbers(progress.step, {**metrics, "speed/audio_s_per_s": audio_s / wall_s})
            run.advance(1)
            if progress.step % config.validation.every == 0 or progress.step == config.steps:
                progress = _validate(run, journal, progress)
            if progress.step % config.checkpoint.every == 0 or progress.best_step == progress.step:
                _save(run, progress)
                saved = progress.step
        stopped = progress.step < config.steps
        if saved != progress.step:
            _save(run, progress)
    return progress, stopped


def _validate(run: Run, journal: Journal | None, progress: Progress) -> Progress:
    """Validate on the main process; tells whether this is the best step so far."""
    config, step = run.config, progress.step
    if journal is None:
        return progress
    model = run.networks.generator.model
    with averaged(run.ema, model):
        result = validate(run.networks.generator, run.validation, run.phones, run.networks.mel, config.validation)
    metrics = {**result.metrics, **_health(run)}
    journal.numbers(step, metrics)
    _note_failures(run, result.failures)
    _log_sounds(journal, step, result)
    run.log_line(f"step {step}: {_summary(metrics)}")
    for line in _not_needed(metrics):
        run.log_line(f"warning: {line}")
    value = metrics.get(config.checkpoint.best)
    if value is None:
        raise HacError(
            f"checkpoint.best is {config.checkpoint.best!r}, which a validation does not measure; it measures "
            f"{', '.join(sorted(result.metrics))}"
        )
    sign = 1 if config.checkpoint.mode == "min" else -1
    if math.isfinite(value) and (progress.best_value is None or sign * value < sign * progress.best_value):
        return replace(progress, best_step=step, best_value=value)
    return progress


def _save(run: Run, progress: Progress) -> None:
    if run.is_main:
        save_checkpoint(run.folder, run.networks, run.ema, progress, run.settings)
        rotate(run.folder, run.config.checkpoint.keep, progress.best_step)


class _Parts(Dataset[list[TrainBatch]]):
    """This process's parts of the batches of one epoch, by place in the epoch."""

    def __init__(self, run: Run, batches: list[list[int]], first_step: int) -> None:
        self.dataset, self.batches, self.first_step = run.train, batches, first_step
        self.durations_s = run.plan.durations_s
        self.n_shares, self.accumulate, self.rank = run.world * run.config.accumulate, run.config.accumulate, run.rank

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> list[TrainBatch]:
        shares = share_out(self.batches[place], self.durations_s, self.n_shares)
        # a small last batch may have fewer utterances than there are shares: some take a neighbour's again
        shares = [share or [self.batches[place][k % len(self.batches[place])]] for k, share in enumerate(shares)]
        own = shares[self.rank * self.accumulate : (self.rank + 1) * self.accumulate]
        return [self.dataset.batch(self.first_step + place, share) for share in own]


def _batches(run: Run, step: int) -> Iterator[list[TrainBatch]]:
    """This process's parts of every batch from `step` on, read ahead by workers where there are some."""
    epoch, place = run.plan.locate(step)
    while True:
        batches = run.plan.epoch(epoch)
        parts = _Parts(run, batches, step - place)
        n_workers = run.config.data.workers
        loader = DataLoader(
            parts,
            batch_size=None,
            sampler=range(place, len(batches)),
            num_workers=n_workers,
            pin_memory=False,
            prefetch_factor=4 if n_workers else None,
            worker_init_fn=_outlive_sigterm,
            # not by a server of forks (Python 3.14's way), which would end at SIGTERM and take them along
            multiprocessing_context="fork" if n_workers and sys.platform == "linux" else None,
        )
        for item in loader:
            yield item
            step += 1
        epoch, place = epoch + 1, 0


def _outlive_sigterm(_worker: int) -> None:
    """Schedulers send SIGTERM to all processes of a job; those that read must last until the running step is saved.

    They end with the process that trains, however that ends: they ask whether it is there.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _moved(parts: list[TrainBatch], run: Run) -> tuple[list[TrainBatch], float]:
    """Parts on the device, and the seconds of audio in the whole batch, over all processes."""
    n_samples = torch.tensor([float(sum(int(part.exists.sum()) for part in parts))], dtype=torch.float64)
    on_device = n_samples.to(run.device)
    sum_over_processes([on_device])
    return [part.to(run.device) for part in parts], float(on_device) / run.train.sample_rate


def _note_failures(run: Run, failures: Sequence[Failure]) -> None:
    """List what could not be read on the way, each utterance once; under --strict, stop at it."""
    if not failures:  # as in nearly every step
        return
    known = run.failures.ids
    fresh = list({failure.id: failure for failure in failures if failure.id not in known}.values())
    run.failures.extend(fresh)
    for failure in fresh:
        run.log_line(f"skipped {failure.id}: {failure.detail}")
    # every process adds what it met; what is given at once is written at once
    with (run.folder / FAILURES).open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(FailureLog(items=fresh).json_lines())


def _check_finite(metrics: dict[str, float], folder: Path, step: int) -> None:
    wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
    if wrong:
        raise HacError(
            f"step {step + 1}: {wrong[0]} is {metrics[wrong[0]]}; lower optimizer.learning_rate or the weight of the "
            f"loss; {last_good(folder)}"
        )


def _health(run: Run) -> dict[str, float]:
    values: dict[str, float] = {}
    for stream, health in run.networks.generator.model.bottleneck.health().items():
        values |= {
            f"codebook/{stream}/perplexity": health.perplexity,
            f"codebook/{stream}/used": float(health.used),
            f"codebook/{stream}/dead": float(health.dead),
        }
    return values


def _log_sounds(journal: Journal, step: int, result: Validation) -> None:
    for name, (original, decoded) in zip(file_names(result.sounds), result.sounds.values(), strict=True):
        journal.sound(step, f"{name}/original", original)
        journal.sound(step, f"{name}/decoded", decoded)


_SHOWN = (
    "mel",
    "stoi",
    "phonetic/pnmi_corrected",
    "phonetic/teacher_cosine",
    "phonetic/teacher_accuracy",
    "lexical/recall_at_1",
)


def _summary(metrics: dict[str, float]) -> str:
    shown = [(name, metrics[f"validation/{name}"]) for name in _SHOWN if f"validation/{name}" in metrics]
    return ", ".join(f"{name} {value:.3f}" for name, value in shown)


_NEEDED = 0.95
"""STOI to the whole above which the sound without a level is the same sound."""


def _not_needed(metrics: dict[str, float]) -> list[str]:
    """Levels that the decoder can do without: then nothing is factorized."""
    without = {level: metrics.get(f"validation/{level}/stoi_without", 0.0) for level in LEVELS}
    return [
        f"the {level} level is not needed: without it the decoded sound is the same (STOI {value:.3f} to the whole); "
        "model.acoustic_input=residual with model.level_dropout and losses.alignment make the decoder need its levels"
        for level, value in without.items()
        if value > _NEEDED
    ]


def _seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1)


def _anywhere(flag: bool, device: torch.device) -> bool:
    """Whether any process saw the signal, so that all stop at the same step."""
    value = torch.tensor([float(flag)], device=device)
    sum_over_processes([value])
    return bool(value.item() > 0)


@contextmanager
def _journal(run: Run, step: int) -> Iterator[Journal | None]:
    """The journal of a run that goes on at `step`, on the main process."""
    if not run.is_main:
        yield None
        return
    journal = Journal(run.folder, step, run.train.sample_rate)
    if not journal.has_tensorboard:
        run.log_line("tensorboard is not installed (extra `train`): numbers go to metrics.jsonl only")
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _terminated() -> Iterator[list[bool]]:
    """Within this context SIGTERM only sets a flag: the running step is finished and saved."""
    stop = [False]

    def note(_signal: int, _frame: FrameType | None) -> None:
        stop[0] = True

    try:
        before = signal.signal(signal.SIGTERM, note)
    except ValueError:  # not the main thread: whoever runs us there handles signals
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
