"""DAC's activation, `x + sin(a x)^2 / a`, with a backward pass of its own.

The forward pass computes what transformers' `Snake1d` computes, bit for bit, but in place. The backward pass needs
one sine instead of a sine and a cosine, and remembers only input and output, which the neighbouring layers remember
anyway. In small codecs the activations are half of a training step, so this is worth a derivative by hand.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.dac.modeling_dac import Snake1d

_EPS = 1e-9
"""As in DAC: keeps the reciprocal finite."""


def _activated(hidden: Tensor, alpha: Tensor) -> Tensor:
    """x + sin(a x)^2 / (a + eps), with one array beside the input."""
    return (alpha * hidden).sin_().pow_(2).mul_((alpha + _EPS).reciprocal()).add_(hidden)


class _Snake(torch.autograd.Function):
    """x + sin(a x)^2 / (a + eps); x [b, c, ...], a [1, c, ...], all but c of length one."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, alpha: Tensor) -> Tensor:
        """The activation."""
        ctx.alpha_dtype = alpha.dtype
        alpha = alpha.to(hidden.dtype)
        output = _activated(hidden, alpha)
        ctx.save_for_backward(hidden, alpha, output)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """d/dx = 1 + a/(a + eps) sin(2 a x); d/da = x sin(2 a x) / (a + eps) - sin(a x)^2 / (a + eps)^2."""
        (gradient,) = gradients
        hidden, alpha, output = ctx.saved_tensors
        reciprocal = (alpha + _EPS).reciprocal()
        through = (2 * alpha * hidden).sin_().mul_(gradient)
        to_alpha = None
        if ctx.needs_input_grad[1]:
            # sin(a x)^2 / (a + eps) is what the activation added
            others = [0, *range(2, hidden.ndim)]
            inner = (through * hidden).sum(others, keepdim=True)
            inner -= (output - hidden).mul_(gradient).sum(others, keepdim=True)
            to_alpha = (reciprocal * inner).to(ctx.alpha_dtype)
        to_hidden = through.mul_(alpha * reciprocal).add_(gradient) if ctx.needs_input_grad[0] else None
        return to_hidden, to_alpha


class FusedSnake1d(Snake1d):
    """transformers' `Snake1d` with the same parameter, less memory and a quicker backward pass."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Activate [b, c, t], or with gradients [b, c, ..., t]."""
        alpha = self.alpha.reshape(1, -1, *[1] * (hidden_states.ndim - 2))
        if not torch.is_grad_enabled():
            return _activated(hidden_states, alpha)
        return _Snake.apply(hidden_states, alpha)  # type: ignore[no-any-return, no-untyped-call]


def fuse_snakes(module: nn.Module) -> None:
    """Replace every `Snake1d` inside a module; parameters stay, under their names."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is Snake1d:
                fused: nn.Module = FusedSnake1d(child.alpha.shape[1])  # type: ignore[no-untyped-call]
                fused.alpha = child.alpha
                setattr(parent, name, fused.train(child.training))
