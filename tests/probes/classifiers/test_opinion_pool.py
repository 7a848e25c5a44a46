"""The opinion pool: its losses by slow loops, and that nothing is gained by copies and noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from probes.classifiers.opinion_pool import PRIOR_FRAMES, LabelledCells, held_out_losses

N_LABELS = 4


def world(n: int = 3000, seed: int = 0) -> tuple[list[NDArray[np.int32]], LabelledCells]:
    """Cells whose label is told by two noisy streams."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, N_LABELS, n).astype(np.int32)
    codes = [np.where(rng.random(n) < noise, rng.integers(0, 6, n), label).astype(np.int32) for noise in (0.4, 0.6)]
    weight = rng.choice([0.5, 1.0], n)
    return codes, LabelledCells(label, weight, rng.integers(0, 3, n), N_LABELS, 3)


def mean(losses: NDArray[np.float64], cells: LabelledCells) -> float:
    return float(losses @ cells.weight / cells.weight.sum())


def log_q(
    codes: list[NDArray[np.int32]], cells: LabelledCells, training: set[int], weights: list[float], i: int
) -> float:
    """-log q(label) of cell i by its definition, in plain loops over the training cells."""
    inside = [j for j in range(len(cells.label)) if cells.fold[j] in training]
    prior = [0.5] * cells.n_labels
    for j in inside:
        prior[cells.label[j]] += cells.weight[j]
    p = [x / sum(prior) for x in prior]
    score = [math.log(x) for x in p]
    for of, weight in zip(codes, weights, strict=True):
        counts = [0.0] * cells.n_labels
        for j in inside:
            if of[j] == of[i]:
                counts[cells.label[j]] += cells.weight[j]
        for y in range(cells.n_labels):
            share = (counts[y] + PRIOR_FRAMES * p[y]) / (sum(counts) + PRIOR_FRAMES)
            score[y] += weight * math.log(share / p[y])
    return math.log(sum(map(math.exp, score))) - score[cells.label[i]]


def test_losses_are_those_of_slow_loops() -> None:
    codes, cells = world(90)

    def weights_for(k: int) -> list[float]:
        others = [g for g in range(3) if g != k]

        def loss(weights: NDArray[np.float64]) -> float:
            total = 0.0
            for g in others:
                for i in np.flatnonzero(cells.fold == g):
                    total += cells.weight[i] * log_q(codes, cells, set(others) - {g}, weights.tolist(), int(i))
            return total

        return minimize(loss, np.full(2, 0.7), method="Nelder-Mead", options={"xatol": 1e-2, "fatol": 1e-2}).x.tolist()  # type: ignore[no-any-return]

    losses = held_out_losses(codes, cells)
    for k in range(3):
        weights = weights_for(k)
        for i in np.flatnonzero(cells.fold == k)[:10]:
            assert losses[i] == pytest.approx(log_q(codes, cells, {0, 1, 2} - {k}, weights, int(i)), abs=0.02)


def test_copies_and_noise_add_nothing_and_a_second_witness_does() -> None:
    codes, cells = world()
    alone = mean(held_out_losses(codes[:1], cells), cells)
    both = mean(held_out_losses(codes, cells), cells)
    assert both < alone - 0.05
    copies = mean(held_out_losses([codes[0]] * 5, cells), cells)
    assert copies == pytest.approx(alone, abs=2e-3)
    noise = np.random.default_rng(9).integers(0, 16, (8, len(cells.label))).astype(np.int32)
    assert mean(held_out_losses([codes[0], *noise], cells), cells) == pytest.approx(alone, abs=0.01)


def test_the_bound_holds_in_a_population_that_is_known() -> None:
    """H(label | codes) of the population is a sum over its table; no held-out loss is below it, and it is near."""
    codes, cells = world(60_000, seed=5)
    keep = [np.full((N_LABELS, 6), noise / 6) + np.eye(N_LABELS, 6) * (1 - noise) for noise in (0.4, 0.6)]
    joint = np.einsum("ya,yb->yab", *keep) / N_LABELS
    given = -float((joint * np.log(joint / joint.sum(axis=0))).sum())
    loss = mean(held_out_losses(codes, cells), cells)
    assert given < loss + 0.01
    assert loss == pytest.approx(given, abs=0.02)


def test_what_a_fold_never_saw_costs_but_is_not_impossible() -> None:
    codes, cells = world(300)
    label = cells.label.copy()
    label[cells.fold == 0] = 3
    label[(cells.fold != 0) & (label == 3)] = 0
    losses = held_out_losses(codes, LabelledCells(label, cells.weight, cells.fold, N_LABELS, 3))
    assert np.isfinite(losses).all() and losses.min() >= 0
    assert losses[cells.fold == 0].mean() > 2
