"""Batches: every utterance once an epoch, little padding, the same on any number of processes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.errors import HacError
from hac.train.data.batch_sampler import BatchPlan, check_shares, share_out


@st.composite
def plans(draw, max_size=400):
    """Plans of up to some hundred utterances, enough for several pools."""
    n = draw(st.integers(1, max_size))
    durations = np.random.default_rng(draw(st.integers(0, 99))).exponential(2.0, n) + 0.1
    if draw(st.booleans()):
        durations = durations.round()  # ties, and utterances of no length
    return BatchPlan(durations.tolist(), draw(st.floats(0.5, 40)), draw(st.integers(0, 9)))


def padded_s(plan, batch):
    return max(plan.durations_s[i] for i in batch) * len(batch)


@given(plan=plans(), epoch=st.integers(0, 5))
def test_every_utterance_once_in_batches_that_fit(plan, epoch):
    batches = plan.epoch(epoch)
    assert sorted(itertools.chain.from_iterable(batches)) == list(range(len(plan.durations_s)))
    for batch in batches:
        assert len(batch) == 1 or padded_s(plan, batch) <= plan.batch_s
    assert plan.epoch(epoch) == batches
    assert BatchPlan(list(plan.durations_s), plan.batch_s, plan.seed).epoch(epoch) == batches


def large(seed=0):
    durations = (np.random.default_rng(0).exponential(5.0, 3000) + 0.5).clip(max=20).tolist()
    return BatchPlan(durations, 60, seed)


def test_batches_hold_utterances_of_like_length():
    plan = large()
    batches = plan.epoch(0)
    assert sum(padded_s(plan, batch) for batch in batches) < 1.05 * sum(plan.durations_s)
    # few batches are nearly empty: at most one a pool
    assert sum(padded_s(plan, batch) < 30 for batch in batches) < len(batches) / 20


def test_epochs_and_seeds_differ():
    epochs = [{frozenset(batch) for batch in large(seed).epoch(epoch)} for seed in (0, 1) for epoch in (0, 1)]
    for left, right in itertools.combinations(epochs, 2):
        # not only the order of the batches: who stands beside whom
        assert len(left & right) < len(left) / 10


def test_long_and_short_batches_are_mixed():
    plan = large()
    longest = [max(plan.durations_s[i] for i in batch) for batch in plan.epoch(0)]
    half = len(longest) // 2
    assert np.mean(longest[:half]) == pytest.approx(np.mean(longest[half:]), rel=0.1)


@given(plan=plans(max_size=40))
def test_locate_is_counting(plan):
    places = [(epoch, place) for epoch in range(4) for place in range(len(plan.epoch(epoch)))]
    for step in sorted({0, 1, len(places) // 2, len(places) - 1} & set(range(len(places)))):
        assert plan.locate(step) == places[step]


@given(plan=plans(max_size=30), n_shares=st.integers(1, 9))
def test_shares_partition_a_batch(plan, n_shares):
    batch = list(range(len(plan.durations_s)))[::-1]
    shares = share_out(batch, plan.durations_s, n_shares)
    assert len(shares) == n_shares
    assert sorted(itertools.chain.from_iterable(shares)) == sorted(batch)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    durations = [[plan.durations_s[i] for i in share] for share in shares if share]
    assert all(max(left) <= min(right) for left, right in itertools.pairwise(durations))


def test_shares_do_not_depend_on_the_order_of_the_batch():
    durations = [1.0, 1.0, 2.0, 1.0, 3.0]
    assert share_out([4, 2, 0, 3, 1], durations, 2) == share_out([0, 1, 2, 3, 4], durations, 2) == [[0, 1], [3, 2, 4]]


def test_a_batch_too_small_to_share():
    check_shares(10, 20, 1)
    check_shares(40, 20, 2)
    with pytest.raises(HacError, match=r"batch_s = 39 s cannot feed 2 parts .* raise data\.batch_s to 40 or lower"):
        check_shares(39, 20, 2)
