"""What codes say about labels: entropies, PNMI and purities of one table of counts.

Definitions (Hsu et al. 2021, HuBERT, section 4.2, and the script `measure_teacher_quality.py`; the same as in
scikit-learn where it has them), all on one pooled joint table n(label, code), p = n / N, natural logarithms:

- PNMI = I(label; code) / H(label), in [0, 1]; scikit-learn's `homogeneity_score(labels, codes)`.
- phone purity = sum over codes of max over labels of p(label, code), in (0, 1].
- cluster purity = sum over labels of max over codes of p(label, code), in (0, 1].

A table with no counts, or with one label only, has no PNMI: NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METRICS = ("pnmi", "phone_purity", "cluster_purity", "h_phone")
"""Scores of a table, in the order of `analysis.statistics.kernels.score_without_each`."""


@dataclass(frozen=True, slots=True)
class Information:
    """The scores of one table.

    Attributes:
        h_phone: entropy of the labels, nats.
        h_code: entropy of the codes, nats.
        mutual: mutual information, nats, at least 0.
        phone_purity, cluster_purity: see the module.
        used_codes: count of codes that occur.
        total: sum of the table.
    """

    h_phone: float
    h_code: float
    mutual: float
    phone_purity: float
    cluster_purity: float
    used_codes: int
    total: int

    @property
    def pnmi(self) -> float:
        """I(label; code) / H(label); NaN where the labels have no entropy."""
        return self.mutual / self.h_phone if self.h_phone > 0 else math.nan

    def value(self, metric: str) -> float:
        """The score of that name: `pnmi`, `phone_purity`, `cluster_purity` or `h_phone`."""
        return float(getattr(self, metric))


def entropy(counts: NDArray[np.int64]) -> float:
    """Entropy in nats of the distribution that the counts stand for; NaN for no counts at all."""
    total = counts.sum()
    if total == 0:
        return math.nan
    p = counts[counts > 0] / total
    return max(0.0, float(-(p * np.log(p)).sum()))


def information(table: NDArray[np.int64]) -> Information:
    """Score a table of counts.

    Args:
        table: int64 [n_labels, n_codes].
    """
    total = int(table.sum())
    if total == 0:
        return Information(math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)
    by_code = table.sum(axis=0)
    h_phone, h_code, h_joint = entropy(table.sum(axis=1)), entropy(by_code), entropy(table.ravel())
    return Information(
        h_phone=h_phone,
        h_code=h_code,
        mutual=max(0.0, h_phone + h_code - h_joint),
        phone_purity=int(table.max(axis=0).sum()) / total,
        cluster_purity=int(table.max(axis=1).sum()) / total,
        used_codes=int(np.count_nonzero(by_code)),
        total=total,
    )


def pnmi_tables(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """PNMI of many tables at once.

    Args:
        tables: counts, float64 [n, n_codes, n_labels].

    Returns:
        float64 [n]; NaN where a table has no counts or one label only.
    """
    total = tables.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = tables / total[:, None, None]
        h_label, h_code = _plogp(p.sum(axis=1)).sum(axis=1), _plogp(p.sum(axis=2)).sum(axis=1)
        h_joint = _plogp(p).sum(axis=(1, 2))
        return np.where(h_label > 1e-12, np.maximum(h_label + h_code - h_joint, 0) / h_label, np.nan)


def _plogp(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return -p * np.log(np.where(p > 0, p, 1))
