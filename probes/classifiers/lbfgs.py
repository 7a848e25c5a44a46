"""L-BFGS for smooth convex functions of very many variables (Nocedal and Wright 2006, algorithms 7.4 and 7.5).

The probes' functions are convex and have no bounds; scipy's L-BFGS-B, made for bounds, spends three quarters of a
fit of 400,000 weights on its own bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

MEMORY = 10
"""Pairs of steps and changes of slope that stand for the curvature."""
DECREASE = 1e-4
"""Share of the promised decrease that a step must bring (Armijo's rule)."""
HALVINGS = 20
NOISE = 1e-7
"""Relative change of the value that single precision cannot tell from none."""


@dataclass(frozen=True)
class Minimum:
    """Where a descent ended, and whether the slope was small enough there."""

    place: Vector
    converged: bool
    iterations: int


def minimize(
    slope: Callable[[Vector], tuple[float, Vector]], start: Vector, tolerance: float, max_iterations: int
) -> Minimum:
    """The minimum of a convex function.

    Args:
        slope: value and gradient at a place.
        start: float32 [n].
        tolerance: the descent ends where no component of the gradient is larger.
        max_iterations: at most so many steps.
    """
    place = start.astype(np.float32)
    value, gradient = slope(place)
    pairs: list[tuple[Vector, Vector, float]] = []
    for iteration in range(max_iterations):
        if float(np.abs(gradient).max()) <= tolerance:
            return Minimum(place, True, iteration)
        direction = _direction(gradient, pairs)
        descent = _dot(gradient, direction)
        if descent >= 0:  # rounding has spoilt the memory
            pairs, direction = [], -gradient
            descent = -_dot(gradient, gradient)
        # before anything is known of the curvature, a step of length one is as good as any
        step = 1.0 if pairs else 1.0 / max(1.0, float(np.sqrt(_dot(gradient, gradient))))
        for _ in range(HALVINGS):
            there = place + np.float32(step) * direction
            new_value, new_gradient = slope(there)
            if new_value <= value + DECREASE * step * descent:
                break
            step /= 2
        else:
            return Minimum(place, False, iteration)
        moved, change = there - place, new_gradient - gradient
        curvature = _dot(moved, change)
        if curvature > 0:
            pairs = [*pairs[-MEMORY + 1 :], (moved, change, curvature)]
        stalled = value - new_value <= NOISE * max(abs(value), 1.0)
        place, value, gradient = there, new_value, new_gradient
        if stalled:
            return Minimum(place, True, iteration + 1)
    return Minimum(place, False, max_iterations)


def _direction(gradient: Vector, pairs: list[tuple[Vector, Vector, float]]) -> Vector:
    """Minus the inverse curvature times the gradient: the two loops of algorithm 7.4."""
    direction = -gradient
    shares = []
    for moved, change, curvature in reversed(pairs):
        share = _dot(moved, direction) / curvature
        direction -= np.float32(share) * change
        shares.append(share)
    if pairs:
        _, change, curvature = pairs[-1]
        direction *= np.float32(curvature / _dot(change, change))
    for (moved, change, curvature), share in zip(pairs, reversed(shares), strict=True):
        direction += np.float32(share - _dot(change, direction) / curvature) * moved
    return direction


def _dot(a: Vector, b: Vector) -> float:
    return float(np.dot(a, b))
