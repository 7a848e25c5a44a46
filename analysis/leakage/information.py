"""From sums over cells to what codes tell of a factor: information and what was left to tell, in nats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.leakage.cells import Sums

Vector = NDArray[np.float64]
NOTHING_LEFT = 1e-9
"""Nats that are no more than rounding."""


@dataclass(frozen=True)
class Information:
    """What codes tell of a factor in one draw.

    Attributes:
        mutual: I(factor; codes), or I(factor; codes | given), nats.
        left: H(factor), or H(factor | given), nats.
        n: frames that have a label.
        mutual_without, left_without: float64 [n_clusters], the same without each cluster; empty where not asked for,
            NaN where no frame is left.
    """

    mutual: float
    left: float
    n: int
    mutual_without: Vector
    left_without: Vector

    @property
    def share_without(self) -> Vector:
        """The share without each cluster; NaN where nothing is left to tell."""
        return self.mutual_without / np.where(self.left_without > NOTHING_LEFT, self.left_without, np.nan)

    @property
    def share(self) -> float:
        """Mutual / left; NaN where nothing is left to tell."""
        return self.mutual / self.left if self.left > NOTHING_LEFT else math.nan


@dataclass(frozen=True)
class Labelled:
    """What a factor sums to under what is given.

    Attributes:
        labels: over the cells of its labels.
        given: over all its frames.
        n: count of its frames.
        n_by: int64 [n_clusters], the same by cluster.
    """

    labels: Sums
    given: Sums
    n: int
    n_by: NDArray[np.int64]


@dataclass(frozen=True)
class Joint:
    """What codes sum to under what is given.

    Attributes:
        labels: over the cells of the factor's labels.
        codes: over all its frames.
    """

    labels: Sums
    codes: Sums


def information(labelled: Labelled, joint: Joint) -> Information:
    """The chain of sums in `probes.leakage.cells`; differences of equal sums come first: exactly zero."""
    labels, given, n = labelled.labels, labelled.given, labelled.n
    mutual = (joint.labels.total - labels.total) - (joint.codes.total - given.total)
    left = given.total - labels.total
    mutual_without, left_without = np.empty(0), np.empty(0)
    if len(joint.labels.lost):
        rest = np.where(n > labelled.n_by, n - labelled.n_by, np.nan)
        told = (joint.labels.without - labels.without) - (joint.codes.without - given.without)
        mutual_without = np.maximum(told, 0.0) / rest
        left_without = np.maximum(given.without - labels.without, 0.0) / rest
    return Information(
        max(0.0, mutual / n) if n else 0.0, max(0.0, left / n) if n else 0.0, n, mutual_without, left_without
    )


@dataclass(frozen=True)
class InformationOf:
    """A measurement with its nulls.

    Attributes:
        actual: the tokens as they are.
        nulls: draws of each null, by its name.
    """

    actual: Information
    nulls: Mapping[str, tuple[Information, ...]]

    @property
    def chance(self) -> tuple[Information, ...]:
        """The draws of the null that tells most, where there are several."""
        return max(self.nulls.values(), key=lambda draws: np.nan_to_num(np.mean([draw.share for draw in draws])))
