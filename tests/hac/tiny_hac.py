"""HAC models small enough for tests, whose codes nevertheless vary."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hac.model.config import HacConfig
from hac.model.hac_model import HacModel

TINY: dict[str, Any] = {
    "encoder_hidden_size": 4,
    "decoder_hidden_size": 32,
    "latent_dim": 24,
    "transformer_dim": 16,
    "transformer_heads": 2,
    "transformer_ff_dim": 32,
    "phonetic_layers": 1,
    "lexical_layers": 1,
    "acoustic_codebooks": 3,
    "acoustic_codebook_size": 32,
    "phonetic_codebook_size": 16,
    "lexical_codebook_size": 8,
    "position_kernel": 5,
    "initializer_range": None,
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads only get in each other's way on models this small."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def enliven(model: torch.nn.Module) -> None:
    """Make an untrained model answer to its input: larger weights, no biases before the look-up."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("encoder") and name.endswith("weight"):
                parameter.mul_(1.4)
            if name.endswith("in_proj.bias"):
                parameter.zero_()


def tiny_model(seed: int = 0, **changes: Any) -> HacModel:
    torch.manual_seed(seed)
    # fresh weights of this kind answer to their input as they are
    return HacModel(HacConfig(**(TINY | changes))).eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Audio with some loudness contour, so that frames differ."""
    generator = torch.Generator().manual_seed(seed)
    contour = torch.nn.functional.interpolate(torch.rand(1, 1, 20, generator=generator), shape[-1], mode="linear")[0, 0]
    return torch.randn(*shape, generator=generator) * contour
