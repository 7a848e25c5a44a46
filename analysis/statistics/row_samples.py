"""Parts of the corpus whose clusters are left out in turn: the whole and each of its languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import groups
from probes.clusters import Clusters, Row, clusters_of


@dataclass(frozen=True)
class RowSample:
    """A part of the corpus and its clusters.

    Attributes:
        names: of the part; the whole corpus is also its only language.
        rows: int64 [n], its rows of the count tables.
        clusters: what is left out in turn.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    clusters: Clusters

    def by_cluster(self, values: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
        """Sums over the rows of each cluster; `axis` is that of the rows."""
        moved = np.moveaxis(values, axis, 0)[self.rows]
        summed = np.zeros((self.clusters.n, *moved.shape[1:]), np.int64)
        np.add.at(summed, self.clusters.of_row, moved)
        return summed

    @property
    def note(self) -> str:
        """How many clusters of what."""
        return self.clusters.counted


def row_samples(rows: tuple[Row, ...], parts: bool = True) -> list[RowSample]:
    """The whole corpus and, where parts are wanted, its languages."""
    whole, languages = groups.whole(rows), groups.languages(rows) if parts else []
    same = tuple(part.name for part in languages if len(part.rows) == len(rows))
    sampled = [(("", *same), whole.rows), *(((part.name,), part.rows) for part in languages if part.name not in same)]
    made = []
    for names, picks in sampled:
        clusters = clusters_of([rows[r] for r in picks])
        made.append(RowSample(names, picks, clusters))
    return made
