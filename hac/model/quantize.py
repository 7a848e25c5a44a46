"""Vector quantizers of the DAC family, aware of padding.

The parameters are laid out as in transformers' `DacVectorQuantize`, so the weights of a published DAC load
as they are. Two things differ. The distance is the true one, so that un-normalized look-up works too (DAC's
has the sign of a norm wrong, which normalization hides). And losses are means over the frames that exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from hac.model.codebook import Codebook, CodebookOptions
from hac.model.distributed import share_first


@dataclass(frozen=True, slots=True)
class Quantized:
    """What one or several quantizers made of their input.

    Attributes:
        codes: int64 [b, k, t]; meaningless at padded frames.
        quantized: [b, d, t], the sum over the active quantizers, with a straight-through gradient.
        continuous: k tensors [b, d_in, t], what each quantizer was offered.
        contributions: k tensors [b, d, t], what each quantizer answered; they add up to `quantized`
            (less the quantizers that dropout left out).
        commitment_loss: scalar, summed over the quantizers: pulls the encoder to the codes.
        codebook_loss: scalar, summed over the quantizers: pulls the codes to the encoder.
    """

    codes: Tensor
    quantized: Tensor
    continuous: tuple[Tensor, ...]
    contributions: tuple[Tensor, ...]
    commitment_loss: Tensor
    codebook_loss: Tensor


class VectorQuantizer(nn.Module):
    """Factorized vector quantizer: project down, take the nearest code, project up.

    Args:
        codebook_size: number of codes.
        codebook_dim: channels in which the codes live.
        pca_init: start the projections from the principal components of the first training batch, so that little is
            lost before anything is learned; input and output must have the same channels, at least `codebook_dim`.

    Source: Kumar et al. 2023 (arXiv 2306.06546), after Yu et al. 2021 (arXiv 2110.04627).
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        codebook_size: int,
        codebook_dim: int,
        options: CodebookOptions,
        pca_init: bool = False,
    ) -> None:
        super().__init__()
        self.pca_init = pca_init
        self.in_proj = nn.Conv1d(input_dim, codebook_dim, kernel_size=1)
        self.out_proj = nn.Conv1d(codebook_dim, output_dim, kernel_size=1)
        self.codebook = Codebook(codebook_size, codebook_dim, options)

    def forward(self, latent: Tensor, mask: Tensor | None = None, active: Tensor | None = None) -> Quantized:
        """Quantize frame by frame.

        Args:
            latent: [b, input_dim, t].
            mask: bool [b, t], True at the frames that exist; None where all do.
            active: bool [b], the items whose losses count; None where all do.
        """
        if self.training and self.pca_init and int(self.codebook.n_updates) == 0:
            self._project_on_components(latent, mask)
        projected = self.in_proj(latent)
        vectors = projected.transpose(1, 2).flatten(0, 1)
        valid = vectors.detach() if mask is None else vectors.detach()[mask.flatten()]
        if self.training:
            self.codebook.prepare(valid)
        codes = self.codebook.nearest(vectors).unflatten(0, (latent.shape[0], latent.shape[2]))
        if self.training:
            self.codebook.observe(valid, codes.flatten() if mask is None else codes[mask])
        found = self.codebook(codes).transpose(1, 2).to(projected.dtype)
        commitment_loss = mean_square(projected, found.detach(), mask, active)
        codebook_loss = mean_square(found, projected.detach(), mask, active)
        # forward: the code; backward: the gradient passes as if there were no quantizer
        quantized = self.out_proj(projected + (found - projected).detach())
        return Quantized(codes[:, None], quantized, (latent,), (quantized,), commitment_loss, codebook_loss)

    @torch.no_grad()
    def _project_on_components(self, latent: Tensor, mask: Tensor | None) -> None:
        """Make the projections those on the principal components of a latent, and back.

        Args:
            latent: [b, d, t], as it will be quantized; input and output must have d channels.
            mask: bool [b, t], True at the frames that exist; None where all do.
        """
        rows = latent.detach().transpose(1, 2)
        vectors = (rows.flatten(0, 1) if mask is None else rows[mask]).double()
        if len(vectors) == 0:
            return
        mean = vectors.mean(0)
        # ascending: the last components have the largest variance
        components = torch.linalg.eigh((vectors - mean).T @ (vectors - mean)).eigenvectors[
            :, -self.in_proj.out_channels :
        ]
        for parameter, value in (
            (self.in_proj.weight, components.T[..., None]),
            (self.in_proj.bias, -(components.T @ mean)),
            (self.out_proj.weight, components[..., None]),
            (self.out_proj.bias, mean),
        ):
            assert parameter is not None
            parameter.copy_(value)
            share_first(parameter.data)

    def from_codes(self, codes: Tensor) -> Tensor:
        """Vectors [b, output_dim, t] of codes int64 [b, t]."""
        vectors: Tensor = self.out_proj(self.codebook(codes).transpose(1, 2))
        return vectors


