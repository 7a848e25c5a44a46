"""Circular shifts: they keep what has nothing to do with knowledge, and break what has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hac.data.tokens.token_store import Stream
from probes.nulls.circular_shift import MIN_SHIFT_S, Rings, ShiftedStream, speaker_rings, utterance_rings
from probes.utterance_keys import utterance_keys
from tests import oracles
from tests.probes.joint_counts.test_counts import counted
from tests.strategies import RATES, Case, bounds, cases

draws = st.integers(1, 50)
seeds = st.integers(0, 1 << 40)
names = st.sampled_from(["anna", "ben", None])


@dataclass(frozen=True)
class Speech:
    """Utterances with their voices; no code stands twice, so that a code tells where it is from."""

    ids: tuple[str, ...]
    languages: tuple[str | None, ...]
    speakers: tuple[str | None, ...]
    stream: Stream

    @property
    def rings(self) -> Rings:
        return speaker_rings(self.ids, self.languages, self.speakers)

    def by_voice(self) -> dict[tuple[str, str], list[int]]:
        """Utterances by language and speaker."""
        found: dict[tuple[str, str], list[int]] = {}
        for u, voice in enumerate(zip(self.languages, self.speakers, strict=True)):
            found.setdefault((voice[0] or "", voice[1] or ""), []).append(u)
        return found

    def frames(self, utterances: list[int]) -> np.ndarray:
        """Places of the frames of some utterances, in their order."""
        bounds = self.stream.bounds
        parts = [np.arange(bounds[u], bounds[u + 1]) for u in utterances]
        return np.concatenate([np.empty(0, np.int64), *parts])


@st.composite
def speech(draw: st.DrawFn, most: int = 60) -> Speech:
    lengths = draw(st.lists(st.integers(0, most), min_size=1, max_size=12))
    n = len(lengths)
    voices = draw(st.lists(st.tuples(st.sampled_from(["en", None]), names), min_size=n, max_size=n))
    stream = Stream(
        "units", 1 << 30, draw(st.sampled_from(RATES)), np.arange(sum(lengths)).astype(np.int32), bounds(lengths)
    )
    return Speech(tuple(f"u{i}" for i in range(n)), *zip(*voices, strict=True), stream)


@given(said=speech(), draw=draws, seed=seeds)
def test_the_shift_is_that_of_plain_python(said: Speech, draw: int, seed: int) -> None:
    """Concatenate, roll, cut."""
    codes = {id: said.stream.utterance(u).tolist() for u, id in enumerate(said.ids)}
    voices = dict(zip(said.ids, zip(said.languages, said.speakers, strict=True), strict=True))
    expected = oracles.shifted_over_speakers(codes, voices, said.stream.frame_rate, draw, seed)
    moved = ShiftedStream(said.stream, said.rings).draw(draw, seed)
    assert [moved.utterance(u).tolist() for u in range(len(said.ids))] == [expected[id] for id in said.ids]


@given(said=speech(), draw=draws, seed=seeds)
def test_every_speaker_keeps_every_code(said: Speech, draw: int, seed: int) -> None:
    """A bijection of the frames of each speaker, which moves them all as one."""
    moved = said.rings.shifted(said.stream.codes, said.stream.bounds, said.stream.frame_rate, draw, seed)
    for members in said.by_voice().values():
        places = said.frames(members)
        assert sorted(moved[places].tolist()) == places.tolist()
        if len(places) > 1:
            assert (moved[places] != places).all()


@given(said=speech(), seed=seeds)
def test_draw_zero_is_the_tokens_as_they_are(said: Speech, seed: int) -> None:
    assert ShiftedStream(said.stream, said.rings).draw(0, seed) is said.stream
    assert not said.rings.shifts(said.stream.lengths, said.stream.frame_rate, 0, seed).any()


@given(said=speech(), draw=draws, seed=seeds)
def test_no_utterance_meets_itself_where_there_is_speech_enough(said: Speech, draw: int, seed: int) -> None:
    rate, lengths = said.stream.frame_rate, said.stream.lengths
    moved = said.rings.shifted(said.stream.codes, said.stream.bounds, rate, draw, seed)
    for members in said.by_voice().values():
        total, longest = int(lengths[members].sum()), int(lengths[members].max())
        if len(members) > 1 and max(longest, int(MIN_SHIFT_S * rate)) <= total // 4:
            for u in members:
                own = said.frames([u])
                assert not np.isin(moved[own], own).any()


@given(data=st.data(), said=speech(), draw=draws, seed=seeds)
def test_neither_order_nor_other_speakers_matter(data: st.DataObject, said: Speech, draw: int, seed: int) -> None:
    """Utterances in another order, and without one of the speakers, get the same codes."""
    moved = ShiftedStream(said.stream, said.rings).draw(draw, seed)
    gone = data.draw(names)
    picks = [u for u in data.draw(st.permutations(range(len(said.ids)))) if said.speakers[u] != gone]
    ids, languages, speakers = (tuple(c[u] for u in picks) for c in (said.ids, said.languages, said.speakers))
    part = replace(said, ids=ids, languages=languages, speakers=speakers, stream=said.stream.take(np.array(picks, int)))
    again = ShiftedStream(part.stream, part.rings).draw(draw, seed)
    assert [again.utterance(i).tolist() for i in range(len(picks))] == [moved.utterance(u).tolist() for u in picks]


@given(data=st.data(), said=speech(), draw=st.integers(0, 9))
def test_a_shard_gets_its_part_of_the_whole(data: st.DataObject, said: Speech, draw: int) -> None:
    picks = np.array(data.draw(st.permutations(range(len(said.ids))))[: len(said.ids) // 2], np.int64)
    part = ShiftedStream(said.stream, said.rings, picks).draw(draw, 3)
    whole = ShiftedStream(said.stream, said.rings).draw(draw, 3)
    assert [part.utterance(i).tolist() for i in range(len(picks))] == [whole.utterance(u).tolist() for u in picks]


@given(n_frames=st.lists(st.integers(0, 3000), min_size=1, max_size=20), rate=st.sampled_from(RATES), draw=draws)
def test_an_utterance_alone_is_shifted_within_itself(n_frames: list[int], rate: Fraction, draw: int) -> None:
    """By half a second or a quarter of it; so is a speaker of one utterance."""
    ids = [f"u{i}" for i in range(len(n_frames))]
    lengths = np.array(n_frames, np.int64)
    for rings in (utterance_rings(ids), speaker_rings(ids, [None] * len(ids), ids)):
        for u, shift in zip(rings.order.tolist(), rings.shifts(lengths, rate, draw, 0).tolist(), strict=True):
            shortest = max(1, min(int(MIN_SHIFT_S * rate), n_frames[u] // 4))
            assert shortest <= shift <= n_frames[u] - shortest if n_frames[u] > 1 else shift == 0


@given(case=cases(), draw=draws, seed=seeds)
def test_shifts_keep_the_frequencies_of_codes_and_labels(case: Case, draw: int, seed: int) -> None:
    """Where tokens and labels cover each other, the marginals of the null are those of the tokens, exactly."""
    whole = [(*codes, *[0] * 60)[: int(40 * case.frame_rate / 100)] for codes in (u.codes for u in case.utterances)]
    ends = int(len(whole[0]) / case.frame_rate * 1_000_000)
    # labels that end with the last frame: the rest of a microsecond is nobody's
    case = case.with_codes(whole).with_intervals([(("AA", 0, ends // 2), ("B", ends // 2, ends))] * len(whole))
    rings = speaker_rings(case.ids, [u.language for u in case.utterances], [u.speaker for u in case.utterances])
    shifted = ShiftedStream(case.stream, rings).draw(draw, seed)
    codes = [shifted.utterance(u).tolist() for u in range(len(case.ids))]
    still, moved = (counted(each, "centre").table for each in (case, case.with_codes(codes)))
    assert np.array_equal(still.sum(axis=1), moved.sum(axis=1))
    assert np.array_equal(np.sort(still.sum(axis=0)), np.sort(moved.sum(axis=0)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_codes_keep_their_type(dtype: type) -> None:
    codes = np.arange(7).astype(dtype)
    moved = utterance_rings(["a", "b"]).shifted(codes, bounds([4, 3]), Fraction(50), 1, 0)
    assert moved.dtype == dtype
    assert sorted(moved[:4].tolist()) == [0, 1, 2, 3]


def shifts_of(n_frames: list[int], draw: int = 1, seed: int = 0) -> np.ndarray:
    rings = utterance_rings([f"u{i}" for i in range(len(n_frames))])
    return rings.shifts(np.array(n_frames), Fraction(50), draw, seed)


def test_draws_and_seeds_differ() -> None:
    several = {shifts_of([500] * 200, draw=r, seed=s).tobytes() for r in range(1, 21) for s in range(3)}
    assert len(several) == 60


def test_shifts_are_uniform_over_what_is_allowed() -> None:
    """Chi-squared over 20,000 rings; and consecutive draws of one ring are not correlated."""
    n = 200
    shifts = shifts_of([n] * 20_000)
    seen = np.bincount(shifts, minlength=n)[25 : n - 25 + 1]
    assert seen.sum() == 20_000
    assert stats.chisquare(seen).pvalue > 1e-3
    again = shifts_of([n] * 20_000, draw=2)
    assert abs(np.corrcoef(shifts, again)[0, 1]) < 0.03


def test_keys_are_hashes_of_the_text() -> None:
    digest = hashlib.blake2b("ж/1".encode(), digest_size=8).digest()
    assert utterance_keys(["ж/1"])[0] == int.from_bytes(digest, "little")


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_shortest_utterances_are_moved_too(n: int) -> None:
    moved = shifts_of([n] * 300)
    assert moved.min() >= 1
    assert moved.max() <= n - 1


def test_no_utterances_are_no_rings() -> None:
    assert not len(speaker_rings([], [], []).shifts(np.zeros(0, np.int64), Fraction(50), 1, 0))
