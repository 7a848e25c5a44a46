"""Folds, thinning, classes and held-out sums: every frame is scored once, by a probe that never heard its group."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from hac.data.tokens.token_store import Stream
from probes.classifiers.crossfit import PENALTIES, Task, cross_fit, cross_fit_priors
from probes.classifiers.folds import MIN_FRAMES, assign_folds, shuffled, thinned, usable_classes
from probes.classifiers.linear import one_hot
from probes.tokens.frame_matching import NO_CODE, codes_at

NAMES = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from(["en", "fr", "it"])), min_size=1, max_size=30)


def make_task(n_utterances: int = 12, frames: int = 40, knows: float = 0.8, seed: int = 0) -> tuple[np.ndarray, Task]:
    """Codes that know of labels, in three folds."""
    rng = np.random.default_rng(seed)
    n = n_utterances * frames
    labels = rng.integers(0, 3, n).astype(np.int32)
    codes = np.where(rng.random(n) < knows, 2 * labels + rng.integers(0, 2, n), rng.integers(0, 6, n)).astype(np.int32)
    labels[rng.random(n) < 0.1] = -1
    utterance = np.repeat(np.arange(n_utterances), frames)
    return codes, Task(labels, 3, labels >= 0, utterance, n_utterances, utterance % 3, 3)


@given(NAMES, st.integers(2, 4))
def test_a_group_is_in_one_fold_and_a_stratum_in_many(rows: list[tuple[str, str]], n_folds: int) -> None:
    groups, strata = [row[0] for row in rows], [row[1] for row in rows]
    fold = assign_folds(groups, strata, n_folds)
    folds_of, groups_of = defaultdict(set), defaultdict(set)
    for (group, stratum), k in zip(rows, fold.tolist(), strict=True):
        folds_of[stratum, group].add(k)
        groups_of[stratum].add(group)
    assert all(len(folds) == 1 for folds in folds_of.values())
    for stratum, members in groups_of.items():
        assert len(set.union(*(folds_of[stratum, g] for g in members))) == min(n_folds, len(members))
    order = np.argsort(groups, kind="stable")
    again = assign_folds([groups[i] for i in order], [strata[i] for i in order], n_folds)
    assert np.array_equal(again, fold[order])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 100))
def test_thinning_takes_every_sth_frame_of_each_utterance(lengths: list[int], most: int) -> None:
    ids = [f"u{i}" for i in range(len(lengths))]
    kept = thinned(ids, np.array(lengths), np.ones(sum(lengths), bool), most)
    step = max(1, -(-sum(lengths) // most))
    for i, n in enumerate(lengths):
        places = np.flatnonzero(kept[sum(lengths[:i]) :][:n])
        assert n // step <= len(places) <= -(-n // step) and (np.diff(places) == step).all()
    # the places of an utterance do not depend on the others
    longer = thinned([*ids, "more"], np.array([*lengths, 0]), np.ones(sum(lengths), bool), most)
    assert np.array_equal(kept, longer)


def test_rare_classes_and_those_of_one_group_are_left_out() -> None:
    n = MIN_FRAMES
    # class 0 in all groups, class 1 in one group only, class 2 too rare, class 3 in two groups of different folds
    labels = np.array([0] * 6 * n + [1] * 6 * n + [2] * (n - 1) + [2] * (n - 1) + [3] * n + [3] * n, np.int32)
    group = np.array([*np.arange(6 * n) % 6, *[0] * 6 * n, *[1] * (n - 1), *[2] * (n - 1), *[3] * n, *[4] * n])
    found = usable_classes(labels, np.ones(len(labels), bool), group % 3, group, 3)
    assert found.kept.tolist() == [0, 3] and found.n_found == 4
    assert found.covered == pytest.approx(8 * n / len(labels))
    assert set(found.labels[labels == 3].tolist()) == {1} and set(found.labels[labels == 1].tolist()) == {-1}
    assert usable_classes(labels, np.ones(len(labels), bool), group % 3, group, 3, 1).kept.tolist() == [0]
    assert usable_classes(np.full(9, -1, np.int32), np.zeros(9, bool), np.arange(9), np.arange(9), 3).n_found == 0


@given(st.lists(st.lists(st.integers(-1, 3), max_size=15), min_size=1, max_size=6), st.booleans())
def test_shuffled_labels_keep_their_places_and_frequencies(rows: list[list[int]], by_utterance: bool) -> None:
    if by_utterance:
        rows = [[min(row[0], value) if value < 0 else max(row[0], 0) for value in row] for row in rows if row]
    labels = np.array([value for row in rows for value in row], np.int32)
    utterance = np.array([i for i, row in enumerate(rows) for _ in row], np.int64)
    permuted = shuffled(labels, utterance, np.random.default_rng(0), by_utterance)
    assert np.array_equal(permuted < 0, labels < 0)
    if not by_utterance:
        assert sorted(permuted.tolist()) == sorted(labels.tolist())
    else:
        there = labels >= 0
        assert all(len(set(permuted[there & (utterance == u)].tolist())) <= 1 for u in set(utterance.tolist()))


def test_the_sums_are_those_of_scikit_learn_fold_by_fold() -> None:
    codes, task = make_task()
    features = one_hot([codes])
    held = cross_fit(features, task, penalties=(0.3, 0.3, 0.3))
    x = np.eye(6)[codes]
    for k in range(3):
        train, score = (task.fold != k) & (task.labels >= 0), (task.fold == k) & (task.labels >= 0)
        theirs = LogisticRegression(C=0.3, max_iter=1000, tol=1e-6).fit(x[train], task.labels[train])
        lost = -theirs.predict_log_proba(x[score])[np.arange(score.sum()), task.labels[score]]
        of = task.utterance[score]
        ours = np.flatnonzero(np.arange(12) % 3 == k)
        np.testing.assert_allclose(held.loss[ours], np.bincount(of, lost, 12)[ours], rtol=0.01)
        right = np.bincount(of, theirs.predict(x[score]) == task.labels[score], 12)
        assert held.hits.sum(1)[ours].tolist() == right[ours].tolist()
    assert held.n.sum() == held.predicted.sum() == (task.labels >= 0).sum()


def test_the_penalty_is_chosen_without_the_scored_fold() -> None:
    codes, task = make_task(knows=0.5)
    plain = cross_fit(one_hot([codes]), task)
    # other labels in the scored fold change what that fold scores, and no penalty of its own
    spoilt = np.where((task.fold == 0) & (task.labels >= 0), (task.labels + 1) % 3, task.labels).astype(np.int32)
    other = cross_fit(one_hot([codes]), replace(task, labels=spoilt))
    assert other.penalties[0] == plain.penalties[0]
    assert other.loss[0] > plain.loss[0]
    assert all(c in PENALTIES for c in plain.penalties)


def test_nothing_is_learnt_from_shuffled_labels_and_much_from_codes_that_know() -> None:
    codes, task = make_task(24)
    features = one_hot([codes])
    prior, known = cross_fit_priors(task), cross_fit(features, task)
    assert 1 - known.loss.sum() / prior.loss.sum() > 0.3
    for draw in (1, 2, 3):
        chance = cross_fit(features, task, draw)
        assert abs(1 - chance.loss.sum() / prior.loss.sum()) < 0.02
    assert np.array_equal(cross_fit(features, task, 1).loss, cross_fit(features, task, 1).loss)


def test_priors_are_the_shares_of_the_training_part() -> None:
    _, task = make_task()
    prior = cross_fit_priors(task)
    for k in range(3):
        trained = task.labels[(task.fold != k) & (task.labels >= 0)]
        share = np.bincount(trained) / len(trained)
        for u in np.flatnonzero(np.arange(12) % 3 == k):
            labels = task.labels[(task.utterance == u) & (task.labels >= 0)]
            assert prior.loss[u] == pytest.approx(-np.log(share[labels]).sum(), rel=1e-5)
            assert prior.hits[u].sum() == (labels == share.argmax()).sum()


def test_two_folds_are_enough() -> None:
    codes, task = make_task()
    held = cross_fit(one_hot([codes]), replace(task, fold=task.utterance % 2, n_folds=2))
    assert held.loss.sum() < cross_fit_priors(task).loss.sum()


def stream(rows: list[list[int]], rate: Fraction = Fraction(50)) -> Stream:
    codes = np.array([code for row in rows for code in row], np.int32)
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Stream("s", 100, rate, codes, bounds)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.sampled_from(["25", "50", "75", "44100/512"]))
def test_codes_of_another_rate_are_those_at_the_centre(lengths: list[int], text: str) -> None:
    rate = Fraction(text)
    mine = stream([[0] * n for n in lengths])
    theirs = stream([[7 * u + i for i in range(max(1, int(n * rate / 50)))] for u, n in enumerate(lengths)], rate)
    expected = []
    for u, n in enumerate(lengths):
        row = theirs.utterance(u).tolist()
        for i in range(n):
            at = (Fraction(2 * i + 1, 2) / 50) * rate
            expected.append(row[min(int(at), len(row) - 1)])
    assert codes_at(mine, theirs).tolist() == expected


def test_an_utterance_without_codes_gives_none() -> None:
    assert codes_at(stream([[1, 2], [3]]), stream([[], [5]], Fraction(25))).tolist() == [NO_CODE, NO_CODE, 5]
