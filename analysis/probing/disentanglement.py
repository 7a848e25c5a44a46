"""How streams and factors are shared out, in the terms of Eastwood and Williams 2018 (ICLR, section 2).

From importances R [streams, factors], at least 0, such as how much each stream tells of each factor:

- disentanglement of stream i, D_i = 1 - H_K(P_i.): P_ij = R_ij / sum over factors of R_i., the entropy to base K, the
  number of factors. 1 where the stream matters to one factor alone, 0 where it matters to all alike. The total weighs
  streams by their share of all importance, rho_i = sum_j R_ij / sum_ij R_ij, so that idle streams do not count.
- completeness of factor j, C_j = 1 - H_D(P~_.j): P~_ij = R_ij / sum over streams of R_.j, to base D, the number of
  streams. 1 where one stream alone holds the factor. Eastwood and Williams say nothing of its total; as in
  disentanglement_lib (Locatello et al. 2019) factors are weighed by their share of all importance.

The third, informativeness, is how well factors are told from all streams: `analysis.probing.run` has it.

What matters to nothing has no disentanglement: NaN, where disentanglement_lib, which adds 1e-11 to every importance,
says 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.results.builder import jackknifed, make_record
from analysis.results.schema import Record
from probes.nulls.random_streams import random_stream

ALL = "all"
"""Stands for the stream in the ids of what is said of all streams together."""
N_PERMUTATIONS = 200
"""Draws of the null."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dci:
    """Disentanglement and completeness; leading axes are draws, where there are any.

    Attributes:
        disentanglement: [..., n_streams], NaN for a stream without importance.
        completeness: [..., n_factors], NaN for a factor without importance.
        total_disentanglement, total_completeness: [...], weighed by importance; NaN without any.
    """

    disentanglement: Floats
    completeness: Floats
    total_disentanglement: Floats
    total_completeness: Floats


def dci(importance: Floats) -> Dci:
    """Scores of an importance matrix.

    Args:
        importance: float64 [..., n_streams, n_factors], at least 0. With one factor (or stream) only, there is no base
            to take the entropy to: disentanglement (or completeness) is NaN.

    Raises:
        ValueError: an importance is negative or not finite.
    """
    r = np.asarray(importance, np.float64)
    if r.ndim < 2 or not np.isfinite(r).all() or (r < 0).any():
        raise ValueError("importances must be finite, at least 0, and have the axes streams and factors")
    of_streams, of_factors = _concentration(r), _concentration(np.swapaxes(r, -1, -2))
    by_stream, by_factor = (_weighed(values, r.sum(axis)) for values, axis in ((of_streams, -1), (of_factors, -2)))
    return Dci(of_streams, of_factors, by_stream, by_factor)


def _concentration(r: Floats) -> Floats:
    """1 - entropy of each row over its sum, to the base of its length."""
    if r.shape[-1] < 2:
        return np.full(r.shape[:-1], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = r / r.sum(axis=-1, keepdims=True)
        entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=-1) / math.log(r.shape[-1])
    return np.where(r.sum(axis=-1) > 0, np.clip(1 - entropy, 0, 1), np.nan)


def _weighed(values: Floats, weights: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        total = np.where(weights > 0, values * weights, 0).sum(axis=-1) / weights.sum(axis=-1)
    return np.asarray(total)


def permuted(importance: Floats, n: int, seed: int) -> Floats:
    """Null draws: the same importances permuted over the cells, float64 [n, n_streams, n_factors]."""
    rng = random_stream("importances", 0, seed)
    flat = np.broadcast_to(importance.ravel(), (n, importance.size))
    return rng.permuted(flat, axis=1).reshape(n, *importance.shape)


def dci_records(
    importance: Floats,
    streams: Sequence[str],
    factors: Sequence[str],
    *,
    source: str,
    protocol: str,
    n: int,
    left_out: Floats | None = None,
    seed: int = 0,
) -> list[Record]:
    """Records of the totals (of the stream `all`), of each stream and of each factor.

    Args:
        importance: float64 [n_streams, n_factors]; what is negative counts as 0.
        streams, factors: their names.
        source: what the importances are, in brackets in the ids: `probe`, `leakage`, ...
        protocol: which protocol of `Results.protocols` made them.
        n: counted units behind the importances.
        left_out: float64 [n_clusters, n_streams, n_factors], importances without each cluster, if intervals are wanted.
        seed: of the null.
    """
    actual = np.maximum(importance, 0.0)
    null = dci(permuted(actual, N_PERMUTATIONS, seed))
    value = dci(actual)
    varied = dci(np.maximum(left_out, 0.0)) if left_out is not None else None
    made = []
    for metric, whole, part, names in (
        ("disentanglement", "total_disentanglement", "disentanglement", list(streams)),
        ("completeness", "total_completeness", "completeness", list(factors)),
    ):
        cells: list[tuple[str, str, str, Any]] = [(ALL, f"[{source}]", whole, ...)]
        for i, name in enumerate(names):
            of_stream = part == "disentanglement"
            cells.append((name if of_stream else ALL, f"[{source}{'' if of_stream else f'|{name}'}]", part, (..., i)))
        for stream, bracket, field, at in cells:
            estimate = float(getattr(value, field)[at])
            chance = getattr(null, field)[at]
            without = np.empty(0) if varied is None else getattr(varied, field)[at]
            made.append(_record(stream, metric, bracket, protocol, estimate, chance, without, n))
    return made


def _record(
    stream: str,
    metric: str,
    bracket: str,
    protocol: str,
    value: float,
    null: Floats,
    left_out: Floats,
    n: int,
) -> Record:
    estimate = jackknifed(f"dci_{metric}", value, left_out, null[np.isfinite(null)])
    return make_record(
        f"{stream}.dci_{metric}{bracket}",
        stream,
        f"dci_{metric}",
        estimate,
        n=n,
        protocol=protocol,
        undefined="of no importance, or nothing to share it with",
    )
