"""Neural codecs of transformers: DAC, EnCodec, Mimi, X-Codec.

Streams are `acoustic.0` ... `acoustic.n-1`, one a residual level; Mimi's first level is `semantic`, its
others `acoustic.0` ... . Rates come from the strides as exact fractions (the configs' own `frame_rate` is
rounded up), and `n` samples give `ceil(n / hop)` tokens for every kind: DAC and X-Codec have their audio
filled up with zeros to a whole frame, as their feature extractors do; EnCodec and Mimi fill up inside.

**Every utterance goes through the model alone.** None of the four has a mask: zeros added to fill a batch
change the last tokens of DAC (its layers pad with zeros, but a padded input is no longer zero behind the
first layer's bias) and all tokens of X-Codec (its HuBERT normalizes over time). Even equal lengths side by
side may, on a near tie, since a matrix product's rounding depends on the size of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.hub import Checkpoint, load_model, open_checkpoint
from hac.tokenizers.base import mono


@dataclass(frozen=True)
class Architecture:
    """What differs between the codecs.

    Attributes:
        model_class: name in transformers.
        hop_samples: samples per token, from a loaded model.
        sample_rate: Hz, from a loaded model.
        n_codebooks: residual levels the model holds.
        codes: (model, audio [1, c, n], n_quantizers) -> codes int64 [1, k, t].
        codebooks: tables [codebook_size, codebook_dim] of all levels, in order, from a loaded model.
        fill: whether audio is filled up with zeros to a whole number of hops first.
    """

    model_class: str
    hop_samples: Callable[[Any], int]
    sample_rate: Callable[[Any], int]
    n_codebooks: Callable[[Any], int]
    codes: Callable[[Any, Any, int], Any]
    codebooks: Callable[[Any], Sequence[Any]]
    fill: bool = False


class CodecTokenizer:
    """One of transformers' codecs behind the `Tokenizer` interface."""

    def __init__(
        self,
        name: str,
        model: Any,
        architecture: Architecture,
        n_quantizers: int,
        provenance: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.sample_rate = architecture.sample_rate(model)
        self.hop_samples = architecture.hop_samples(model)
        self.provenance = {**provenance, "n_quantizers": n_quantizers}
        self._model = model
        self._architecture = architecture
        self._n_quantizers = n_quantizers
        rate = Fraction(self.sample_rate, self.hop_samples)
        n_semantic = int(getattr(model.config, "num_semantic_quantizers", 0))
        names = stream_names(n_quantizers, n_semantic)
        self.streams = tuple(StreamSpec(name, int(model.config.codebook_size), rate) for name in names)

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        """Encode utterances one by one: see the module's note on batches. `ceil(n / hop)` tokens each."""
        return [self._encode_one(mono(samples)) for samples in batch]

    def embed(self, samples: NDArray[np.float32], quantized: bool = True) -> dict[str, NDArray[np.float32]]:
        """The codebook vector of each token, float32 [n_frames, codebook_dim]; these codecs give no others."""
        codes = self._encode_one(mono(samples))
        tables = self._architecture.codebooks(self._model)
        return {
            spec.name: tables[k].detach().float().cpu().numpy()[codes[spec.name]] for k, spec in enumerate(self.streams)
        }

    def _encode_one(self, samples: NDArray[np.float32]) -> dict[str, NDArray[np.int32]]:
        import torch

        n_frames = ceil(len(samples) / self.hop_samples)
        if n_frames == 0:
            return {spec.name: np.empty(0, dtype=np.int32) for spec in self.streams}
        if self._architecture.fill:
            samples = np.pad(samples, (0, n_frames * self.hop_samples - len(samples)))
        channels = int(getattr(self._model.config, "audio_channels", 1))
        audio = torch.from_numpy(np.array(samples)).to(self._model.device).expand(1, channels, -1)
        with torch.inference_mode():
            codes = self._architecture.codes(self._model, audio, self._n_quantizers)
        table = codes[0, : self._n_quantizers].cpu().numpy().astype(np.int32)
        if table.shape != (self._n_quantizers, n_frames):
            raise HacError(
                f"{self.name}: {len(samples)} samples gave {table.shape[0]} streams of {table.shape[1]}"
                f" tokens, expected {self._n_quantizers} of {n_frames}; its config and weights disagree"
            )
        return {spec.name: np.ascontiguousarray(row) for spec, row in zip(self.streams, table, strict=True)}


def stream_names(n_quantizers: int, n_semantic: int = 0) -> list[str]:
    """Names of the levels: `semantic` (`semantic.0`, ... where there are several), then `acoustic.i`."""
    semantic = ["semantic"] if n_semantic == 1 else [f"semantic.{i}" for i in range(n_semantic)]
    return (semantic + [f"acoustic.{i}" for i in range(n_quantizers - n_semantic)])[:n_quantizers]


def _in_a_band(model: Any, audio: Any, n_quantizers: int) -> Any:
    """Codes in the lowest of the model's bandwidths that holds so many levels; levels are nested."""
    bandwidths = sorted(model.config.target_bandwidths)
    levels = model.quantizer.get_num_quantizers_for_bandwidth
    bandwidth = next((float(band) for band in bandwidths if levels(band) >= n_quantizers), float(bandwidths[-1]))
    return model.encode(audio, bandwidth=bandwidth).audio_codes


def _mimi_hop(model: Any) -> int:
    # the strides that are really in the model: the config's frame_rate may be rounded or left over
    return int(np.prod(model.config.upsampling_ratios)) * int(model.downsample.conv.stride[0])


ARCHITECTURES: Mapping[str, Architecture] = {
    "dac": Architecture(
        "DacModel",
        hop_samples=lambda model: int(np.prod(model.config.downsampling_ratios)),
        sample_rate=lambda model: int(model.config.sampling_rate),
        n_codebooks=lambda model: int(model.config.n_codebooks),
        codes=lambda model, audio, n: model.encode(audio, n_quantizers=n).audio_codes,
        codebooks=lambda model: [level.codebook.weight for level in model.quantizer.quantizers],
        fill=True,
    ),
    "encodec": Architecture(
        "EncodecModel",
        hop_samples=lambda model: int(np.prod(model.config.upsampling_ratios)),
        sample_rate=lambda model: int(model.config.sampling_rate),
        n_codebooks=lambda model: len(model.quantizer.layers),
        codes=lambda model, audio, n: _in_a_band(model, audio, n)[0],
        codebooks=lambda model: [level.codebook.embed for level in model.quantizer.layers],
    ),
    "mimi": Architecture(
        "MimiModel",
        hop_samples=_mimi_hop,
        sample_rate=lambda model: int(model.config.sampling_rate),
        n_codebooks=lambda model: int(model.config.num_quantizers),
        codes=lambda model, audio, n: model.encode(audio, num_quantizers=n, use_streaming=False).audio_codes,
        codebooks=lambda model: [
            level.codebook.embed
            for part in ("semantic_residual_vector_quantizer", "acoustic_residual_vector_quantizer")
            for level in getattr(model.quantizer, part).layers
        ],
    ),
    "xcodec": Architecture(
        "XcodecModel",
        hop_samples=lambda model: int(np.prod(model.config.acoustic_model_config.downsampling_ratios)),
        sample_rate=lambda model: int(model.config.sample_rate),
        n_codebooks=lambda model: len(model.quantizer.quantizers),
        codes=_in_a_band,
        codebooks=lambda model: [level.codebook.embed for level in model.quantizer.quantizers],
        fill=True,
    ),
}


def load(kind: str, where: str, device: str = "cpu", **options: str) -> CodecTokenizer:
    """Load `kind:where`.

    Args:
        kind: dac, encodec, mimi or xcodec.
        where: folder or hub id.
        options: `n_quantizers` (the first so many levels; default: all), or for encodec and xcodec
            `bandwidth` in kbps; `revision` of a hub id.

    Raises:
        HacError: the model cannot be loaded, is of another kind or has no single frame rate, or an option
            is wrong.
    """
    import transformers

    checkpoint = open_checkpoint(where, options.get("revision"))
    _check_config(kind, checkpoint)
    architecture = ARCHITECTURES[kind]
    model = load_model(checkpoint, getattr(transformers, architecture.model_class), device)
    n_quantizers = _n_quantizers(kind, model, architecture.n_codebooks(model), options)
    return CodecTokenizer(
        f"{kind}:{where}", model, architecture, n_quantizers, {"kind": kind, **checkpoint.provenance()}
    )


load_dac = partial(load, "dac")
load_encodec = partial(load, "encodec")
load_mimi = partial(load, "mimi")
load_xcodec = partial(load, "xcodec")


def _check_config(kind: str, checkpoint: Checkpoint) -> None:
    found = checkpoint.config.get("model_type")
    if found != kind:
        raise HacError(f"{checkpoint.where}: its config.json says model_type {found!r}, expected {kind!r}")
    if checkpoint.config.get("chunk_length_s") is not None:
        raise HacError(
            f"{checkpoint.where}: this EnCodec encodes overlapping chunks of"
            f" {checkpoint.config['chunk_length_s']} s, so its tokens have no single frame rate;"
            " use the 24 kHz model"
        )


def _n_quantizers(kind: str, model: Any, n_codebooks: int, options: Mapping[str, str]) -> int:
    if "bandwidth" in options:
        return _bandwidth_levels(kind, model, options)
    text = options.get("n_quantizers", str(n_codebooks))
    lowest = int(getattr(model.config, "num_semantic_quantizers", 1))
    if not text.isdecimal() or not lowest <= int(text) <= n_codebooks:
        raise HacError(f"n_quantizers={text} is not between {lowest} and {n_codebooks}, the levels of this {kind}")
    return int(text)


def _bandwidth_levels(kind: str, model: Any, options: Mapping[str, str]) -> int:
    bandwidths = [float(band) for band in getattr(model.config, "target_bandwidths", ())]
    if not bandwidths or "n_quantizers" in options:
        raise HacError(f"bandwidth is an option of encodec and xcodec, instead of n_quantizers; this is {kind}")
    try:
        chosen = float(options["bandwidth"])
    except ValueError:
        chosen = float("nan")
    if chosen not in bandwidths:
        known = ", ".join(f"{band:g}" for band in bandwidths)
        raise HacError(f"bandwidth={options['bandwidth']} is not one of this model's: {known} kbps")
    return int(model.quantizer.get_num_quantizers_for_bandwidth(chosen))
