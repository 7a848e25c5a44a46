"""One training step: a generator step and a discriminator step on the same forward passes.

A batch may come in parts, over accumulation and over processes. Every loss is a mean over what exists in the
*whole* batch: each part's mean is weighted by its share of frames, windows or texts, gradients are summed over
parts and processes, and nothing is divided twice. So the gradients do not depend on how a batch was cut.

Both steps see the discriminators as they were before the step, which lets them share one pass over the decoded
sound. DAC updates the discriminators first and runs them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hac.model.distributed import are_several
from hac.train.config import TrainConfig
from hac.train.config_sections import LossesConfig
from hac.train.data.dataset import TrainBatch
from hac.train.discriminator import Discriminator
from hac.train.generator import Generator, GeneratorOutput
from hac.train.losses import (
    MelSpectrogramLoss,
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    waveform_l1,
)

_BUCKET = 8 * 2**20
"""Values of the gradient summed over processes in one message."""


@dataclass
class Networks:
    """Everything that learns, and what it learns with; no discriminator where no loss uses it."""

    generator: Generator
    discriminator: Discriminator | None
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer | None
    mel: MelSpectrogramLoss


def make_discriminator(config: TrainConfig) -> Discriminator | None:
    """The discriminators of a configuration, with fresh weights; None where no loss uses them."""
    return Discriminator(config.discriminator) if config.adversarial else None


@dataclass(frozen=True, slots=True)
class _Totals:
    """Counts over the whole batch, all parts and processes."""

    frames: float
    windows: float
    taught_frames: float
    taught_texts: float


def train_step(
    networks: Networks,
    parts: Sequence[TrainBatch],
    config: TrainConfig,
    step: int,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> dict[str, float]:
    """Gradients of all parts, then one optimizer step each of generator and discriminator.

    Args:
        parts: this process's parts of the batch.
        step: number of the step, from 0.
        autocast: gives a context with the precision of the forward passes.

    Returns:
        Losses by path, over the whole batch, unweighted; gradient norms; the learning rate.
    """
    device = parts[0].audio.device
    totals = _totals(parts, networks.generator, device)
    adversarial = networks.discriminator is not None and step >= config.discriminator.start_step
    sums: dict[str, Tensor] = {}
    for part in parts:
        with autocast():
            output = networks.generator(part)
        shares = _shares(output, len(part), totals)
        losses = _sound_losses(networks, output, config.losses) | _level_losses(output)
        if adversarial:
            losses |= _adversarial_losses(networks.discriminator, output, shares["window"], autocast)
        total = torch.stack(
            [weight * shares[_mean_over(name)] * losses[name] for name, weight in _weights(config, losses).items()]
        ).sum()
        total.backward(inputs=_trained(networks.generator))  # type: ignore[no-untyped-call]
        _add(sums, losses, shares)
    learning_rate = config.optimizer.rate(step, config.steps)
    sums["gradient_norm/generator"] = _update(
        networks.generator, networks.generator_optimizer, learning_rate, config.optimizer.clip_generator
    )
    if adversarial and networks.discriminator is not None and networks.discriminator_optimizer is not None:
        sums["gradient_norm/discriminator"] = _update(
            networks.discriminator,
            networks.discriminator_optimizer,
            learning_rate,
            config.optimizer.clip_discriminator,
        )
    values = _reduced(sums)
    return {**values, "learning_rate": learning_rate}


def sum_over_processes(tensors: Iterable[Tensor]) -> None:
    """Add up tensors of the same shapes over all processes, in place, in few messages."""
    if not are_several():
        return
    bucket: list[Tensor] = []
    for tensor in [*tensors, None]:
        if bucket and (tensor is None or sum(t.numel() for t in bucket) >= _BUCKET):
            flat = torch.cat([t.reshape(-1) for t in bucket])
            dist.all_reduce(flat)
            for target, values in zip(bucket, torch.split(flat, [t.numel() for t in bucket]), strict=True):
                target.copy_(values.view_as(target))
            bucket = []
        if tensor is not None:
            bucket.append(tensor)


def _totals(parts: Sequence[TrainBatch], generator: Generator, device: torch.device) -> _Totals:
    hop = generator.model.config.hop_length
    counts = torch.stack(
        [
            torch.stack([(-(-part.exists.sum(1) // hop)).sum() for part in parts]).sum(),
            torch.tensor(sum(len(part) for part in parts), device=device),
            torch.stack([part.speech_taught.sum() for part in parts]).sum(),
            torch.stack([part.text_taught.sum() for part in parts]).sum(),
        ]
    ).double()
    sum_over_processes([counts])
    return _Totals(*counts.tolist())


def _shares(output: GeneratorOutput, n_windows: int, totals: _Totals) -> dict[str, Tensor | float]:
    """This part's share of the whole batch, by what a loss is a mean over."""
    shares: dict[str, Tensor | float] = {
        "frame": output.n_frames / totals.frames,
        "window": n_windows / totals.windows,
    }
    if output.phonetic is not None:
        shares["taught frame"] = output.phonetic.n / max(totals.taught_frames, 1)
    if output.lexical is not None:
        shares["taught text"] = output.lexical.n / max(totals.taught_texts, 1)
    return shares


