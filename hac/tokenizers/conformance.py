"""Does a tokenizer keep its word? The laws every measurement here stands on, checked on audio.

Laws (a broken one makes the tokenizer unfit for measurement):

- *streams*: every declared stream is there, one-dimensional int32, within its codebook.
- *deterministic*: the same audio twice gives the same codes.
- *batched = single*: in a batch of other lengths an utterance gets the codes it gets alone.
- *rate*: whenever the audio grows by a whole number of token periods, the tokens grow by exactly that number.
- *lengths*: odd lengths (0, 1, a hop less one, a hop, ...) work; no audio gives no token; more audio never
  gives fewer; the count stays within two tokens of the duration.
- *silence*: digital silence works like any audio.
- *chunk count*: long audio in chunks gives as many tokens as whole.

Observations (a property of the model, counted but not judged): how many tokens change when zeros follow the
audio, and when it is encoded in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.tokenizers.base import Tokenizer
from hac.tokenizers.chunking import encode_long, grid_samples

Samples = NDArray[np.float32]
Codes = Mapping[str, NDArray[np.int32]]

MAX_COUNT_ERROR = 2
"""Tokens that a count may differ from duration x rate: what edges of windows may cost, not a drift."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: the law or observation.
        status: `kept`, `broken`, or `seen` for an observation.
        stream: the stream concerned, or "" for all.
        changed: tokens that differ, out of `total`.
        total: tokens (or counts) compared.
        detail: one sentence; for a broken law, the first case that breaks it.
    """

    name: str
    status: Literal["kept", "broken", "seen"]
    stream: str
    changed: int
    total: int
    detail: str


@dataclass(frozen=True)
class _Subject:
    """What is checked, on what; each recording's codes alone are computed once."""

    tokenizer: Tokenizer
    audio: Sequence[Samples]

    @cached_property
    def alone(self) -> list[dict[str, NDArray[np.int32]]]:
        return self.encode_each(self.audio)

    def encode_each(self, audio: Iterable[Samples]) -> list[dict[str, NDArray[np.int32]]]:
        """Codes of recordings, each in a call of its own."""
        return [self.tokenizer.encode([samples])[0] for samples in audio]

    def tiled(self, length: int) -> Samples:
        """Exactly `length` samples of the audio, repeated as needed."""
        joined = np.concatenate(list(self.audio))
        return np.tile(joined, -(-length // len(joined)))[:length]


@dataclass(frozen=True, slots=True)
class Conformance:
    """All findings on one tokenizer."""

    tokenizer: str
    checks: tuple[Check, ...]

    @property
    def conforms(self) -> bool:
        """Whether every law is kept."""
        return all(check.status != "broken" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        checks = [asdict(check) for check in self.checks]
        return {"tokenizer": self.tokenizer, "conforms": self.conforms, "checks": checks}


def check_tokenizer(
    tokenizer: Tokenizer, audio: Sequence[Samples], advance: Callable[[int], None] = lambda _: None
) -> Conformance:
    """Check a tokenizer on some audio.

    Args:
        audio: at least one recording, float32 [n_samples] mono at the tokenizer's rate; a few seconds each
            do.
        advance: called with 1 after each of the `len(CHECKS)` checks.
    """
    subject = _Subject(tokenizer, audio)
    findings: list[Check] = []
    for check in CHECKS:
        try:
            findings.extend(check(subject))
        except Exception as error:  # whatever a tokenizer throws is a finding about it, not our failure
            name = (check.__doc__ or check.__name__).split(":")[0]
            detail = f"raised {type(error).__name__}: {' '.join(str(error).split())}"
            findings.append(Check(name, "broken", "", 0, 0, detail))
        advance(1)
    return Conformance(tokenizer.name, tuple(findings))


def _streams(subject: _Subject) -> Iterator[Check]:
    """streams: declared and delivered, within the codebook."""
    names = [spec.name for spec in subject.tokenizer.streams]
    encoded = subject.alone
    wrong = [sorted(codes) for codes in encoded if sorted(codes) != sorted(names)]
    if wrong or len(set(names)) != len(names):
        found = wrong[0] if wrong else names
        yield Check("streams", "broken", "", len(wrong), len(encoded), f"declared {names}, found {found}")
        return
    for spec in subject.tokenizer.streams:
        codes = [item[spec.name] for item in encoded]
        faults = [fault for one in codes if (fault := _fault(one, spec))]
        used = len(np.unique(np.concatenate(codes))) if not faults else 0
        detail = faults[0] if faults else f"{used} of {spec.codebook_size} codes used"
        yield _law("streams", spec.name, len(faults), len(codes), detail)


def _fault(codes: NDArray[np.int32], spec: StreamSpec) -> str:
    if codes.ndim != 1 or codes.dtype != np.int32:
        return f"codes are {codes.dtype} of shape {codes.shape}, expected int32 of one dimension"
    if codes.size and not 0 <= codes.min() <= codes.max() < spec.codebook_size:
        return f"codes run from {codes.min()} to {codes.max()}, expected 0 to {spec.codebook_size - 1}"
    return ""


def _deterministic(subject: _Subject) -> Iterator[Check]:
    """deterministic: the same audio twice."""
    yield from _compared(
        "deterministic",
        subject.tokenizer,
        subject.alone,
        subject.encode_each(subject.audio),
        "encoded twice",
        law=True,
    )


def _batched(subject: _Subject) -> Iterator[Check]:
    """batched = single: neighbours of other lengths change nothing."""
    shorter = [samples[: len(samples) * 2 // 3] for samples in subject.audio]
    tiny = subject.audio[0][:1]
    items = [*subject.audio, *shorter, tiny, subject.audio[0]]
    alone = [*subject.alone, *subject.encode_each([*shorter, tiny]), subject.alone[0]]
    detail = f"a batch of {len(items)} utterances of mixed lengths"
    yield from _compared(
        "batched = single", subject.tokenizer, alone, subject.tokenizer.encode(items), detail, law=True
    )


def _rate(subject: _Subject) -> Iterator[Check]:
    """rate: declared equals observed, exactly."""
    second, grid = subject.tokenizer.sample_rate, grid_samples(subject.tokenizer)
    wave = subject.tiled(6 * second)
    steps = [grid * max(1, round(second * part / grid)) for part in (0.1, 3.7)]
    bases = [second // 2, second + grid // 2, second + 137]
    lengths = sorted({base + step for base in bases for step in (0, *steps)})
    encoded = dict(zip(lengths, subject.encode_each(wave[:length] for length in lengths), strict=True))
    for spec in subject.tokenizer.streams:
        faults = []
        for base, step in ((base, step) for base in bases for step in steps):
            grown = len(encoded[base + step][spec.name]) - len(encoded[base][spec.name])
            promised = step * spec.frame_rate / second
            if grown != promised:
                faults.append(f"{step} more samples gave {grown} more tokens, {spec.frame_rate} Hz: {promised}")
        detail = faults[0] if faults else f"{spec.frame_rate} Hz, over {len(bases) * len(steps)} pairs of lengths"
        yield _law("rate", spec.name, len(faults), len(bases) * len(steps), detail)


def _lengths(subject: _Subject) -> Iterator[Check]:
    """lengths: odd lengths work and count right."""
    wave = subject.tiled(subject.tokenizer.sample_rate)
    periods = {Fraction(subject.tokenizer.sample_rate) / spec.frame_rate for spec in subject.tokenizer.streams}
    lengths = sorted(set().union(*(odd_lengths(period, len(wave)) for period in periods)))
    encoded = subject.encode_each(wave[:length] for length in lengths)
    for spec in subject.tokenizer.streams:
        counts = [len(codes[spec.name]) for codes in encoded]
        faults = list(_length_faults(lengths, counts, spec.frame_rate / subject.tokenizer.sample_rate))
        shown = ", ".join(f"{length}: {count}" for length, count in zip(lengths, counts, strict=True))
        yield _law("lengths", spec.name, len(faults), len(lengths), faults[0] if faults else shown)


def _length_faults(lengths: Sequence[int], counts: Sequence[int], per_sample: Fraction) -> Iterator[str]:
    for length, count in zip(lengths, counts, strict=True):
        expected = length * per_sample
        if abs(count - expected) > MAX_COUNT_ERROR or (length == 0 and count != 0):
            allowed = f"{float(expected):.2f} within {MAX_COUNT_ERROR}" if length else "none"
            yield f"{length} samples gave {count} tokens, expected {allowed}"
    pairs = zip(lengths, counts, strict=True)
    for (shorter, fewer), (longer, more) in pairwise(pairs):
        if more < fewer:
            yield f"{longer} samples gave {more} tokens, {shorter} gave {fewer}"


def odd_lengths(period: Fraction, longest: int) -> list[int]:
    """Sample counts around the edges of tokens of `period` samples, ascending, each once, up to `longest`."""
    edges = {round(period * multiple) for multiple in (1, 2, 3)}
    near = {edge + shift for edge in edges for shift in (-1, 0, 1)}
    return sorted(length for length in near | {0, 1, 2, round(period / 2), 399, 400} if 0 <= length <= longest)


def _silence(subject: _Subject) -> Iterator[Check]:
    """silence: works like any audio."""
    length = 2 * subject.tokenizer.sample_rate
    silent, sound = subject.encode_each([np.zeros(length, dtype=np.float32), subject.tiled(length)])
    for spec in subject.tokenizer.streams:
        fault = _fault(silent[spec.name], spec)
        if not fault and len(silent[spec.name]) != len(sound[spec.name]):
            fault = f"{len(silent[spec.name])} tokens for silence, {len(sound[spec.name])} for as much sound"
        used = len(np.unique(silent[spec.name]))
        yield _law("silence", spec.name, int(bool(fault)), 1, fault or f"two seconds use {used} codes")


def _padding(subject: _Subject) -> Iterator[Check]:
    """padding: tokens that change when a second of zeros follows."""
    zeros = np.zeros(subject.tokenizer.sample_rate, dtype=np.float32)
    padded = subject.encode_each([np.concatenate([samples, zeros]) for samples in subject.audio])
    cut = [
        {name: codes[: len(single[name])] for name, codes in item.items()}
        for item, single in zip(padded, subject.alone, strict=True)
    ]
    detail = "a second of zeros behind the audio"
    yield from _compared("padding", subject.tokenizer, subject.alone, cut, detail, law=False)


def _chunking(subject: _Subject) -> Iterator[Check]:
    """chunking: as many tokens as whole, and how many change."""
    grid = grid_samples(subject.tokenizer)
    wave = subject.tiled(12 * subject.tokenizer.sample_rate + grid // 2 + 1)
    whole = subject.encode_each([wave])[0]
    blocks = np.array_split(wave, 7)
    chunked = encode_long(subject.tokenizer, blocks, chunk_s=4.0, context_s=1.0)
    for spec in subject.tokenizer.streams:
        counts = len(chunked[spec.name]), len(whole[spec.name])
        detail = f"{counts[0]} tokens in chunks of 4 s, {counts[1]} whole"
        yield _law("chunk count", spec.name, int(counts[0] != counts[1]), 1, detail)
    if all(len(chunked[spec.name]) == len(whole[spec.name]) for spec in subject.tokenizer.streams):
        detail = "cores of 4 s with 1 s of context on either side, 12 s of audio"
        yield from _compared("chunking", subject.tokenizer, [whole], [chunked], detail, law=False)


CHECKS = (_streams, _deterministic, _batched, _rate, _lengths, _silence, _padding, _chunking)


def _law(name: str, stream: str, broken: int, total: int, detail: str) -> Check:
    return Check(name, "broken" if broken else "kept", stream, broken, total, detail)


def _compared(
    name: str, tokenizer: Tokenizer, first: Sequence[Codes], second: Sequence[Codes], detail: str, law: bool
) -> Iterator[Check]:
    """Count, per stream, the tokens in which two encodings of the same utterances differ."""
    for spec in tokenizer.streams:
        changed = total = 0
        for one, other in zip(first, second, strict=True):
            a, b = one[spec.name], other[spec.name]
            shared = min(len(a), len(b))
            total += max(len(a), len(b))
            changed += int(np.count_nonzero(a[:shared] != b[:shared])) + abs(len(a) - len(b))
        status: Literal["kept", "broken", "seen"] = "seen" if not law else "broken" if changed else "kept"
        yield Check(name, status, spec.name, changed, total, detail)
