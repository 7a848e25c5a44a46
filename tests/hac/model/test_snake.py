"""The activation with a backward pass of its own, against transformers' and against numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.dac.modeling_dac import Snake1d

from hac.model.snake import FusedSnake1d, fuse_snakes
from tests.hac.tiny_hac import one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself


def pair(channels, seed=0, dtype=torch.float32):
    """The same activation twice: transformers' and ours, with alphas of both signs and near 0."""
    torch.manual_seed(seed)
    theirs, ours = Snake1d(channels), FusedSnake1d(channels)
    with torch.no_grad():
        theirs.alpha.copy_(torch.randn(1, channels, 1) * 2)
        theirs.alpha[0, 0] = 1e-4
        ours.load_state_dict(theirs.state_dict())
    return theirs.to(dtype), ours.to(dtype)


@settings(max_examples=20)
@given(
    b=st.integers(1, 3), c=st.integers(1, 5), t=st.integers(1, 40), seed=st.integers(0, 99), scale=st.floats(0.01, 30)
)
def test_forward_is_the_same_to_the_bit(b, c, t, seed, scale):
    theirs, ours = pair(c, seed)
    hidden = torch.randn(b, c, t) * scale
    before = hidden.clone()
    with torch.no_grad():
        expected = theirs(hidden)
        assert torch.equal(ours(hidden), expected)
    assert torch.equal(ours(hidden), expected)
    assert torch.equal(ours(hidden.requires_grad_()), expected)
    assert torch.equal(hidden, before)  # in place only on its own memory


@settings(max_examples=20)
@given(b=st.integers(1, 3), c=st.integers(1, 5), t=st.integers(1, 40), seed=st.integers(0, 99))
def test_gradients_are_those_of_autograd(b, c, t, seed):
    theirs, ours = pair(c, seed, torch.float64)
    hidden = torch.randn(b, c, t, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(b, c, t, dtype=torch.float64)
    wanted = torch.autograd.grad(theirs(hidden), (hidden, theirs.alpha), upstream)
    found = torch.autograd.grad(ours(hidden), (hidden, ours.alpha), upstream)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    assert found[1].shape == ours.alpha.shape


def test_gradients_are_the_slopes():
    _, ours = pair(3, dtype=torch.float64)
    with torch.no_grad():
        ours.alpha[0, 0] = 0.3  # where a difference quotient has digits left
    hidden = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, a: torch.func.functional_call(ours, {"alpha": a}, (x,)), (hidden, ours.alpha)
    )


def test_single_precision_gradients_are_close():
    theirs, ours = pair(4)
    hidden = torch.randn(2, 4, 300, requires_grad=True)
    upstream = torch.randn(2, 4, 300)
    wanted = torch.autograd.grad(theirs(hidden), (hidden, theirs.alpha), upstream)
    found = torch.autograd.grad(ours(hidden), (hidden, ours.alpha), upstream)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-4)
    # the gradient of an alpha near 0 is the difference of large numbers in either
    torch.testing.assert_close(found[1][:, 1:], wanted[1][:, 1:], rtol=1e-3, atol=1e-3)


def test_only_what_is_asked_for():
    _, ours = pair(2)
    hidden = torch.randn(1, 2, 6)
    ours(hidden).sum().backward()
    assert ours.alpha.grad is not None and hidden.grad is None
    ours.requires_grad_(False)
    assert not ours(hidden).requires_grad
    hidden.requires_grad_()
    ours(hidden).sum().backward()
    assert hidden.grad is not None


def test_a_second_use_of_the_output_is_noticed():
    """Output is remembered: who changes it in place before the backward pass gets an error, no wrong gradient."""
    _, ours = pair(2)
    output = ours(torch.randn(1, 2, 6, requires_grad=True))
    output.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_half_precision_keeps_the_parameters_type():
    _, ours = pair(2)
    hidden = torch.randn(1, 2, 6).bfloat16().requires_grad_()
    output = ours(hidden)
    assert output.dtype == torch.bfloat16
    output.sum().backward()
    assert ours.alpha.grad.dtype == torch.float32 and hidden.grad.dtype == torch.bfloat16


def test_fusing_keeps_names_and_values():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv1d(1, 3, 1), Snake1d(3), torch.nn.Sequential(Snake1d(3)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fuse_snakes(network)
    after = network.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], before[name]) for name in before)
    assert [type(part) for part in network.modules() if isinstance(part, Snake1d)] == [FusedSnake1d] * 2


def test_every_snake_of_a_model_is_fused():
    snakes = [part for part in tiny_model().modules() if isinstance(part, Snake1d)]
    assert snakes and all(type(part) is FusedSnake1d for part in snakes)
