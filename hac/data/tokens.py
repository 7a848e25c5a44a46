"""Token stores: what a tokenizer said, as named streams at exact rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stream:
    """One stream of every utterance: the codes of utterance i are `codes[bounds[i]:bounds[i + 1]]`.

    Attributes:
        name: `acoustic.0`, `phonetic`, `lexical`, `units`, ...
        codebook_size: codes lie in [0, codebook_size).
        frame_rate: frames per second, exactly.
        codes: int32 [n_frames over all utterances].
        bounds: int64 [n_utterances + 1], ascending.
    """

    name: str
    codebook_size: int
    frame_rate: Fraction
    codes: NDArray[np.int32]
    bounds: NDArray[np.int64]


@dataclass(frozen=True)
class TokenStore:
    """Streams by name over the same utterances, and where they came from."""

    ids: tuple[str, ...]
    streams: Mapping[str, Stream]
    provenance: Mapping[str, Any] = field(default_factory=dict)
