"""Tokens back to audio: one interface for HAC and for the codecs of transformers.

A HAC or DAC decoder is a stack of convolutions, so a sample depends on a few frames before and after its own
and on no others. `decoder_context` counts them; `decode_blocks` decodes long tokens window by window, each with
that much context, and gives what decoding them whole would give. EnCodec's decoder (LSTM) and Mimi's (attention)
have no such bound: their tokens are decoded whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.hub import Checkpoint, checked_device, load_model, open_checkpoint

if TYPE_CHECKING:
    from torch import nn

    from hac.model.hac_model import HacModel

Codes = Mapping[str, NDArray[np.int32]]

BLOCK_S = 10.0
"""Seconds of audio made at once: what bounds memory."""


@dataclass(frozen=True, slots=True)
class Context:
    """Frames before and after its own that a frame's samples depend on."""

    before: int
    after: int


@runtime_checkable
class Decoder(Protocol):
    """Anything that turns tokens into audio.

    Attributes:
        name: `kind:where`, a folder or a hub id, as given on the command line.
        sample_rate: Hz of the audio it makes.
        hop_samples: samples it makes of a frame.
        streams: every stream it can decode from, in order.
        context: what a frame's samples depend on; None where there is no bound.
        weights_sha256: hash of its weights, as a token store's provenance has it.
    """

    name: str
    sample_rate: int
    hop_samples: int
    streams: tuple[StreamSpec, ...]
    context: Context | None
    weights_sha256: str

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        """Names of the streams to decode from.

        Args:
            present: the streams that the tokens have.
            levels: the levels to be heard; None: all.
            n_quantizers: residual quantizers to use; None: as many as the tokens have.

        Raises:
            HacError: a level, or a number of quantizers, that the model does not have.
        """
        ...

    def decode(self, streams: Codes) -> NDArray[np.float32]:
        """Audio of one utterance, float32 [t * hop_samples], from int [t] of each chosen stream; t is at least 1."""
        ...


class HacDecoder:
    """A `HacModel` as a `Decoder`; levels that are not chosen are silent."""

    def __init__(self, name: str, model: HacModel, weights_sha256: str) -> None:
        config = model.config
        self.name = name
        self.sample_rate = config.sample_rate
        self.hop_samples = config.hop_length
        self.streams = tuple(
            StreamSpec(stream, size, config.frame_rate) for stream, size in config.codebook_sizes.items()
        )
        self.context: Context | None = decoder_context(model.decoder)
        self.weights_sha256 = weights_sha256
        self._model = model

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        """Names of the streams to decode from; see `Decoder.choose`."""
        from hac.model.inputs import check_depth, check_levels

        config = self._model.config
        chosen = check_levels(config, levels)
        depth = check_depth(config, n_quantizers) or max(1, sum(name.startswith("acoustic.") for name in present))
        acoustic = [f"acoustic.{k}" for k in range(depth)] if "acoustic" in chosen else []
        return (*acoustic, *(level for level in chosen if level != "acoustic"))

    def decode(self, streams: Codes) -> NDArray[np.float32]:
        """Audio of one utterance; see `Decoder.decode`."""
        from hac.model.outputs import HacTokens

        rate = self._model.config.frame_rate
        item = {name: codes.astype(np.int64) for name, codes in streams.items()}
        tokens = HacTokens.from_items([item], rate, self.hop_samples)
        audio = self._model.decode(tokens, {name.split(".")[0] for name in streams})
        return _as_array(audio[0])


class CodecDecoder:
    """One of transformers' codecs as a `Decoder`; its streams are the levels of one residual quantizer."""

    def __init__(self, name: str, kind: str, model: Any, weights_sha256: str) -> None:
        from hac.tokenizers.codecs import ARCHITECTURES, stream_names

        architecture = ARCHITECTURES[kind]
        self.name = name
        self.sample_rate = architecture.sample_rate(model)
        self.hop_samples = architecture.hop_samples(model)
        rate = Fraction(self.sample_rate, self.hop_samples)
        self._n_semantic = int(getattr(model.config, "num_semantic_quantizers", 0))
        names = stream_names(architecture.n_codebooks(model), self._n_semantic)
        self.streams = tuple(StreamSpec(stream, int(model.config.codebook_size), rate) for stream in names)
        self._audio, convolutions = _CODECS[kind]
        self.context = None if convolutions is None else decoder_context(convolutions(model))
        self.weights_sha256 = weights_sha256
        self._model = model

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        """Names of the streams to decode from; see `Decoder.choose`. There are no levels to choose from."""
        names = [spec.name for spec in self.streams]
        known = list(dict.fromkeys(name.split(".")[0] for name in names))
        if levels is not None and set(levels) != set(known):
            raise HacError(
                f"{self.name}: its streams ({', '.join(known)}) are heard together, only a HAC model has levels "
                "to choose from; leave out --streams, or use fewer quantizers with --n-quantizers"
            )
        lowest = max(1, self._n_semantic)
        if n_quantizers is not None and not lowest <= n_quantizers <= len(names):
            raise HacError(f"{self.name}: n_quantizers is {n_quantizers}, expected {lowest} to {len(names)}")
        depth = n_quantizers or max(lowest, sum(name in present for name in names))
        return tuple(names[:depth])

    def decode(self, streams: Codes) -> NDArray[np.float32]:
        """Audio of one utterance; see `Decoder.decode`. Several channels are mixed to one."""
        import torch

        codes = np.stack([codes.astype(np.int64) for codes in streams.values()])
        with torch.inference_mode():
            audio = self._audio(self._model, torch.from_numpy(codes)[None].to(self._model.device))
        samples = _as_array(audio.flatten(0, -2).mean(0))
        n_samples = codes.shape[1] * self.hop_samples
        # DAC ends a few samples early, EnCodec may end late
        return np.pad(samples[:n_samples], (0, max(0, n_samples - len(samples))))


