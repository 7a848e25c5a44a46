"""The factorized bottleneck: acoustic, phonetic and lexical streams out of one latent Z.

    Z --------------------------> residual quantizers -> acoustic.0 ... acoustic.N-1
    Z --> phonetic transformer -> quantizer           -> phonetic
          lexical transformer  -> quantizer           -> lexical

Whether the acoustic level quantizes Z itself or what the other levels leave of it, what the lexical transformer
reads and how the levels meet again are options of `HacConfig`. Source: HAC, arXiv 2506.15456.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hac.model.codebook import CodebookHealth, CodebookOptions
from hac.model.config import HacConfig
from hac.model.quantize import Quantized, ResidualVectorQuantizer, VectorQuantizer
from hac.model.transformer import LevelTransformer


@dataclass(frozen=True, slots=True)
class BottleneckOutput:
    """What the bottleneck made of Z.

    Attributes:
        encoded: [b, latent_dim, t], Z: what the levels are of.
        latent: [b, latent_dim, t], the levels combined: what is decoded.
        levels: by level name (`acoustic`, `phonetic`, `lexical`).
    """

    encoded: Tensor
    latent: Tensor
    levels: Mapping[str, Quantized]

    @property
    def codes(self) -> dict[str, Tensor]:
        """Codes by stream name, each int64 [b, t]."""
        return {name: level.codes[:, k] for name, level, k in self._streams()}

    @property
    def continuous(self) -> dict[str, Tensor]:
        """What the quantizer of each stream was offered, by stream name, each [b, d, t]."""
        return {name: level.continuous[k] for name, level, k in self._streams()}

    @property
    def quantized(self) -> dict[str, Tensor]:
        """What the quantizer of each stream answered, by stream name, each [b, latent_dim, t]."""
        return {name: level.contributions[k] for name, level, k in self._streams()}

    @property
    def commitment_loss(self) -> Tensor:
        """Summed over all quantizers of all levels."""
        return torch.stack([level.commitment_loss for level in self.levels.values()]).sum()

    @property
    def codebook_loss(self) -> Tensor:
        """Summed over all quantizers of all levels."""
        return torch.stack([level.codebook_loss for level in self.levels.values()]).sum()

    def _streams(self) -> list[tuple[str, Quantized, int]]:
        return [
            (f"acoustic.{k}" if name == "acoustic" else name, level, k)
            for name, level in self.levels.items()
            for k in range(level.codes.shape[1])
        ]


class FactorizedBottleneck(nn.Module):
    """Acoustic residual quantizers; phonetic and lexical quantizers, each after its transformer.

    Any level may be off: acoustic alone is DAC, phonetic + acoustic is akin to SpeechTokenizer.
    """

    def __init__(self, config: HacConfig) -> None:
        super().__init__()
        self.config = config
        self.options = CodebookOptions(
            normalize_codes=config.normalize_codes,
            kmeans_init=config.kmeans_init,
            restart_dead_codes=config.restart_dead_codes,
            dead_code_threshold=float(config.dead_code_threshold),
            restart_interval=config.restart_interval,
            usage_decay=float(config.usage_decay),
            codebook_update=config.codebook_update,
        )
        latent_dim, width = config.latent_dim, config.transformer_dim
        if config.acoustic_codebooks:
            self.acoustic = ResidualVectorQuantizer(
                latent_dim,
                config.acoustic_codebooks,
                config.acoustic_codebook_size,
                config.codebook_dim,
                float(config.quantizer_dropout),
                self.options,
                config.pca_init,
            )
        if config.phonetic:
            self.phonetic_transformer = LevelTransformer(latent_dim, config.phonetic_layers, config)
            self.phonetic = self._level_quantizer(config.phonetic_codebook_size)
        if config.lexical:
            lexical_input_dim = width if config.lexical_input == "stacked" else latent_dim
            self.lexical_transformer = LevelTransformer(lexical_input_dim, config.lexical_layers, config)
            self.lexical = self._level_quantizer(config.lexical_codebook_size)
        if config.combination == "concat":
            self.combine = nn.Conv1d(len(config.levels) * latent_dim, latent_dim, kernel_size=1)

    def forward(self, latent: Tensor, mask: Tensor | None = None, n_quantizers: int | None = None) -> BottleneckOutput:
        """Quantize Z level by level and combine the levels.

        Args:
            latent: Z, [b, latent_dim, t].
            mask: bool [b, t], True at the frames that exist; None where all do.
            n_quantizers: acoustic quantizers to use; all by default.
        """
        levels: dict[str, Quantized] = {}
        has_acoustic, of_residual = self.config.acoustic_codebooks > 0, self.config.acoustic_input == "residual"
        if has_acoustic and not of_residual:
            levels["acoustic"] = self.acoustic(latent, mask, n_quantizers)
        phonetic_hidden = latent
        if self.config.phonetic:
            phonetic_hidden = self.phonetic_transformer(latent, mask)
            levels["phonetic"] = self.phonetic(phonetic_hidden, mask)
        if self.config.lexical:
            lexical_input = {
                "stacked": lambda: phonetic_hidden,
                "parallel": lambda: latent,
                "quantized-phonetic": lambda: levels["phonetic"].quantized,
            }[self.config.lexical_input]()
            levels["lexical"] = self.lexical(self.lexical_transformer(lexical_input, mask), mask)
        if has_acoustic and of_residual:
            said = torch.stack([torch.zeros_like(latent), *(level.quantized for level in levels.values())]).sum(0)
            residual = latent - (said if self.config.residual_gradient else said.detach())
            levels = {"acoustic": self.acoustic(residual, mask, n_quantizers), **levels}
        decoded = self._drop({name: level.quantized for name, level in levels.items()})
        return BottleneckOutput(latent, self._combine(decoded), levels)

    def from_codes(self, codes: Mapping[str, Tensor], levels: Collection[str]) -> Tensor:
        """What the decoder hears of some codes.

        Args:
            codes: by stream name, int64 [b, t]; of the acoustic streams, the first so many.
            levels: the levels to be heard; the others are silent (zero).

        Returns:
            [b, latent_dim, t].
        """
        vectors: dict[str, Tensor] = {}
        for name in self.config.levels:
            if name not in levels:
                continue
            if name == "acoustic":
                rows = [
                    codes[stream]
                    for stream in self.config.codebook_sizes
                    if stream.startswith("acoustic.") and stream in codes
                ]
                vectors[name] = self.acoustic.from_codes(torch.stack(rows, dim=1))
            else:
                vectors[name] = getattr(self, name).from_codes(codes[name])
        return self._combine(vectors)

    def health(self) -> dict[str, CodebookHealth]:
        """Usage, dead codes and perplexity of every codebook, by stream name."""
        quantizers: dict[str, Any] = {}
        if self.config.acoustic_codebooks:
            quantizers |= {f"acoustic.{k}": q for k, q in enumerate(self.acoustic.quantizers)}
        quantizers |= {name: getattr(self, name) for name in self.config.levels if name != "acoustic"}
        return {name: quantizer.codebook.health() for name, quantizer in quantizers.items()}

    def _level_quantizer(self, codebook_size: int) -> VectorQuantizer:
        config = self.config
        width, dim = config.transformer_dim, config.level_codebook_dim or config.codebook_dim
        pca_init = config.pca_init and width == config.latent_dim
        return VectorQuantizer(width, config.latent_dim, codebook_size, dim, self.options, pca_init)

    def _drop(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Levels [b, latent_dim, t] each, while training without those that `level_dropout` takes from an item.

        Drawn on the CPU, where a seed gives the same on any device.
        """
        if not self.training or not self.config.level_dropout:
            return vectors
        probability = torch.tensor([float(self.config.level_dropout.get(name, 0.0)) for name in vectors])
        n_items = len(next(iter(vectors.values())))
        kept = torch.rand(n_items, len(vectors)) >= probability
        kept |= ~kept.any(1, keepdim=True)
        return {
            name: vector * kept[:, index, None, None].to(vector.device, vector.dtype)
            for index, (name, vector) in enumerate(vectors.items())
        }

    def _combine(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """Levels [b, latent_dim, t] each, to one; a level that is absent counts as zero."""
        if self.config.combination == "sum":
            return torch.stack(list(vectors.values())).sum(0) if len(vectors) > 1 else next(iter(vectors.values()))
        silent = torch.zeros_like(next(iter(vectors.values())))
        joined: Tensor = self.combine(torch.cat([vectors.get(n, silent) for n in self.config.levels], dim=1))
        return joined