def _sound_losses(networks: Networks, output: GeneratorOutput, weights: LossesConfig) -> dict[str, Tensor]:
    losses = {"mel": networks.mel(output.estimate, output.reference)}
    if weights.waveform:
        losses["waveform"] = waveform_l1(output.estimate, output.reference)
    return losses


def _level_losses(output: GeneratorOutput) -> dict[str, Tensor]:
    losses = {"vq/commitment": output.commitment_loss, "vq/codebook": output.codebook_loss}
    if output.alignment_loss is not None:
        losses["vq/alignment"] = output.alignment_loss
    for level, distilled in (("phonetic", output.phonetic), ("lexical", output.lexical)):
        if distilled is not None:
            losses[f"distillation/{level}/loss"] = distilled.loss
            losses[f"distillation/{level}/{distilled.measure}"] = distilled.agreement
    return losses


def _adversarial_losses(
    discriminator: Discriminator | None,
    output: GeneratorOutput,
    share: Tensor | float,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Tensor]:
    """The generator's two adversarial losses; the discriminators' gradients are taken on the way."""
    assert discriminator is not None
    with autocast():
        fake, real = discriminator(output.estimate), discriminator(output.reference)
    own = discriminator_loss(real, fake)
    trained = _trained(discriminator)
    # the pass over the decoded sound is used twice: here for the discriminators' weights, later for the generator
    gradients = torch.autograd.grad(share * own, trained, retain_graph=True)
    for parameter, gradient in zip(trained, gradients, strict=True):
        parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return {
        "adversarial/discriminator": own.detach(),
        "adversarial/generator": adversarial_loss(fake),
        "feature_matching": feature_matching_loss(fake, real),
    }


def _weights(config: TrainConfig, losses: dict[str, Tensor]) -> dict[str, float]:
    """Weight of each loss that is present."""
    own, teachers = config.losses, config.teachers
    table = {
        "mel": own.mel,
        "waveform": own.waveform,
        "vq/commitment": own.commitment,
        "vq/codebook": own.codebook,
        "vq/alignment": own.alignment,
        "adversarial/generator": own.adversarial,
        "feature_matching": own.feature_matching,
        "distillation/phonetic/loss": teachers.speech.weight if teachers.speech else 0.0,
        "distillation/lexical/loss": teachers.text.weight if teachers.text else 0.0,
    }
    return {name: weight for name, weight in table.items() if name in losses and weight > 0}


_MEAN_OVER = {"vq": "frame", "distillation/phonetic": "taught frame", "distillation/lexical": "taught text"}


def _mean_over(name: str) -> str:
    """What a loss is a mean over, and so what it is shared out by: sound is judged by windows."""
    return next((kind for prefix, kind in _MEAN_OVER.items() if name.startswith(prefix)), "window")


def _add(sums: dict[str, Tensor], losses: dict[str, Tensor], shares: dict[str, Tensor | float]) -> None:
    """Add this part's losses, each by its share, to the sums over the batch."""
    for name, loss in losses.items():
        value = loss.detach().double() * shares[_mean_over(name)]
        sums[name] = sums[name] + value if name in sums else value


def _update(network: nn.Module, optimizer: torch.optim.Optimizer, learning_rate: float, clip: float) -> Tensor:
    """Sum gradients over processes, clip, step; returns the norm before clipping."""
    trained = _trained(network)
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    sum_over_processes(parameter.grad for parameter in trained if parameter.grad is not None)
    norm = torch.nn.utils.clip_grad_norm_(trained, clip)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    # a step on a gradient that is not finite would spoil the weights before the loop can stop
    if bool(torch.isfinite(norm)):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def _reduced(sums: dict[str, Tensor]) -> dict[str, float]:
    """Losses as numbers, summed over processes; norms are the same everywhere already."""
    losses = [name for name in sums if not name.startswith("gradient_norm/")]
    values = torch.stack([sums[name].double() for name in losses])
    sum_over_processes([values])
    norms = {name: float(value) for name, value in sums.items() if name.startswith("gradient_norm/")}
    return dict(zip(losses, values.tolist(), strict=True)) | norms


def _trained(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]
