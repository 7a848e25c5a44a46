"""HAC, the Hierarchical Audio Codec, as a transformers model.

Encoder and decoder are transformers' own DAC modules (or ones at the frame rate, `encoder_type: stft` and
`decoder_type: istft`); between them sits the `FactorizedBottleneck`.

Padding is masked throughout: after every layer that looks sideways, what lies beyond the end of an item is
set to zero, which is what the convolutions' own zero padding shows to that item alone. So a padded batch
gives each item the codes it gets alone. Real-valued vectors agree to about 1e-5 of their size, since kernels
may add in another order; on a near tie between two codes that can tip a token, so whoever needs the very bits
encodes one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, DacFeatureExtractor, PreTrainedModel
from transformers import initialization as init
from transformers.models.dac.modeling_dac import DacDecoder, DacEncoder, DacResidualUnit, Snake1d

from hac.errors import HacError
from hac.model import checkpoint
from hac.model.bottleneck import BottleneckOutput, FactorizedBottleneck
from hac.model.codebook import Codebook
from hac.model.config import HacConfig
from hac.model.convnext import FIRST_SCALE, FrameBlock
from hac.model.inputs import Batch, check_depth, check_levels, fit_length, gather_codes, padded, prepare_audio
from hac.model.istft_decoder import IstftDecoder
from hac.model.masked_convolutions import decode_latent, encode_audio
from hac.model.outputs import HacEmbeddings, HacOutput, HacTokens
from hac.model.quantize import VectorQuantizer
from hac.model.snake import fuse_snakes
from hac.model.stft_encoder import StftEncoder


class HacModel(PreTrainedModel):
    """The codec: audio to named streams of tokens and back.

    Weights are read from and written to safetensors only.
    """

    config_class = HacConfig
    config: HacConfig
    base_model_prefix = "hac"
    main_input_name = "input_values"
    input_modalities = "audio"
    _no_split_modules = ["DacResidualUnit"]  # noqa: RUF012

    def __init__(self, config: HacConfig) -> None:
        super().__init__(config)
        dac_config = config.dac_config()
        self.encoder: DacEncoder | StftEncoder
        if config.encoder_type == "stft":
            self.encoder = StftEncoder(
                config.latent_dim,
                config.hop_length,
                config.encoder_hidden_size,
                config.encoder_layers,
                config.encoder_ff_dim,
            )
        else:
            self.encoder = DacEncoder(dac_config)
        self.decoder: DacDecoder | IstftDecoder
        if config.decoder_type == "istft":
            self.decoder = IstftDecoder(
                config.latent_dim,
                config.hop_length,
                config.decoder_hidden_size,
                config.decoder_layers,
                config.decoder_ff_dim,
            )
        else:
            self.decoder = DacDecoder(dac_config)
        if config.exact_upsampling and isinstance(self.decoder, DacDecoder):
            for block, stride in zip(self.decoder.block, dac_config.upsampling_ratios, strict=True):
                cast("nn.ConvTranspose1d", block.conv_t1).output_padding = (stride % 2,)
        fuse_snakes(self)
        self.bottleneck = FactorizedBottleneck(config)
        self.post_init()
        if config.initializer_range is None:
            # not in `_init_weights`: transformers leaves out modules that have no parameters of their own
            for module in self.modules():
                _rescale_init(module)

    @classmethod
    def from_pretrained(cls, where: Any, *args: Any, **options: Any) -> Any:  # type: ignore[override]
        """Load a HAC folder or hub id; the options are those of transformers.

        Raises:
            HacError: nothing there, another kind of model, a newer format, weights missing or pickled.
        """
        return checkpoint.load_hac(super().from_pretrained, where, args, options)

    @classmethod
    def from_dac(cls, where: str, **changes: Any) -> Self:
        """Start from a published DAC: its encoder, decoder and residual quantizers.

        Args:
            where: a folder written by transformers' `DacModel.save_pretrained`, or a hub id.
            changes: attributes of `HacConfig` that overrule what DAC implies. With `phonetic=False,
                lexical=False` the result is that DAC, code for code and sample for sample; otherwise the
                new levels start fresh.

        Raises:
            HacError: nothing there, no DAC, or changes that its weights do not fit.
        """
        dac = checkpoint.load_dac(where)
        source = dac.config
        implied: dict[str, Any] = {
            "sample_rate": source.sampling_rate,
            "encoder_hidden_size": source.encoder_hidden_size,
            "decoder_hidden_size": source.decoder_hidden_size,
            "latent_dim": source.hidden_size,
            "downsampling_ratios": list(source.downsampling_ratios),
            "codebook_dim": source.codebook_dim,
            "acoustic_codebooks": source.n_codebooks,
            "acoustic_codebook_size": source.codebook_size,
            "quantizer_dropout": source.quantizer_dropout,
            "exact_upsampling": False,
        }
        for part in ("encoder", "decoder"):
            if changes.get(f"{part}_type", "dac") != "dac":
                raise HacError(f"{where}: a DAC's {part} has {part}_type dac; leave {part}_type out")
        model = cls(HacConfig(**(implied | changes)))
        checkpoint.take_dac_weights(model, model.config, dac, where)
        model.eval()
        return model

    def save_pretrained(self, save_directory: Any, *args: Any, **options: Any) -> None:
        """Write config, safetensors, the feature extractor and, where there is none yet, a model card."""
        with checkpoint.no_progress_bars():
            super().save_pretrained(save_directory, *args, **options)
        extractor = DacFeatureExtractor(sampling_rate=self.config.sample_rate, hop_length=self.config.hop_length)
        extractor.save_pretrained(save_directory)
        checkpoint.write_card(self, self.config, Path(save_directory))

    def prepare(
        self, input_values: Tensor, padding_mask: Tensor | None = None, sample_rate: int | None = None
    ) -> Batch:
        """Check audio, silence its padding and fill it up to whole frames.

        Args:
            input_values: [b, n] or [b, 1, n], mono, padded at the end.
            padding_mask: [b, n], 1 or True at the samples that exist; None where all do.
            sample_rate: Hz of the audio, if it is to be checked.

        Raises:
            HacError: another sample rate, another shape, padding elsewhere than at the end, an empty item.
        """
        batch = prepare_audio(self.config, input_values, padding_mask, sample_rate)
        return Batch(batch.samples.to(self.dtype), batch.n_samples, batch.mask)

    def bottleneck_of(self, batch: Batch, n_quantizers: int | None = None) -> BottleneckOutput:
        """Encode and quantize prepared audio: the part that works on whole utterances."""
        mask = batch.frame_mask
        return self.bottleneck(  # type: ignore[no-any-return]
            encode_audio(self.encoder, batch.samples, mask), mask, check_depth(self.config, n_quantizers)
        )

    @torch.no_grad()
    def encode(
        self,
        input_values: Tensor,
        padding_mask: Tensor | None = None,
        n_quantizers: int | None = None,
        sample_rate: int | None = None,
    ) -> HacTokens:
        """Turn audio into tokens.

        Args:
            input_values: [b, n] or [b, 1, n], mono at the model's sample rate, padded at the end.
            padding_mask: [b, n], 1 or True at the samples that exist; None where all do.
            n_quantizers: acoustic streams to make; all by default.
            sample_rate: Hz of the audio, if it is to be checked.
        """
        batch = self.prepare(input_values, padding_mask, sample_rate)
        codes = self.bottleneck_of(batch, n_quantizers).codes
        streams = {name: padded(rows, batch.mask) for name, rows in codes.items()}
        return HacTokens(streams, batch.mask, self.config.frame_rate, batch.n_samples)

    @torch.no_grad()
    def decode(
        self, tokens: HacTokens, streams: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> Tensor:
        """Turn tokens into audio.

        Args:
            streams: the levels to be heard (`acoustic`, `phonetic`, `lexical`); all by default.
            n_quantizers: how many of the acoustic streams to use; all that the tokens hold by default.

        Returns:
            [b, n] with n the longest of `tokens.n_samples`; zero beyond the end of an item.

        Raises:
            HacError: a level that the model or the tokens lack, or a code beyond its codebook.
        """
        tokens = tokens.to(self.device)
        levels = check_levels(self.config, streams)
        codes = gather_codes(self.config, tokens, levels, check_depth(self.config, n_quantizers))
        mask = None if bool(tokens.mask.all()) else tokens.mask
        latent = self.bottleneck.from_codes(codes, levels)
        return fit_length(decode_latent(self.decoder, latent, mask), tokens.n_samples)

    @torch.no_grad()
    def embed(self, input_values: Tensor, padding_mask: Tensor | None = None, quantized: bool = False) -> HacEmbeddings:
        """Real-valued vectors of every stream, for probing.

        Args:
            input_values: [b, n] or [b, 1, n], mono at the model's sample rate, padded at the end.
            padding_mask: [b, n], 1 or True at the samples that exist; None where all do.
            quantized: what each quantizer answered ([b, t, latent_dim]) instead of what it was offered (the
                residual for an acoustic stream, the transformer's output for the phonetic and the lexical
                one).
        """
        batch = self.prepare(input_values, padding_mask)
        output = self.bottleneck_of(batch)
        vectors = output.quantized if quantized else output.continuous
        streams = {name: rows.transpose(1, 2) * batch.mask[..., None] for name, rows in vectors.items()}
        return HacEmbeddings(streams, batch.mask, self.config.frame_rate)

    def forward(
        self,
        input_values: Tensor,
        padding_mask: Tensor | None = None,
        n_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> HacOutput | tuple[Tensor, ...]:
        """Encode, quantize and decode whole items, with gradients; the arguments are those of `encode`."""
        batch = self.prepare(input_values, padding_mask)
        output = self.bottleneck_of(batch, n_quantizers)
        commitment_loss, codebook_loss = output.commitment_loss, output.codebook_loss
        weights = self.config.commitment_loss_weight, self.config.codebook_loss_weight
        result = HacOutput(
            loss=weights[0] * commitment_loss + weights[1] * codebook_loss,
            audio_values=fit_length(decode_latent(self.decoder, output.latent, batch.frame_mask), batch.n_samples),
            audio_codes=torch.stack(list(output.codes.values()), dim=1),
            latent=output.latent,
            commitment_loss=commitment_loss,
            codebook_loss=codebook_loss,
        )
        return result if return_dict is not False else result.to_tuple()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draw fresh weights: as DAC does, or by the width of each layer where `initializer_range` is None."""
        std = self.config.initializer_range
        if isinstance(module, Snake1d):
            init.ones_(module.alpha)
        elif isinstance(module, Codebook):
            init.zeros_(module.usage)
            init.zeros_(module.n_updates)
            if std is not None:
                init.normal_(module.weight, mean=0.0, std=std)
        elif isinstance(module, FrameBlock):
            init.constant_(module.scale, FIRST_SCALE)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, (nn.Conv1d, nn.ConvTranspose1d, nn.Linear)):
            self._init_linear(module, std)

    def _init_linear(self, module: nn.Conv1d | nn.ConvTranspose1d | nn.Linear, std: float | None) -> None:
        """Weights as in DAC, or such that a layer keeps the size of what passes it; biases of zero.

        PyTorch's own biases are larger than quiet speech is after a few narrow layers: every frame would start out
        almost the same, and codebooks would be built on noise.
        """
        if std is not None and isinstance(module, nn.ConvTranspose1d):
            return  # DAC leaves them as PyTorch draws them
        if std is None:
            taps = math.prod(module.weight.shape[2:])
            if isinstance(module, nn.ConvTranspose1d):
                fan_in = module.in_channels * taps / module.stride[0]
            else:
                fan_in = module.weight.shape[1] * taps
            std = fan_in**-0.5
        init.trunc_normal_(module.weight, std=std)
        if module.bias is not None:
            init.zeros_(module.bias)


