"""Units of a speech teacher: they follow what tells clusters apart, not what varies most."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import homogeneity_score

from hac.errors import HacError
from hac.teachers.units import fit_units


def world(n=6000, n_classes=12, seed=0):
    """Frames float32 [n, 24] of classes that lie apart in six directions, under noise that is larger in the others.

    The directions are mixed, so that no single feature shows them.
    """
    random = np.random.default_rng(seed)
    classes = random.integers(0, n_classes, n)
    frames = random.normal(size=(n, 24)) * np.r_[np.full(6, 0.4), np.full(18, 1.0)]
    frames[:, :6] += 1.6 * random.normal(size=(n_classes, 6))[classes]
    mixing = np.linalg.qr(random.normal(size=(24, 24)))[0] * random.uniform(0.5, 2.0, 24)
    return (frames @ mixing.T + 3.0).astype(np.float32), classes


def test_the_projection_finds_what_tells_classes_apart():
    frames, classes = world()
    heard, unheard = slice(4000), slice(4000, None)
    plain, told = fit_units(frames[heard], 16, 0), fit_units(frames[heard], 16, 8)
    assert [units.projection.shape for units in (plain, told)] == [(24, 24), (24, 8)]
    assert told.centroids.shape == (16, 8)
    scores = [homogeneity_score(classes[unheard], units.assign(frames[unheard])) for units in (plain, told)]
    assert scores[0] < 0.8 < 0.95 < scores[1]


def test_units_are_the_nearest_centroids_of_the_projection():
    frames, _ = world(400)
    units = fit_units(frames, 5, 3, n_rounds=1)
    slow = []
    for frame in frames.astype(np.float64):
        place = [sum((frame[d] - units.mean[d]) * units.projection[d, m] for d in range(24)) for m in range(3)]
        slow.append(min(range(5), key=lambda k: sum((place[m] - units.centroids[k, m]) ** 2 for m in range(3))))
    assert np.mean(units.assign(frames) == slow) > 0.995  # ties by rounding aside


def test_a_seed_gives_the_same_bits():
    frames, _ = world(900)
    first, second = fit_units(frames, 7, 4, seed=3), fit_units(frames, 7, 4, seed=3)
    assert first.centroids.tobytes() == second.centroids.tobytes()
    assert first.projection.tobytes() == second.projection.tobytes()


def test_too_few_frames():
    with pytest.raises(HacError, match="k = 50 clusters need at least 50 frames"):
        fit_units(world(40)[0], 50, 4)
