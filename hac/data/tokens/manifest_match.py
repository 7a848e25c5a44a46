"""Tokens beside a manifest: are they the same utterances, and is the declared frame rate the true one?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from hac.data.timeline import US_PER_S
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import Failure, HacError

ROUNDING_FRAMES = 1
"""A tokenizer may round to whole frames either way."""
WINDOW_S = 0.025
"""Without padding, frame-based tokenizers (HuBERT, MFCC) lose up to one analysis window at the end."""
RELATIVE = 0.01
"""Share of the duration by which a manifest may be wrong."""


@dataclass(frozen=True, slots=True)
class IdMatch:
    """Which utterances have both tokens and a manifest row.

    Attributes:
        matched: ids in both, in the manifest's order.
        without_tokens: ids of the manifest that the store lacks, in the manifest's order.
        without_row: ids of the store that the manifest lacks, in the store's order.
    """

    matched: tuple[str, ...]
    without_tokens: tuple[str, ...]
    without_row: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """Share of the manifest's utterances that have tokens, 0 to 1."""
        return len(self.matched) / (len(self.matched) + len(self.without_tokens))

    def failures(self) -> tuple[Failure, ...]:
        """One failure per utterance that lacks the one or the other."""
        lacking = (Failure(id, "tokens-missing", "the token store lacks it") for id in self.without_tokens)
        extra = (Failure(id, "tokens-unmatched", "the manifest lacks it") for id in self.without_row)
        return (*lacking, *extra)


def match_ids(store: TokenStore, manifest_ids: Iterable[str]) -> IdMatch:
    """Pair the utterances of a store with those of a manifest.

    Raises:
        HacError: not one id is in both.
    """
    wanted = tuple(manifest_ids)
    here, there = set(store.ids), set(wanted)
    matched = tuple(id for id in wanted if id in here)
    if not matched:
        raise HacError(
            f"none of the {len(here)} token ids is in the manifest of {len(there)} utterances: "
            f"the tokens have ids like {store.ids[0]!r}, the manifest like {wanted[0] if wanted else None!r}"
            f"{_hint(here, there)}"
        )
    return IdMatch(
        matched,
        tuple(id for id in wanted if id not in here),
        tuple(id for id in store.ids if id not in there),
    )


def _hint(here: set[str], there: set[str]) -> str:
    """The usual cause: one side has paths or suffixes where the other has stems."""
    stems = ({PurePosixPath(id).stem for id in here}, {PurePosixPath(id).stem for id in there})
    return "; they agree without folder and suffix, so rename one side" if stems[0] & stems[1] else ""


def check_rate(store: TokenStore, durations_us: Mapping[str, int]) -> tuple[Failure, ...]:
    """Compare every stream's declared rate with its frames per second of audio; `tokens-length` for each misfit.

    A stream's length may differ from duration x rate by one frame, one 25 ms analysis window and 1 %.

    Args:
        store: the tokens; utterances that `durations_us` lacks are passed over.
        durations_us: microseconds of audio by utterance id.

    Raises:
        HacError: more than half of the utterances are off: the declared rate is not the true one.
    """
    rows = np.array([row for row, id in enumerate(store.ids) if id in durations_us], dtype=np.int64)
    seconds = np.array([durations_us[store.ids[row]] for row in rows], dtype=np.float64) / US_PER_S
    failures: dict[str, Failure] = {}
    for stream in store.streams.values():
        frames = stream.lengths[rows]
        wrong = _is_off(frames, seconds, float(stream.frame_rate))
        if 2 * int(wrong.sum()) > len(rows):
            raise HacError(_rate_sentence(stream, frames, seconds))
        for at in np.flatnonzero(wrong):
            id = store.ids[rows[at]]
            detail = (
                f"{frames[at]} frames of {stream.name!r} in {seconds[at]:.3f} s of audio do not fit "
                f"{stream.frame_rate} Hz; other audio, or tokens cut short?"
            )
            failures.setdefault(id, Failure(id, "tokens-length", detail))
    return tuple(failures.values())


def _is_off(frames: NDArray[np.int64], seconds: NDArray[np.float64], rate: float) -> NDArray[np.bool_]:
    expected = seconds * rate
    return np.abs(frames - expected) > ROUNDING_FRAMES + WINDOW_S * rate + RELATIVE * expected


def _rate_sentence(stream: Stream, frames: NDArray[np.int64], seconds: NDArray[np.float64]) -> str:
    observed = frames.sum() / seconds.sum() if seconds.sum() else float("nan")
    return (
        f"stream {stream.name!r} declares {stream.frame_rate} Hz ({float(stream.frame_rate):.4g}), but has "
        f"{observed:.4g} frames per second of audio in {len(frames)} utterances; "
        "give the true frame rate, or the manifest of the audio that was encoded"
    )
