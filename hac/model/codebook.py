"""A codebook that knows its own health: usage, perplexity, dead codes, and the cures for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hac.model.config import CodebookUpdate
from hac.model.distributed import share_first, sum_all

_BLOCK = 65_536
"""Vectors looked up at once: bounds the distance table of an hours-long recording."""


@dataclass(frozen=True, slots=True)
class CodebookHealth:
    """How well a codebook is used, from running counts of the training batches.

    Attributes:
        used: codes above the dead threshold, in [0, n_codes]; larger is healthier.
        perplexity: exp of the entropy of the usage, in [1, n_codes]; NaN before the first training batch.
    """

    n_codes: int
    used: int
    perplexity: float

    @property
    def dead(self) -> int:
        """Codes that are hardly ever chosen."""
        return self.n_codes - self.used


@dataclass(frozen=True, slots=True)
class CodebookOptions:
    """How codes are looked up and kept alive; the attributes are those of `HacConfig`."""

    normalize_codes: bool = True
    kmeans_init: bool = False
    restart_dead_codes: bool = False
    dead_code_threshold: float = 0.01
    restart_interval: int = 100
    usage_decay: float = 0.99
    codebook_update: CodebookUpdate = "gradient"


@torch.no_grad()
def nearest_code(vectors: Tensor, codes: Tensor, normalize: bool = False) -> Tensor:
    """Index of the nearest code of each vector.

    Always in single precision: in half precision, near ties would depend on rounding.

    Args:
        vectors: [n, d].
        codes: [v, d].
        normalize: take the code of largest cosine instead of that of smallest Euclidean distance.

    Returns:
        int64 [n].
    """
    with torch.autocast(vectors.device.type, enabled=False):
        codes = codes.float()
        if normalize:
            codes = F.normalize(codes)
            scores = [F.normalize(block.float()) @ codes.t() for block in torch.split(vectors, _BLOCK)]
        else:
            # |x - c|^2 = |x|^2 - 2 x·c + |c|^2; |x|^2 is the same for every code
            half_norms = codes.pow(2).sum(1) / 2
            scores = [block.float() @ codes.t() - half_norms for block in torch.split(vectors, _BLOCK)]
        return torch.cat([score.argmax(1) for score in scores])


class Codebook(nn.Embedding):
    """Code vectors [v, d], trained by gradient or moved to the running mean of the vectors that chose them.

    The running mean (`codebook_update: ema`) is that of van den Oord et al. 2017 (arXiv 1711.00937, appendix A.1) and
    EnCodec. It weighs every vector alike, where Adam moves a rare code as far as a common one: with few frames a
    batch, gradient codes lag behind an encoder that learns quickly.

    Its buffers travel with the checkpoint, so that a resumed run sees the same usage:
    `usage` [v], running counts of the codes over training batches, and `n_updates`, the batches seen.
    """

    usage: Tensor
    n_updates: Tensor

    def __init__(self, codebook_size: int, codebook_dim: int, options: CodebookOptions) -> None:
        super().__init__(codebook_size, codebook_dim)
        self.options = options
        self.weight.requires_grad_(options.codebook_update == "gradient")
        self.register_buffer("usage", torch.zeros(codebook_size))
        self.register_buffer("n_updates", torch.zeros((), dtype=torch.long))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Index of the nearest code of each vector [n, d]: int64 [n]; see `nearest_code`."""
        return nearest_code(vectors, self.weight, self.options.normalize_codes)

    @torch.no_grad()
    def prepare(self, vectors: Tensor) -> None:
        """Before the first training batch is looked up: k-means initialization, where it is asked for.

        Args:
            vectors: [n, d], the valid vectors of the batch.
        """
        if self.options.kmeans_init and int(self.n_updates) == 0 and len(vectors) > 0:
            self._share(_kmeans_centres(vectors.float(), self.num_embeddings, self.options.normalize_codes))

    @torch.no_grad()
    def observe(self, vectors: Tensor, codes: Tensor) -> None:
        """After a training batch was looked up: count its codes and, now and then, restart the dead ones.

        Args:
            vectors: [n, d], the valid vectors of the batch.
            codes: int64 [n], the codes they got.
        """
        counts = torch.bincount(codes, minlength=self.num_embeddings).to(self.usage.dtype)
        sum_all(counts)
        decayed = torch.lerp(counts, self.usage, self.options.usage_decay)
        usage = torch.where(self.n_updates == 0, counts, decayed)
        if self.options.codebook_update == "ema":
            self._follow(vectors, codes, counts, usage)
        self.usage.copy_(usage)
        self.n_updates += 1
        if (
            self.options.restart_dead_codes
            and len(vectors) > 0
            and int(self.n_updates) % self.options.restart_interval == 0
        ):
            self._restart(vectors)

    def health(self) -> CodebookHealth:
        """Usage, dead codes and perplexity as of the last training batch."""
        total = self.usage.sum()
        if total == 0:
            return CodebookHealth(self.num_embeddings, 0, float("nan"))
        share = (self.usage / total).double()
        entropy = torch.special.entr(share).sum()
        return CodebookHealth(self.num_embeddings, int((~self._is_dead()).sum()), float(entropy.exp()))

    def _is_dead(self) -> Tensor:
        return self.usage < self.options.dead_code_threshold * self.usage.mean()

    def _restart(self, vectors: Tensor) -> None:
        """Move dead codes onto vectors drawn from the batch, with the usage of an average code."""
        dead = self._is_dead()
        drawn = torch.randint(len(vectors), (self.num_embeddings,)).to(vectors.device)
        self._share(torch.where(dead[:, None], vectors[drawn].to(self.weight.dtype), self.weight))
        self.usage.copy_(torch.where(dead, self.usage.mean(), self.usage))

    def _follow(self, vectors: Tensor, codes: Tensor, counts: Tensor, usage: Tensor) -> None:
        """Move each code to the mean of its vectors, decayed as the usage is; `counts` and `usage` are the new ones."""
        sums = torch.zeros_like(self.weight, dtype=usage.dtype).index_add_(0, codes, vectors.to(usage.dtype))
        sum_all(sums)
        # a code is the mean of `usage` vectors: the share of the new ones moves it towards their mean
        new = 1.0 if int(self.n_updates) == 0 else 1 - self.options.usage_decay
        step = new * (sums - counts[:, None] * self.weight) / usage.clamp(min=torch.finfo(usage.dtype).tiny)[:, None]
        self.weight.add_(torch.where(counts[:, None] > 0, step, 0.0))

    def _share(self, weight: Tensor) -> None:
        """Take new code vectors; across processes everyone takes those of the first."""
        self.weight.copy_(weight)
        share_first(self.weight.data)


def _kmeans_centres(vectors: Tensor, n_centres: int, normalize: bool, n_iterations: int = 10) -> Tensor:
    """Centres [n_centres, d] of the vectors [n, d]; clustered by direction where the look-up is by cosine."""
    from sklearn.cluster import KMeans

    # fewer vectors than centres: draw some twice, a little apart
    spread = vectors.std(0, correction=0)
    while len(vectors) < n_centres:
        vectors = torch.cat([vectors, vectors + 0.01 * spread * torch.randn(vectors.shape).to(vectors)])
    points = F.normalize(vectors) if normalize else vectors
    seed = int(torch.randint(2**31 - 1, ()))
    kmeans = KMeans(n_centres, init="random", n_init=1, max_iter=n_iterations, random_state=seed)
    labels = torch.from_numpy(kmeans.fit_predict(points.cpu().numpy())).long().to(vectors.device)
    sums = vectors.new_zeros(n_centres, vectors.shape[1]).index_add_(0, labels, vectors)
    counts = torch.bincount(labels, minlength=n_centres)[:, None]
    centres = torch.from_numpy(kmeans.cluster_centers_).to(vectors)
    return torch.where(counts > 0, sums / counts.clamp(min=1), centres)
