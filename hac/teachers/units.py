"""Units of a speech teacher: which of K clusters each of its frames is, as classes to be learned.

Frames are standardized, then projected on the directions that tell clusters apart: linear discriminant analysis with
the clusters of k-means as classes, which no label is needed for, and again with the clusters found in that projection.
The units are k-means in the last projection. From a first trial, Whisper base, layer 4, 500 units, fitted on seven
languages: PNMI with phones of unheard English prompts .519 without a projection, .572, .576 and .584 after one, two and
three rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.tokenizers.kmeans_fit import fit_centroids, nearest_centroid

Floats = NDArray[np.float32]

MAX_FRAMES = 30_000
"""Frames that units are fitted on."""
N_ROUNDS = 3
N_CLASSES = 300
"""Clusters that are told apart by the projection."""
SHRINKAGE = 1e-3
"""Of the covariance within clusters, towards its mean variance."""
N_STARTS = 3


@dataclass(frozen=True)
class FrameUnits:
    """Units, and the projection they live in.

    Attributes:
        mean: float32 [dim], of the frames.
        projection: float32 [dim, m].
        centroids: float32 [K, m], in the projection.
    """

    mean: Floats
    projection: Floats
    centroids: Floats

    def project(self, frames: Floats) -> Floats:
        """float32 [n, dim] -> float32 [n, m]."""
        return ((frames - self.mean) @ self.projection).astype(np.float32)

    def assign(self, frames: Floats) -> NDArray[np.int32]:
        """The unit of each frame: float32 [n, dim] -> int32 [n], in [0, K)."""
        return nearest_centroid(self.project(frames), self.centroids)


def fit_units(frames: Floats, n_units: int, n_directions: int, seed: int = 0, n_rounds: int = N_ROUNDS) -> FrameUnits:
    """Fit units on a sample of frames.

    Args:
        frames: float32 [n, dim].
        n_units: K.
        n_directions: of the projection, m; at most dim. 0: none, k-means of the standardized frames.
        seed: of k-means.
        n_rounds: of clustering and discriminant analysis.

    Raises:
        HacError: there are fewer frames than units, or a frame is not finite.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    mean = frames.mean(0)
    projection = np.diag(1 / np.maximum(frames.std(0), 1e-4)).astype(np.float32)
    for _ in range(n_rounds if n_directions else 0):
        projected = (frames - mean) @ projection
        n_classes = min(N_CLASSES, len(frames) // 2)
        classes = nearest_centroid(projected, fit_centroids(projected, n_classes, seed, N_STARTS))
        several = np.bincount(classes)[classes] > 1  # one frame has no covariance
        analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE)
        analysis.fit(frames[several], classes[several])
        # of equal variance within clusters: Euclidean distances count what tells clusters apart
        projection = analysis.scalings_[:, :n_directions].astype(np.float32)
    centroids = fit_centroids((frames - mean) @ projection, n_units, seed, N_STARTS)
    return FrameUnits(mean, projection, centroids)
