"""The shape of a HAC model, as a transformers configuration and as a short YAML file.

The published description of HAC leaves several choices unseen (how the lexical transformer is fed, how the
streams reach the decoder, what the acoustic level quantizes, codebook sizes). Each of them is an option here,
with our default; the paper's own choice was not seen.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from transformers import DacConfig, PreTrainedConfig

from hac.errors import HacError
from hac.files.yaml_config import check_key, read_yaml

FORMAT_VERSION = 1
"""Version of the checkpoint layout; a checkpoint of a newer one is refused."""

LexicalInput = Literal["stacked", "parallel", "quantized-phonetic"]
Combination = Literal["sum", "concat"]
AcousticInput = Literal["latent", "residual"]
EncoderType = Literal["dac", "stft"]
DecoderType = Literal["dac", "istft"]
CodebookUpdate = Literal["gradient", "ema"]

LEVELS = ("acoustic", "phonetic", "lexical")
"""The levels of the bottleneck, in the order their streams are listed."""

_WIDTH, _CODES, _DEPTH = (1, 1 << 16), (1, 1 << 20), (0, 256)
_SIZES = {
    **dict.fromkeys(("encoder_hidden_size", "decoder_hidden_size", "latent_dim"), _WIDTH),
    **dict.fromkeys(("transformer_dim", "transformer_heads", "transformer_ff_dim", "position_kernel"), _WIDTH),
    **dict.fromkeys(("encoder_ff_dim", "decoder_ff_dim"), _WIDTH),
    **dict.fromkeys(("acoustic_codebook_size", "phonetic_codebook_size", "lexical_codebook_size"), _CODES),
    **dict.fromkeys(
        ("acoustic_codebooks", "phonetic_layers", "lexical_layers", "encoder_layers", "decoder_layers"), _DEPTH
    ),
    "sample_rate": (1, 1_000_000),
}
"""Least and largest value of each size."""
_LONGEST_STRIDE = 1 << 12


@strict
class HacConfig(PreTrainedConfig):
    """Configuration of a `HacModel`.

    Attributes:
        sample_rate: Hz of the audio.
        encoder_type: `dac`, convolutions on the samples, or `stft`, a Fourier transform and layers at the frame rate
            (`hac.model.stft_encoder`).
        encoder_hidden_size: channels of the encoder's first layer; in `dac` they double with every stride.
        encoder_layers: blocks of an `stft` encoder.
        encoder_ff_dim: width of the feed-forward layers of an `stft` encoder.
        decoder_type: `dac`, transposed convolutions up to the samples, or `istft`, layers at the frame rate and an
            inverse Fourier transform (`hac.model.istft_decoder`), which makes sound at a tenth of the cost.
        decoder_hidden_size: channels of the decoder's first layer; in `dac` they halve with every stride.
        decoder_layers: blocks of an `istft` decoder.
        decoder_ff_dim: width of the feed-forward layers of an `istft` decoder.
        latent_dim: channels of Z = ENC(x).
        downsampling_ratios: strides of a `dac` encoder; a `dac` decoder uses them in reverse order. Their product is
            the hop length, of any encoder and decoder.
        exact_upsampling: pad the decoder's odd strides by one, so that t frames give t * hop_length
            samples. DAC itself loses a few samples at the end (8 with strides 2·4·5·8), so
            `HacModel.from_dac` switches it off.
        codebook_dim: dimension of the projected space in which the nearest code is looked up.
        level_codebook_dim: the same for the phonetic and the lexical quantizer; None: `codebook_dim`. One code has to
            say alone what seven acoustic ones say together: eight directions may not hold what tells phones apart.
        normalize_codes: look up by cosine (as DAC does) instead of by Euclidean distance.
        acoustic_codebooks: number N of residual quantizers; 0 switches the level off.
        acoustic_input: what the acoustic level quantizes: `latent` Z itself, so that it may say everything once more,
            or `residual`, Z without what the other levels say of it: then the decoder needs them. The paper's choice
            was not seen.
        residual_gradient: let the gradient of a `residual` into the other levels. Without it (the default) they are
            not trained to be what the acoustic level finds easy to complete.
        acoustic_codebook_size: codes per residual quantizer.
        quantizer_dropout: probability that a training item uses a random number of residual quantizers.
        phonetic: whether the phonetic level is on.
        phonetic_codebook_size: codes of the phonetic stream.
        phonetic_layers: layers of the transformer before the phonetic quantizer.
        lexical: whether the lexical level is on.
        lexical_codebook_size: codes of the lexical stream.
        lexical_layers: layers of the transformer before the lexical quantizer.
        lexical_input: what the lexical transformer reads: `stacked` the phonetic transformer's output,
            `parallel` Z, `quantized-phonetic` the phonetic level after quantization. The paper's choice was
            not seen.
        level_dropout: probability, by level, that a training item is decoded without it, so that the decoder makes
            sound of any of the levels. An item keeps all of them where none would be left.
        combination: how the levels meet before the decoder: `sum`, or `concat` followed by a linear map.
            The paper's choice was not seen.
        transformer_dim: width of both transformers.
        transformer_heads: attention heads.
        transformer_ff_dim: width of the feed-forward layers.
        transformer_dropout: dropout inside the transformers while training.
        position_kernel: taps, in frames, of the convolution that tells a transformer about order (odd).
        codebook_update: how codes are trained: by `gradient` (as in DAC), or as the running mean of the vectors that
            choose them (`ema`, with `usage_decay`).
        pca_init: start the projections of the quantizers from the principal components of what each is offered in the
            first training batch (of the phonetic and the lexical one where `transformer_dim` is `latent_dim`).
        kmeans_init: start each codebook from k-means over its first training batch.
        restart_dead_codes: while training, move codes that are no longer used onto present data.
        dead_code_threshold: a code is dead below this share of the uniform usage.
        restart_interval: training steps between two looks for dead codes.
        usage_decay: decay per training step of the running usage counts.
        commitment_loss_weight: weight of the commitment loss in `HacOutput.loss`.
        codebook_loss_weight: weight of the codebook loss in `HacOutput.loss`.
        initializer_range: standard deviation of freshly drawn weights as in DAC, or None for one that follows the
            width of each layer, so that every layer keeps the size of what passes it: narrow models need it.
        format_version: version of the checkpoint layout.
    """

    model_type = "hac"
    attribute_map = {"sampling_rate": "sample_rate", "hidden_size": "latent_dim"}  # noqa: RUF012

    sample_rate: int = 16000
    encoder_type: EncoderType = "dac"
    encoder_hidden_size: int = 64
    encoder_layers: int = 8
    encoder_ff_dim: int = 1536
    decoder_type: DecoderType = "dac"
    decoder_hidden_size: int = 1536
    decoder_layers: int = 8
    decoder_ff_dim: int = 1536
    latent_dim: int = 1024
    downsampling_ratios: list[int] | tuple[int, ...] = (2, 4, 5, 8)
    exact_upsampling: bool = True
    codebook_dim: int = 8
    level_codebook_dim: int | None = None
    normalize_codes: bool = True
    acoustic_codebooks: int = 7
    acoustic_codebook_size: int = 1024
    acoustic_input: AcousticInput = "latent"
    residual_gradient: bool = False
    quantizer_dropout: float | int = 0.5
    phonetic: bool = True
    phonetic_codebook_size: int = 1024
    phonetic_layers: int = 4
    lexical: bool = True
    lexical_codebook_size: int = 1024
    lexical_layers: int = 4
    lexical_input: LexicalInput = "stacked"
    level_dropout: dict[str, float | int] | None = None
    combination: Combination = "sum"
    transformer_dim: int = 512
    transformer_heads: int = 8
    transformer_ff_dim: int = 2048
    transformer_dropout: float | int = 0.1
    position_kernel: int = 31
    codebook_update: CodebookUpdate = "gradient"
    pca_init: bool = False
    kmeans_init: bool = False
    restart_dead_codes: bool = False
    dead_code_threshold: float | int = 0.01
    restart_interval: int = 100
    usage_decay: float | int = 0.99
    commitment_loss_weight: float | int = 0.25
    codebook_loss_weight: float | int = 1.0
    initializer_range: float | None = 0.02
    format_version: int = FORMAT_VERSION

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what types alone cannot say.

        Raises:
            HacError: the configuration describes no model.
        """
        self.downsampling_ratios = tuple(self.downsampling_ratios)
        super().__post_init__(**kwargs)
        self._check_format()
        self._check_sizes()
        self._check_backbone()
        self._check_levels()

    @classmethod
    def from_yaml(cls, path: Path, **changes: Any) -> Self:
        """Read a configuration from YAML; `base: other.yaml` in it includes a file beside it first.

        Args:
            path: the YAML file; its keys are the attributes of this class.
            changes: attributes that overrule the file.

        Raises:
            HacError: no such file, no YAML mapping, a bad value, an unknown key (the nearest one is named).
        """
        return cls.from_values({**read_yaml(Path(path), "model configuration"), **changes}, str(path))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str) -> Self:
        """A configuration from its attributes by name; `where` opens each complaint.

        Raises:
            HacError: a bad value or an unknown key (the nearest one is named).
        """
        for key in values:
            check_key(key, cls.__annotations__, where)
        try:
            return cls(**values)
        except StrictDataclassError as error:
            raise HacError(f"{where}: {' '.join(str(error).split())}") from error

    @classmethod
    def of_checkpoint(cls, values: dict[str, Any], where: str) -> Self:
        """A configuration from the content of a checkpoint's config.json; `where` opens each complaint.

        Raises:
            HacError: it describes no model.
        """
        try:
            return cls.from_dict(values)
        except HacError:
            raise
        except Exception as error:  # transformers' own fields raise what they like
            reason = " ".join(str(error).split())
            raise HacError(f"{where}: its config.json is no HAC configuration ({reason})") from error

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return math.prod(self.downsampling_ratios)

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second, exactly."""
        return Fraction(self.sample_rate, self.hop_length)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels that are on."""
        on = (self.acoustic_codebooks > 0, self.phonetic, self.lexical)
        return tuple(name for name, is_on in zip(LEVELS, on, strict=True) if is_on)

    @property
    def codebook_sizes(self) -> dict[str, int]:
        """Codebook size of every stream, in their order: `acoustic.0`, ..., `phonetic`, `lexical`."""
        sizes = {f"acoustic.{k}": self.acoustic_codebook_size for k in range(self.acoustic_codebooks)}
        if self.phonetic:
            sizes["phonetic"] = self.phonetic_codebook_size
        if self.lexical:
            sizes["lexical"] = self.lexical_codebook_size
        return sizes

    @property
    def nominal_kbps(self) -> float:
        """Kilobits per second of all streams, each code counted as log2(codebook size) bits."""
        bits_per_frame = sum(math.log2(size) for size in self.codebook_sizes.values())
        return bits_per_frame * float(self.frame_rate) / 1000

    def dac_config(self) -> DacConfig:
        """Configuration of the DAC encoder and decoder inside."""
        config = DacConfig(
            encoder_hidden_size=self.encoder_hidden_size,
            decoder_hidden_size=self.decoder_hidden_size,
            downsampling_ratios=list(self.downsampling_ratios),
            sampling_rate=self.sample_rate,
            codebook_dim=self.codebook_dim,
        )
        # DAC derives the latent dimension from the channels; small models want it free
        config.hidden_size = self.latent_dim
        return config

    def _check_format(self) -> None:
        if self.format_version > FORMAT_VERSION:
            raise HacError(
                f"the checkpoint has format version {self.format_version} and this hac reads up to "
                f"{FORMAT_VERSION}; install a newer hac-codec"
            )

    def _check_sizes(self) -> None:
        """Sizes that are none, or that no machine holds: a damaged file must not ask for a terabyte."""
        for name, (least, most) in _SIZES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise HacError(f"{name} is {value!r:.40}; expected {least:,} to {most:,}")
        dims = {"codebook_dim": self.codebook_dim}
        if self.level_codebook_dim is not None:
            dims["level_codebook_dim"] = self.level_codebook_dim
        # principal components are no more than the channels they are of
        most = self.latent_dim if self.pca_init else _WIDTH[1]
        for name, dim in dims.items():
            if not 1 <= dim <= most:
                raise HacError(f"{name} is {dim!r:.40}; expected 1 to {most:,}")
        if max(self.downsampling_ratios, default=0) > _LONGEST_STRIDE:
            raise HacError(f"downsampling_ratios: a stride above {_LONGEST_STRIDE:,}; expected such as [2, 4, 5, 8]")

    def _check_backbone(self) -> None:
        ratios = self.downsampling_ratios
        if not ratios or min(ratios) < 2:
            raise HacError(
                f"downsampling_ratios is {list(ratios)}; every stride must be at least 2, as in [2, 4, 5, 8]"
            )
        types = {"decoder_type": self.decoder_type, "encoder_type": self.encoder_type}
        at_frame_rate = [f"{part}: {kind}" for part, kind in types.items() if kind != "dac"]
        if at_frame_rate and self.hop_length % 2:
            raise HacError(
                f"downsampling_ratios is {list(ratios)}, {self.hop_length} samples a frame; {at_frame_rate[0]} "
                "needs an even number"
            )
        if self.decoder_type == "dac" and self.decoder_hidden_size % 2 ** len(ratios):
            raise HacError(
                f"decoder_hidden_size is {self.decoder_hidden_size}, which cannot be halved {len(ratios)} "
                f"times; choose a multiple of {2 ** len(ratios)}"
            )
        if self.transformer_dim % self.transformer_heads:
            raise HacError(
                f"transformer_dim is {self.transformer_dim}, no multiple of transformer_heads={self.transformer_heads}"
            )
        if self.position_kernel % 2 == 0:
            raise HacError(f"position_kernel is {self.position_kernel}; it must be odd, so that a frame is its centre")

    def _check_levels(self) -> None:
        if not self.levels:
            raise HacError("every level is off; switch on acoustic_codebooks, phonetic or lexical")
        if self.lexical and not self.phonetic and self.lexical_input != "parallel":
            raise HacError(
                f"lexical_input is {self.lexical_input!r} but the phonetic level is off; set lexical_input: parallel"
            )
        if not 0 <= self.quantizer_dropout <= 1:
            raise HacError(f"quantizer_dropout is {self.quantizer_dropout}; it is a probability, from 0 to 1")
        if self.acoustic_input == "residual" and self.combination != "sum":
            raise HacError(
                "acoustic_input is 'residual', what the other levels leave of Z; that needs levels that add up: set "
                "combination: sum"
            )
        for level, probability in (self.level_dropout or {}).items():
            check_key(level, self.levels, "level_dropout")
            if not 0 <= probability < 1:
                raise HacError(
                    f"level_dropout of {level} is {probability}; expected a probability from 0 to below 1 (a level "
                    "that is never decoded is switched off instead)"
                )