class ResidualVectorQuantizer(nn.Module):
    """Quantizers in a row, each working on what the ones before it left over.

    Args:
        codebook_size: codes per quantizer.
        codebook_dim: channels in which the codes live.
        dropout: probability that a training item uses only a random number of the first quantizers.
        pca_init: as for each `VectorQuantizer`, on what is left to it.
    """

    def __init__(
        self,
        latent_dim: int,
        n_codebooks: int,
        codebook_size: int,
        codebook_dim: int,
        dropout: float,
        options: CodebookOptions,
        pca_init: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.quantizers = nn.ModuleList(
            VectorQuantizer(latent_dim, latent_dim, codebook_size, codebook_dim, options, pca_init)
            for _ in range(n_codebooks)
        )

    @property
    def n_codebooks(self) -> int:
        """Quantizers in the row."""
        return len(self.quantizers)

    def forward(self, latent: Tensor, mask: Tensor | None = None, n_quantizers: int | None = None) -> Quantized:
        """Quantize frame by frame, residual after residual.

        Args:
            latent: [b, latent_dim, t].
            mask: bool [b, t], True at the frames that exist; None where all do.
            n_quantizers: use only the first so many; while training, an upper limit under the dropout.
        """
        limit = self.n_codebooks if n_quantizers is None else n_quantizers
        depths = self._draw_depths(latent.shape[0], limit) if self.training else None
        residual = latent
        total = torch.zeros_like(latent)
        parts: list[Quantized] = []
        for index in range(limit):
            active = None if depths is None else (index < depths).to(latent.device)
            quantizer = cast("VectorQuantizer", self.quantizers[index])
            part: Quantized = quantizer(residual, mask, active)
            total = total + (part.quantized if active is None else part.quantized * active[:, None, None])
            residual = residual - part.quantized
            parts.append(part)
        return Quantized(
            codes=torch.cat([part.codes for part in parts], dim=1),
            quantized=total,
            continuous=tuple(part.continuous[0] for part in parts),
            contributions=tuple(part.quantized for part in parts),
            commitment_loss=torch.stack([part.commitment_loss for part in parts]).sum(),
            codebook_loss=torch.stack([part.codebook_loss for part in parts]).sum(),
        )

    def from_codes(self, codes: Tensor) -> Tensor:
        """Vectors [b, latent_dim, t] of codes int64 [b, k, t], k at most `n_codebooks`."""
        used = zip(self.quantizers, codes.unbind(1), strict=False)
        return torch.stack([cast("VectorQuantizer", quantizer).from_codes(rows) for quantizer, rows in used]).sum(0)

    def _draw_depths(self, n_items: int, limit: int) -> Tensor | None:
        """Quantizers used per item, int64 [b]; drawn on the CPU, where a seed gives the same on any device."""
        if self.dropout == 0:
            return None
        shortened = torch.rand(n_items) < self.dropout
        return torch.where(shortened, torch.randint(1, limit + 1, (n_items,)), limit)


def mean_square(left: Tensor, right: Tensor, mask: Tensor | None, active: Tensor | None = None) -> Tensor:
    """Mean of (left - right)^2 over existing frames and channels; items that are not active count as zero.

    Args:
        left: [b, d, t].
        right: [b, d, t].
        mask: bool [b, t], True at the frames that exist; None where all do.
        active: bool [b]; None where all are.
    """
    # in single precision also under autocast: squares of small differences vanish in half precision
    square = (left - right).float().pow(2)
    if active is not None:
        square = square * active[:, None, None]
    if mask is None:
        return square.mean()
    return (square * mask[:, None]).sum() / (mask.sum() * left.shape[1])
