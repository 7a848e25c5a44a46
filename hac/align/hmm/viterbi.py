"""The best path through a left-to-right model with optional pauses."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def best_path(
    scores: NDArray[np.float32],
    column: NDArray[np.int64],
    skip_from: NDArray[np.int64],
    log_stay: NDArray[np.float64],
    log_leave: NDArray[np.float64],
    first: int,
    last: int,
) -> tuple[NDArray[np.int64], float]:
    """Viterbi search over states 0..s-1, each reached from itself, from the one before, or over a skipped pause.

    Args:
        scores: float32 [t, k], log likelihood of each frame under each distribution.
        column: int64 [s], distribution of each state.
        skip_from: int64 [s], state that may jump here over a pause, or -1.
        log_stay, log_leave: float64 [s], log probability of staying in a state and of leaving it.
        first: the path starts in state 0 or `first` (which is 0 where the first pause isn't optional).
        last: the path ends in state s - 1 or `last`.

    Returns:
        States int64 [t] and the path's log likelihood; -inf where no path fits.
    """
    n_frames, n_states = scores.shape[0], column.shape[0]
    now = np.full(n_states, -np.inf)
    came = np.zeros((n_frames, n_states), np.uint8)
    now[0] = scores[0, column[0]]
    now[first] = scores[0, column[first]]
    for t in range(1, n_frames):
        # a state's predecessors have lower indices, so going down overwrites nothing that is still read
        for s in range(n_states - 1, -1, -1):
            best = now[s] + log_stay[s]
            step = 0
            if s > 0 and now[s - 1] + log_leave[s - 1] > best:
                best = now[s - 1] + log_leave[s - 1]
                step = 1
            source = skip_from[s]
            if source >= 0 and now[source] + log_leave[source] > best:
                best = now[source] + log_leave[source]
                step = 2
            now[s] = best + scores[t, column[s]]
            came[t, s] = step
    state = n_states - 1
    if now[last] > now[state]:
        state = last
    total = now[state]
    path = np.empty(n_frames, np.int64)
    for t in range(n_frames - 1, -1, -1):
        path[t] = state
        if came[t, state] == 1:
            state -= 1
        elif came[t, state] == 2:
            state = skip_from[state]
    return path, total


@njit(cache=True, nogil=True)
def log_sum_groups(values: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Log of the sum of exponentials over runs of columns: float32 [t, n] to [t, k], run j from `starts[j]`."""
    n_frames, n_columns = values.shape
    n_groups = starts.shape[0]
    sums = np.empty((n_frames, n_groups), np.float32)
    for t in range(n_frames):
        for group in range(n_groups):
            begin = starts[group]
            end = starts[group + 1] if group + 1 < n_groups else n_columns
            top = values[t, begin]
            for column in range(begin + 1, end):
                top = max(top, values[t, column])
            total = np.float32(0.0)
            for column in range(begin, end):
                # smaller than float32 can tell beside 1
                if values[t, column] > top - np.float32(18.0):
                    total += np.exp(values[t, column] - top)
            sums[t, group] = top + np.log(total)
    return sums
