"""Long audio, one policy for every tokenizer: overlapping windows on the token grid.

The recording is divided into cores of `chunk_s`; each core is encoded together with `context_s` of audio on
either side, and only the core's own tokens are kept. Cores start where every stream starts a token, so the
tokens of all cores together are exactly as many as the whole recording would give. Which tokens they are
may differ from the whole where a model looks further than the context (attention, normalization over time):
the conformance check counts them. Memory is bounded by one window, not by the recording.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.tokenizers.base import Embedder, Tokenizer

CHUNK_S = 25.0
CONTEXT_S = 2.5
"""A window is 25 + 2 x 2.5 = 30 s, what Whisper sees at once."""


@dataclass(frozen=True)
class _Window:
    """Audio to encode and where its core lies: samples before it, and in it (None: to the end)."""

    samples: NDArray[np.float32]
    skip: int
    keep: int | None


def encode_long(
    maker: Tokenizer | Embedder,
    audio: NDArray[np.float32] | Iterable[NDArray[np.float32]],
    chunk_s: float = CHUNK_S,
    context_s: float = CONTEXT_S,
    encode: Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Encode a recording of any length in bounded memory.

    Args:
        audio: float32 [n_samples] mono at the tokenizer's rate, or an iterable of such blocks of any lengths.
        chunk_s: seconds of a core, rounded up to the token grid. Recordings no longer than that are encoded
            whole.
        context_s: seconds of context on either side, rounded up to the token grid.
        encode: what makes the streams of one window; None: the tokenizer.

    Returns:
        The streams of the whole recording, as many tokens as `encode` would give.

    Raises:
        HacError: the chunk is not positive or the context negative.
    """
    if not chunk_s > 0 or not context_s >= 0:
        raise HacError(f"chunks of {chunk_s} s with {context_s} s of context; expected more than 0 and at least 0")
    call = encode or (lambda samples: cast(Tokenizer, maker).encode([samples])[0])
    rate, grid = maker.sample_rate, grid_samples(maker)
    core = grid * math.ceil(Fraction(chunk_s) * rate / grid)
    context = grid * math.ceil(Fraction(context_s) * rate / grid)
    parts: dict[str, list[NDArray[Any]]] = {spec.name: [] for spec in maker.streams}
    blocks = [audio] if isinstance(audio, np.ndarray) else audio
    for window in _windows(blocks, core, context):
        codes = call(window.samples)
        for spec in maker.streams:
            first = _frames(window.skip, spec, rate)
            last = None if window.keep is None else first + _frames(window.keep, spec, rate)
            parts[spec.name].append(codes[spec.name][first:last])
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def grid_samples(maker: Tokenizer | Embedder) -> int:
    """Samples after which every stream starts a token at once: the least common multiple of their hops."""
    hops = [Fraction(maker.sample_rate) / spec.frame_rate for spec in maker.streams]
    return math.lcm(*(hop.numerator for hop in hops))


def _frames(n_samples: int, spec: StreamSpec, sample_rate: int) -> int:
    """Tokens in a whole number of grid steps, exactly."""
    return int(n_samples * spec.frame_rate / sample_rate)


def _windows(blocks: Iterable[NDArray[np.float32]], core: int, context: int) -> Iterator[_Window]:
    """Cut a stream of blocks into windows; the last core reaches to the end of the recording.

    A core is cut only once the audio is known to go on beyond it and its context, so a recording of at most
    `core + context` samples is one window.
    """
    pending: list[NDArray[np.float32]] = []
    n_pending = 0
    skip = 0
    for block in blocks:
        pending.append(np.asarray(block, dtype=np.float32))
        n_pending += len(block)
        if n_pending <= skip + core + context:
            continue
        buffer = np.concatenate(pending)
        while len(buffer) > skip + core + context:
            yield _Window(buffer[: skip + core + context], skip, core)
            start = skip + core - context
            buffer = buffer[max(start, 0) :]
            skip = skip + core - max(start, 0)
        pending, n_pending = [buffer], len(buffer)
    rest = np.concatenate(pending) if pending else np.empty(0, dtype=np.float32)
    yield _Window(rest, skip, None)
