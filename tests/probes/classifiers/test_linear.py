"""The linear probe is scikit-learn's logistic regression; descent finds what calculus finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from probes.classifiers.lbfgs import minimize
from probes.classifiers.linear import Features, fit, one_hot


def planted(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two streams of codes and labels that depend on both."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 12, n), rng.integers(0, 6, n)
    labels = np.where(rng.random(n) < 0.7, (one + other) % 4, rng.integers(0, 4, n))
    return one.astype(np.int32), other.astype(np.int32), labels.astype(np.int32)


def dense(features: Features) -> np.ndarray:
    rows = features.rows if isinstance(features.rows, np.ndarray) else features.rows.toarray()
    return rows if features.of_frame is None else rows[features.of_frame]


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_codes_get_the_probabilities_that_scikit_learn_gives(c: float) -> None:
    one, other, labels = planted()
    features = one_hot([one, other])
    theirs = LogisticRegression(C=c, max_iter=2000, tol=1e-6).fit(dense(features), labels)
    probe = fit(features, labels, 4, c)
    ours = np.exp(probe.log_probabilities(features))[features.of_frame]
    assert probe.converged
    np.testing.assert_allclose(ours, theirs.predict_proba(dense(features)), atol=4e-3)


def test_vectors_are_standardized_first() -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(300, 5)) * [1, 100, 0.01, 1, 0] + [0, 5, 3, -2, 7]).astype(np.float32)
    labels = (x[:, 1] / 100 + rng.normal(size=300) > 0).astype(np.int32) + (x[:, 3] > -1.5).astype(np.int32)
    z = (x - x.mean(0)) / np.where(x.std(0) > 1e-5, x.std(0), 1)
    theirs = LogisticRegression(C=0.1, max_iter=2000, tol=1e-6).fit(z, labels)
    ours = np.exp(fit(Features(x), labels, 3, 0.1).log_probabilities(Features(x)))
    np.testing.assert_allclose(ours, theirs.predict_proba(z), atol=4e-3)
    half = Features(x.astype(np.float16)).take(np.arange(300))
    near = np.exp(fit(half, labels, 3, 0.1).log_probabilities(half))
    np.testing.assert_allclose(near, ours, atol=2e-2)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2)), min_size=1, max_size=30))
@settings(max_examples=25)
def test_one_column_for_each_code_that_occurs(codes: list[tuple[int, int]]) -> None:
    one, other = (np.array(column, np.int32) for column in zip(*codes, strict=True))
    features = one_hot([one, other])
    used = [(0, v) for v in sorted(set(one.tolist()) - {-1})] + [(1, v) for v in sorted(set(other.tolist()))]
    expected = [[float(pair[k] == v) for k, v in used] for pair in codes]
    assert dense(features).tolist() == expected
    picks = np.arange(len(codes))[::-2]
    assert dense(features.take(picks)).tolist() == [expected[i] for i in picks]


def test_equal_frames_need_one_row() -> None:
    features = one_hot([np.tile(np.arange(3, dtype=np.int32), 1000)])
    assert features.rows.shape == (3, 3) and features.n_frames == 3000


def test_a_start_near_the_end_ends_there() -> None:
    one, _, labels = planted()
    features = one_hot([one])
    cold = fit(features, labels, 4, 1.0)
    warm = fit(features, labels, 4, 1.0, fit(features, labels, 4, 0.5))
    np.testing.assert_allclose(warm.log_probabilities(features), cold.log_probabilities(features), atol=5e-3)


def test_same_frames_same_bits() -> None:
    one, other, labels = planted()
    features = one_hot([one, other])
    assert fit(features, labels, 4, 1.0).weights.tobytes() == fit(features, labels, 4, 1.0).weights.tobytes()


def test_descent_finds_the_minimum_of_a_bowl() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(30, 30))
    bowl, target = (a @ a.T + np.eye(30)).astype(np.float32), rng.normal(size=30).astype(np.float32)

    def slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        pull = bowl @ (x - target)
        return float(0.5 * (x - target) @ pull), pull

    found = minimize(slope, np.zeros(30, np.float32), 1e-3, 500)
    assert found.converged
    np.testing.assert_allclose(found.place, target, atol=1e-2)
    assert not minimize(slope, np.zeros(30, np.float32), 1e-9, 2).converged
