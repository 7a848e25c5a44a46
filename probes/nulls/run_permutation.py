"""Null: codes permuted among the runs that have the same code of another stream."""

from __future__ import annotations

import numpy as np

from probes.leakage.cells import Coded, Codes
from probes.nulls import kernels
from probes.nulls.random_streams import random_seed


def permuted_runs(stream: Coded, given: Coded, draw: int, seed: int) -> Codes:
    """The codes of a stream permuted among the runs that have the same code of another one: [n_frames].

    A run is a stretch of frames in which neither stream changes. What a run's code in `stream` says of anything but the
    code in `given` is chance then; how the two streams go together stays, and so do runs. (A local permutation as
    in Runge 2018, arXiv 1709.01447, with the code of `given` as the neighbourhood.) Made from the whole corpus.

    Args:
        stream, given: of the same rate and the same utterances.
        draw: which null draw.
        seed: of the whole analysis.
    """
    permuted, room = np.empty_like(stream.codes), np.empty_like(stream.codes)
    starts = np.zeros(given.n_codes + 1, np.int64)
    key = random_seed(f"runs of {stream.name} given {given.name}", draw, seed)
    kernels.permute_runs(stream.codes, stream.begins, given.codes, given.begins, starts, room, key, permuted)
    return permuted