def load_decoder(name: str, device: str = "cpu") -> Decoder:
    """Load the decoder of a tokenizer: `kind:where`, a folder or a hub id; `?revision=` as for tokenizers.

    Raises:
        HacError: no such model, weights missing or pickled, a newer format, or a kind that makes no audio.
    """
    where, revision = checkpoint_place(name)
    checkpoint = open_checkpoint(where, revision)
    kind = str(checkpoint.config.get("model_type"))
    if kind == "hac":
        return HacDecoder(name, _load_hac(checkpoint, device), checkpoint.sha256())
    if kind in _CODECS:
        import transformers

        from hac.tokenizers.codecs import ARCHITECTURES

        model = load_model(checkpoint, getattr(transformers, ARCHITECTURES[kind].model_class), device)
        return CodecDecoder(name, kind, model, checkpoint.sha256())
    raise HacError(f"{name}: holds a model of type {kind!r}, which makes no audio of tokens; expected {_decodable()}")


def checkpoint_place(name: str) -> tuple[str, str | None]:
    """Folder or hub id, and revision, of a tokenizer's name.

    Raises:
        HacError: the name is that of a tokenizer which makes no audio.
    """
    if Path(name).exists():
        return name, None
    bare, _, query = name.partition("?")
    kind, colon, where = bare.partition(":")
    if colon and kind != "hac" and kind not in _CODECS:
        raise HacError(f"{name}: tokens of {kind!r} cannot be turned into audio; expected those of {_decodable()}")
    return where if colon else bare, dict(parse_qsl(query)).get("revision")


def decode_blocks(decoder: Decoder, streams: Codes, block_s: float = BLOCK_S) -> Iterator[NDArray[np.float32]]:
    """Audio of one utterance of any length, block by block.

    Together the blocks are what `decoder.decode(streams)` gives, to float rounding (kernels may add in another
    order for another length). Memory is bounded by a block, unless the decoder has no bounded context: then
    there is one block.

    Args:
        streams: int [t] of each chosen stream, t at least 1.
        block_s: seconds of a block, rounded up to frames.
    """
    n_frames = len(next(iter(streams.values())))
    core = max(1, math.ceil(Fraction(block_s) * decoder.sample_rate / decoder.hop_samples))
    context = decoder.context
    if context is None or n_frames <= core + context.after:
        yield decoder.decode(streams)
        return
    for start in range(0, n_frames, core):
        stop = min(start + core, n_frames)
        first, last = max(0, start - context.before), min(n_frames, stop + context.after)
        window = decoder.decode({name: codes[first:last] for name, codes in streams.items()})
        yield window[(start - first) * decoder.hop_samples : (stop - first) * decoder.hop_samples]


def decoder_context(decoder: nn.Module) -> Context:
    """The frames on which a frame's samples depend, counted back through the convolutions of a decoder.

    Args:
        decoder: transformers' `DacDecoder`, whose convolutions stand in the order in which they are applied, or an
            `IstftDecoder`, which counts its own.

    For strides 8, 5, 4, 2 (kernels of twice the stride; residual units of 7 taps dilated 1, 3 and 9; 7 taps at
    either end) these are 10 frames before and 10 after; in reverse order, 30 and 30.
    """
    from torch import nn

    from hac.model.istft_decoder import IstftDecoder

    if isinstance(decoder, IstftDecoder):
        return Context(decoder.context_frames, decoder.context_frames)
    layers = [module for module in decoder.modules() if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d))]
    first, last = 0, math.prod(layer.stride[0] for layer in layers) - 1
    for layer in reversed(layers):
        kernel, stride, padding = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
        if isinstance(layer, nn.ConvTranspose1d):
            # input i reaches outputs i * stride - padding to that + kernel - 1
            first, last = -((kernel - 1 - padding - first) // stride), (last + padding) // stride
        else:
            first, last = first - padding, last - padding + layer.dilation[0] * (kernel - 1)
    return Context(-first, last)


def _load_hac(checkpoint: Checkpoint, device: str) -> HacModel:
    from hac.model.hac_model import HacModel

    target = checked_device(device)
    model: Any = HacModel.from_pretrained(checkpoint.folder, local_files_only=True)
    model.to(target).eval().requires_grad_(False)
    return cast("HacModel", model)


def _as_array(audio: Any) -> NDArray[np.float32]:
    """A tensor [n] as float32 on the CPU."""
    samples: NDArray[np.float32] = audio.float().cpu().numpy()
    return samples


def _plain_audio(model: Any, codes: Any) -> Any:
    return model.decode(audio_codes=codes).audio_values


_CODECS: Mapping[str, tuple[Callable[[Any, Any], Any], Callable[[Any], Any] | None]] = {
    "dac": (_plain_audio, lambda model: model.decoder),
    "encodec": (lambda model, codes: model.decode(codes[None], [None]).audio_values, None),
    "mimi": (_plain_audio, None),
    "xcodec": (_plain_audio, lambda model: model.acoustic_decoder),
}
"""By kind: (model, codes [1, k, t]) -> audio [1, c, n] or [1, n]; and the convolutions, where there is nothing else."""


def _decodable() -> str:
    return ", ".join(("hac", *_CODECS))
