"""One interface for every tokenizer: mono audio in, named streams of codes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError


@runtime_checkable
class Tokenizer(Protocol):
    """Anything that turns speech into tokens.

    Attributes:
        name: `kind:where`, as given on the command line.
        sample_rate: Hz the tokenizer wants its audio at.
        streams: every stream it makes, in a fixed order.
        provenance: what a result must record to be repeated (weights' hash, revision, layer, K, seed, ...).
    """

    name: str
    sample_rate: int
    streams: tuple[StreamSpec, ...]
    provenance: Mapping[str, Any]

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        """Encode utterances, each float32 [n_samples] mono at `sample_rate`: one dict of streams each.

        A batch gives each utterance the codes it gets alone: padding is masked or cut off by the tokenizer.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """What has real-valued vectors behind its tokens; a tokenizer may have them too.

    Attributes:
        name, sample_rate, streams, provenance: as of a `Tokenizer`; a stream without codes has a codebook of 0.
    """

    name: str
    sample_rate: int
    streams: tuple[StreamSpec, ...]
    provenance: Mapping[str, Any]

    def embed(self, samples: NDArray[np.float32], quantized: bool = False) -> dict[str, NDArray[np.float32]]:
        """Vectors of every stream, float32 [n_frames, d], as many as one utterance, float32 [n_samples], has tokens.

        Args:
            samples: mono at `sample_rate`.
            quantized: what the codes stand for instead of what was quantized; what has one of these only gives that.
        """
        ...


def choose_streams(maker: Tokenizer | Embedder, streams: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the streams asked for, in the maker's order; all for None.

    Raises:
        HacError: there is no such stream.
    """
    present = tuple(spec.name for spec in maker.streams)
    unknown = [name for name in streams or () if name not in present]
    if unknown:
        raise HacError(f"{maker.name}: no stream {unknown[0]!r}; there are {', '.join(present)}")
    return present if streams is None else tuple(name for name in present if name in streams)


def mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples as contiguous float32 [n_samples], checked.

    Raises:
        HacError: they are not one-dimensional, or hold NaN or infinite values.
    """
    array = np.ascontiguousarray(samples, dtype=np.float32)
    if array.ndim != 1:
        raise HacError(f"audio of shape {array.shape} was given to a tokenizer, expected mono [n_samples]")
    if not np.isfinite(array).all():
        raise HacError("audio holds NaN or infinite samples; repair or leave out the recording")
    return array
