"""A tokenizer of perturbed recordings: what `encode_corpus` needs to make tokens of perturbed speech.

So perturbed speech is read, batched, spread over processes and resumed like any other, and no audio is written. Every
utterance must come whole: a recording that is encoded in chunks would be changed chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from analysis.stability.perturbations import Perturbation, Samples, resampled, to_length
from hac.coding.decoders import Decoder, load_decoder
from hac.data.tokens.stream_options import StreamSpec
from hac.tokenizers.base import Tokenizer
from hac.tokenizers.registry import load_tokenizer


class Change(Protocol):
    """Anything that changes recordings before they are encoded."""

    @property
    def name(self) -> str:
        """What it is called in results."""
        ...

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the changed audio depends on but the recording."""
        ...

    def audio(self, batch: Sequence[Samples], target: Tokenizer) -> list[Samples]:
        """The changed recordings, at the rate of the tokenizer that will encode them."""
        ...


@lru_cache(maxsize=2)
def _tokenizer(name: str, device: str) -> Tokenizer:
    return load_tokenizer(name, device=device)


@lru_cache(maxsize=2)
def _decoder(name: str, device: str) -> Decoder:
    return load_decoder(name, device)


def _loaded(tokenizer: str | Tokenizer, device: str) -> Tokenizer:
    """The tokenizer, loaded once per process."""
    return _tokenizer(tokenizer, device) if isinstance(tokenizer, str) else tokenizer


@dataclass(frozen=True)
class SignalChange:
    """A perturbation of the samples."""

    perturbation: Perturbation
    seed: int

    @property
    def name(self) -> str:
        """The perturbation's name."""
        return self.perturbation.name

    @property
    def provenance(self) -> Mapping[str, Any]:
        """See `Change.provenance`."""
        return {"name": self.name, "seed": self.seed, "libsndfile": soundfile.__libsndfile_version__}

    def audio(self, batch: Sequence[Samples], target: Tokenizer) -> list[Samples]:
        """See `Change.audio`."""
        hop = hop_of(target)
        return [self.perturbation.apply(samples, target.sample_rate, hop, self.seed) for samples in batch]


@dataclass(frozen=True)
class CodecChange:
    """A pass through a codec's tokens: encoded and decoded by it, then cut to the recording's length.

    Attributes:
        name: `reencode`, or `codec-` and the codec's name.
        tokenizer, decoder: the codec, by name or loaded.
        device: where it computes.
    """

    name: str
    tokenizer: str | Tokenizer
    decoder: str | Decoder
    device: str

    @property
    def provenance(self) -> Mapping[str, Any]:
        """See `Change.provenance`."""
        codec = _loaded(self.tokenizer, self.device)
        return {"name": self.name, "codec": codec.name, "codec_provenance": dict(codec.provenance)}

    def audio(self, batch: Sequence[Samples], target: Tokenizer) -> list[Samples]:
        """See `Change.audio`."""
        tokenizer = _loaded(self.tokenizer, self.device)
        decoder = _decoder(self.decoder, self.device) if isinstance(self.decoder, str) else self.decoder
        coded = tokenizer.encode([resampled(s, target.sample_rate, tokenizer.sample_rate) for s in batch])
        names = decoder.choose([spec.name for spec in tokenizer.streams])
        made = []
        for samples, codes in zip(batch, coded, strict=True):
            decoded = decoder.decode({name: codes[name] for name in names}) if len(codes[names[0]]) else samples[:0]
            made.append(to_length(resampled(decoded, decoder.sample_rate, target.sample_rate), len(samples)))
        return made


def hop_of(tokenizer: Tokenizer) -> Fraction:
    """Samples of a token of the fastest stream."""
    return Fraction(tokenizer.sample_rate) / max(spec.frame_rate for spec in tokenizer.streams)


@dataclass
class Perturbed:
    """A tokenizer behind a change; a `Tokenizer` that travels to other processes by the names of what it needs.

    Attributes:
        inner: the tokenizer, by name or loaded.
        change: what happens to the audio.
        device: where both compute.
    """

    inner: str | Tokenizer
    change: Change
    device: str = "cpu"
    name: str = field(init=False)
    sample_rate: int = field(init=False)
    streams: tuple[StreamSpec, ...] = field(init=False)
    provenance: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Take over what the tokenizer promises."""
        tokenizer = _loaded(self.inner, self.device)
        self.name, self.sample_rate, self.streams = tokenizer.name, tokenizer.sample_rate, tokenizer.streams
        self.provenance = {**tokenizer.provenance, "perturbation": dict(self.change.provenance)}

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        """Codes of the changed recordings; see `Tokenizer.encode`."""
        tokenizer = _loaded(self.inner, self.device)
        return tokenizer.encode(self.change.audio(batch, tokenizer))
