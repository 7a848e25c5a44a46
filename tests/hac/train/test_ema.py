"""The running mean of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hac.train.ema import Ema


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def mean_of(ema, model):
    with ema.applied(model):
        return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_mean_is_the_slow_one(decay):
    model = network()
    ema = Ema(model, decay)
    slow = {name: parameter.detach().double().clone() for name, parameter in model.named_parameters()}
    for step in range(1, 40):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema.update(model, step)
        share = min(decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            slow[name] = share * slow[name] + (1 - share) * parameter.detach().double()
    for name, value in mean_of(ema, model).items():
        torch.testing.assert_close(value.double(), slow[name], rtol=1e-5, atol=1e-5)


def test_the_mean_starts_from_the_weights_and_is_its_own():
    model = network()
    ema = Ema(model, 0.9)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with torch.no_grad():
        model[0].weight.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in mean_of(ema, model).items())


def test_weights_come_back_also_after_an_error():
    model = network()
    ema = Ema(model, 0.9)
    with torch.no_grad():
        model[0].weight.add_(1)
    own = {name: (parameter, parameter.data_ptr()) for name, parameter in model.named_parameters()}
    with pytest.raises(RuntimeError, match="inside"), ema.applied(model):
        assert model[0].weight.data_ptr() != own["0.weight"][1]
        raise RuntimeError("inside")
    for name, parameter in model.named_parameters():
        # the very parameters that the optimizer knows, with the very memory
        assert parameter is own[name][0] and parameter.data_ptr() == own[name][1]


def test_loading_takes_a_copy():
    model, other = network(), network(1)
    ema = Ema(model, 0.9)
    tensors = {name: parameter.detach().clone() for name, parameter in other.named_parameters()}
    ema.load(model, tensors)
    tensors["0.weight"].zero_()
    found = mean_of(ema, model)
    assert all(torch.equal(found[name], parameter) for name, parameter in other.named_parameters())
