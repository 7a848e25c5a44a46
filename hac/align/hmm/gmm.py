"""One diagonal Gaussian mixture per state, re-estimated from hard state assignments.

scikit-learn's `GaussianMixture` fits one state at a time from a fresh start; here all states score a frame in two
matrix products, and every pass goes on from the mixtures of the pass before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.align.hmm.viterbi import log_sum_groups

_VARIANCE_FLOOR = 0.03
"""Of the normalized features."""
_FRAMES_PER_COMPONENT = 50
_SPLIT = 0.2
"""Two halves of a component move apart by this many standard deviations."""
_MIN_FRAMES = 8


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of s states with m components of d dimensions; unused components have log weight -inf.

    Attributes:
        means: float64 [s, m, d].
        variances: float64 [s, m, d].
        log_weights: float64 [s, m].
    """

    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    log_weights: NDArray[np.float64]

    @classmethod
    def flat(cls, frames: NDArray[np.float32], n_states: int, n_components: int) -> Mixtures:
        """Every state the same: one Gaussian of all frames [t, d]."""
        shape = (n_states, n_components, frames.shape[1])
        log_weights = np.full(shape[:2], -np.inf)
        log_weights[:, 0] = 0.0
        means = np.broadcast_to(frames.mean(0, dtype=np.float64), shape).copy()
        variances = np.broadcast_to(np.maximum(frames.var(0, dtype=np.float64), _VARIANCE_FLOOR), shape).copy()
        return cls(means, variances, log_weights)

    def score(self, frames: NDArray[np.float32], states: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log likelihood float32 [t, k] of frames [t, d] in the `states` [k] asked for."""
        used = np.isfinite(self.log_weights[states])
        row, _ = np.nonzero(used)
        joint = _component_scores(
            frames, self.means[states][used], self.variances[states][used], self.log_weights[states][used]
        )
        starts = np.flatnonzero(np.r_[True, np.diff(row) > 0])
        return log_sum_groups(joint, starts)

    def refit(self, frames: NDArray[np.float32], labels: NDArray[np.int64], n_components: int, passes: int) -> Mixtures:
        """EM within each state, from here on, over the frames [t, d] that `labels` [t] give it.

        Components are split until a state has `n_components`, or as many as its frames allow.
        """
        order = np.argsort(labels, kind="stable")
        edges = np.searchsorted(labels[order], np.arange(len(self.means) + 1))
        new = Mixtures(self.means.copy(), self.variances.copy(), self.log_weights.copy())
        for state in range(len(self.means)):
            mine = frames[order[edges[state] : edges[state + 1]]]
            if len(mine) >= _MIN_FRAMES:
                new._refit_state(state, mine, min(n_components, max(1, len(mine) // _FRAMES_PER_COMPONENT)), passes)
        return new

    def _refit_state(self, state: int, frames: NDArray[np.float32], n_components: int, passes: int) -> None:
        used = np.isfinite(self.log_weights[state])
        means, variances = self.means[state, used], self.variances[state, used]
        log_weights = self.log_weights[state, used]
        squares = np.square(frames)
        # as many passes as components are added, each splitting the heaviest, then the passes asked for
        for step in range(max(0, n_components - len(means)) + passes):
            if step and len(means) < n_components:
                means, variances, log_weights = _split_heaviest(means, variances, log_weights)
            joint = _component_scores(frames, means, variances, log_weights)
            joint -= joint.max(1, keepdims=True)
            share = np.exp(joint)
            share /= share.sum(1, keepdims=True)
            count = share.sum(0, dtype=np.float64) + 1e-6
            means = (share.T @ frames).astype(np.float64) / count[:, None]
            variances = np.maximum((share.T @ squares) / count[:, None] - means**2, _VARIANCE_FLOOR)
            log_weights = np.log(count / count.sum())
        size = len(means)
        self.means[state, :size], self.variances[state, :size] = means, variances
        self.log_weights[state] = -np.inf
        self.log_weights[state, :size] = log_weights


def _split_heaviest(
    means: NDArray[np.float64], variances: NDArray[np.float64], log_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    heaviest = int(np.argmax(log_weights))
    shift = _SPLIT * np.sqrt(variances[heaviest])
    low, high = means[heaviest] - shift, means[heaviest] + shift
    log_weights = np.append(log_weights, log_weights[heaviest] - np.log(2))
    log_weights[heaviest] -= np.log(2)
    means = np.concatenate([means, high[None]])
    means[heaviest] = low
    return means, np.concatenate([variances, variances[heaviest][None]]), log_weights


def _component_scores(
    frames: NDArray[np.float32],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    log_weights: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Log weight plus log density float32 [t, n] of frames [t, d] under n components [n, d]."""
    precision = 1.0 / variances
    linear, quadratic = (means * precision).astype(np.float32), (-0.5 * precision).astype(np.float32)
    constant = log_weights - 0.5 * (np.log(2 * np.pi * variances) + means**2 * precision).sum(1)
    scores: NDArray[np.float32] = frames @ linear.T
    scores += np.square(frames) @ quadratic.T
    scores += constant.astype(np.float32)
    return scores
