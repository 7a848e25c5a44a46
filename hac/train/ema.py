"""The running mean of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn


def averaged(ema: Ema | None, model: nn.Module) -> AbstractContextManager[None]:
    """Within this context the model's parameters are their running mean, where there is one."""
    return nullcontext() if ema is None else ema.applied(model)


class Ema:
    """Exponential moving average of the parameters, in single precision.

    Args:
        model: whose parameters are averaged; the mean starts from them.
        decay: per step; early steps use a smaller one, `(1 + step) / (10 + step)`, so that the start is forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._mean = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the mean towards the parameters as they are after `step` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            self._mean[name].lerp_(parameter, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Within this context the model's parameters are the mean."""
        own = {name: parameter.data for name, parameter in model.named_parameters()}
        for name, parameter in model.named_parameters():
            parameter.data = self._mean[name]
        try:
            yield
        finally:
            for name, parameter in model.named_parameters():
                parameter.data = own[name]

    def load(self, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Take the mean from a checkpoint's tensors, by parameter name."""
        for name, parameter in model.named_parameters():
            self._mean[name] = tensors[name].to(parameter.device).clone()