@torch.no_grad()
def _rescale_init(module: nn.Module) -> None:
    """Start a module, whose layers keep the size of what passes them, so that as a whole it does too."""
    if isinstance(module, DacResidualUnit):
        # a dozen residual branches of full size would add up
        init.copy_(module.conv2.weight, 0.2 * module.conv2.weight)
    elif isinstance(module, DacEncoder):
        # speech has an RMS of about 0.1: at that size the activations would be nearly linear, and the codes tiny
        init.copy_(module.conv1.weight, 10 * module.conv1.weight)
    elif isinstance(module, DacDecoder):
        # quiet sound: a saturated tanh learns nothing
        init.copy_(module.conv2.weight, 0.1 * module.conv2.weight)
    elif isinstance(module, IstftDecoder):
        # magnitudes near one, which is the size of quiet speech
        init.copy_(module.head.weight, 0.3 * module.head.weight)
    elif isinstance(module, VectorQuantizer) and module.in_proj.in_channels == module.out_proj.out_channels:
        # rows of unit length, nearly orthogonal: the transpose brings back what was projected, so that each residual
        # is smaller than the one before
        init.copy_(module.out_proj.weight, module.in_proj.weight.transpose(0, 1))


AutoConfig.register("hac", HacConfig, exist_ok=True)
AutoModel.register(HacConfig, HacModel, exist_ok=True)
AutoFeatureExtractor.register(HacConfig, DacFeatureExtractor, exist_ok=True)
