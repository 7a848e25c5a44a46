"""k-means as the HuBERT recipe fits it, on a bounded sample of frames.

Frames stream past; a seeded reservoir keeps a uniform sample of them, so memory is bounded by the sample
and not by the corpus. The settings are those of fairseq's `learn_kmeans.py`: mini-batches of 10,000 frames,
k-means++, 20 starts (or as many as are asked for), at most 100 passes, stop after 100 batches without
progress, no reassignment of rare clusters.

Assignment is by explicit squared distance in float64, in blocks of fixed size counted from the utterance's
first frame, so that an utterance's codes depend on nothing but its own features.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError

RESERVOIR_BYTES = 1 << 30
"""Memory for the sampled frames unless the caller asks for another size: 6.9 M frames of 39-d MFCC."""

BLOCK_FRAMES = 4096
BATCH_FRAMES = 10_000
N_STARTS = 20


class FrameReservoir:
    """A uniform sample, without replacement, of the frames shown so far (Vitter's algorithm R, in blocks).

    The same frames in the same order and the same seed give the same sample.
    """

    def __init__(self, dim: int, max_frames: int | None, seed: int) -> None:
        self.max_frames = max_frames or RESERVOIR_BYTES // (4 * dim)
        self.n_seen = 0
        # untouched pages of an empty array cost nothing, so a small corpus does not pay for the bound
        self._frames = np.empty((self.max_frames, dim), dtype=np.float32)
        self._random = np.random.default_rng(seed)

    def add(self, features: NDArray[np.float32]) -> None:
        """Show frames, float32 [n_frames, dim]."""
        room = max(self.max_frames - self.n_seen, 0)
        head, tail = features[:room], features[room:]
        self._frames[self.n_seen : self.n_seen + len(head)] = head
        first = self.n_seen + len(head)
        self.n_seen = first + len(tail)
        if len(tail):
            slots = self._random.integers(0, np.arange(first, self.n_seen) + 1)
            kept = slots < self.max_frames
            self._frames[slots[kept]] = tail[kept]

    def sample(self) -> NDArray[np.float32]:
        """The sampled frames, float32 [min(n_seen, max_frames), dim]."""
        return self._frames[: min(self.n_seen, self.max_frames)]


def fit_centroids(
    frames: NDArray[np.float32], n_clusters: int, seed: int, n_starts: int = N_STARTS
) -> NDArray[np.float32]:
    """Fit k-means with the HuBERT recipe's settings.

    Args:
        frames: float32 [n_frames, dim].
        n_clusters: K, at least 1.
        seed: of k-means++ and the mini-batches.
        n_starts: k-means++ starts, of which the best is gone on with.

    Returns:
        float32 [K, dim] centroids; the same bits for the same input on the same machine, however many
        cores are free.

    Raises:
        HacError: there are fewer frames than clusters, or a frame is not finite.
    """
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    _check(frames, n_clusters)
    with threadpool_limits(limits=1):  # sums over threads come in no fixed order
        model = MiniBatchKMeans(
            n_clusters=n_clusters,
            init=_best_start(frames, n_clusters, seed, n_starts),
            max_iter=100,
            batch_size=BATCH_FRAMES,
            n_init=1,
            max_no_improvement=100,
            tol=0.0,
            reassignment_ratio=0.0,
            random_state=seed,
            compute_labels=False,
        )
        model.fit(frames)
    return np.ascontiguousarray(model.cluster_centers_, dtype=np.float32)


def _check(frames: NDArray[np.float32], n_clusters: int) -> None:
    if n_clusters < 1:
        raise HacError(f"k = {n_clusters} clusters were asked for, expected at least 1")
    if len(frames) < n_clusters:
        raise HacError(
            f"k = {n_clusters} clusters need at least {n_clusters} frames, the manifest's audio gave"
            f" {len(frames)}; give more audio or a smaller k"
        )
    if not np.isfinite(frames).all():
        raise HacError("the features hold NaN or infinite values; check the audio for NaN samples")


def _best_start(frames: NDArray[np.float32], n_clusters: int, seed: int, n_starts: int) -> NDArray[np.float32]:
    """The best of some k-means++ starts, judged by their inertia on one common subset.

    What `n_init` does inside scikit-learn one after the other, here on all cores: each start is a pure
    function of its own seed, so the choice does not depend on how many cores there are.
    """
    from sklearn.cluster import kmeans_plusplus
    from sklearn.metrics import pairwise_distances_argmin_min

    random = np.random.default_rng(seed)
    size = min(len(frames), max(3 * BATCH_FRAMES, 3 * n_clusters))
    judge = frames[random.integers(0, len(frames), size)].astype(np.float64)
    seeds = random.integers(0, 2**31, n_starts)

    def start(start_seed: int) -> tuple[float, NDArray[np.float32]]:
        subset = frames[np.random.default_rng(start_seed).choice(len(frames), size, replace=False)]
        subset = subset.astype(np.float64)  # scikit-learn's float32 path is half as fast
        centers, _ = kmeans_plusplus(subset, n_clusters, random_state=int(start_seed))
        _, distances = pairwise_distances_argmin_min(judge, centers)
        return float(np.square(distances).sum()), centers.astype(np.float32)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        starts = list(pool.map(start, seeds))
    return min(starts, key=lambda scored: scored[0])[1]


def nearest_centroid(features: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """Index of the nearest centroid, [K, dim], in Euclidean distance, the lowest on a tie: int32 [n_frames]."""
    points = centroids.astype(np.float64)
    half_norms = 0.5 * np.einsum("kd,kd->k", points, points)
    codes = np.empty(len(features), dtype=np.int32)
    for start in range(0, len(features), BLOCK_FRAMES):
        block = features[start : start + BLOCK_FRAMES].astype(np.float64)
        # |x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2): the first term is the same for every centroid
        codes[start : start + BLOCK_FRAMES] = np.argmin(half_norms - block @ points.T, axis=1)
    return codes
