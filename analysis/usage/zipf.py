"""The exponent of a rank-frequency curve.

Model: the code of rank r (1: the most frequent) has p(r) proportional to r ** -s over the ranks 1 to m of the m codes
that occur. s is the maximum-likelihood estimate for a discrete power law (Clauset, Shalizi and Newman 2009, section
3.1) on a bounded range (Hanel, Corominas-Murtra, Liu and Thurner 2017, PLoS ONE 12(2)), as a codebook is bounded: the s
whose mean log rank is the observed one. Any s from 0 is possible, and nothing is cut off as a tail.

Ranks are taken from the same counts that are fitted, which lifts s a little where counts are small (Pilgrim and Hills
2021, Scientific Reports 11:17309): equally likely codes score a little more than 0. A regression on log rank would give
the many rare codes most of the weight, and is not offered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HIGHEST = 64.0
"""No table of integer counts within 64 bits has a larger exponent."""
HALVINGS = 60


def zipf_exponents(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Exponent s of each table of counts; the slope of log frequency against log rank is -s.

    Args:
        counts: int64 [n_tables, n_codes], in any order.

    Returns:
        float64 [n_tables], at least 0; NaN where fewer than two codes occur.
    """
    ordered = -np.sort(-counts, axis=1)
    log_rank = np.log(np.arange(1, ordered.shape[1] + 1))
    occurs = ordered > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = ordered @ log_rank / ordered.sum(axis=1)
    low, high = np.zeros(len(ordered)), np.full(len(ordered), HIGHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weight = np.where(occurs, np.exp(-middle[:, None] * log_rank), 0.0)
        with np.errstate(invalid="ignore"):
            flatter = weight @ log_rank / weight.sum(axis=1) > observed
        low, high = np.where(flatter, middle, low), np.where(flatter, high, middle)
    return np.where(occurs.sum(axis=1) > 1, (low + high) / 2, np.nan)
