"""Heads and losses by which the teachers reach the phonetic and the lexical level.

Both act on *quantized* vectors: what the codes themselves say is taught, not what could be read before them (units of
the speech teacher are taught to what the quantizer was offered too).
Every loss is a sum over what exists and a count, so that parts of a batch add and are divided once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hac.model.codebook import nearest_code
from hac.model.quantize import Quantized
from hac.teachers.units import FrameUnits

FrameLoss = Literal["cosine", "d-axis", "t-axis"]
LexicalLoss = Literal["cosine", "l1"]
Pooling = Literal["mean", "attention"]


@dataclass(frozen=True, slots=True)
class Distilled:
    """A distillation loss and what it means.

    Attributes:
        loss: scalar, the mean over what was taught (0 where nothing was).
        agreement: scalar, how far student and target agree; no gradient. A mean raw cosine, in [-1, 1], or the share of
            frames whose unit is told right.
        n: scalar, what the means are over: frames, or utterances.
        measure: what the agreement is: `cosine` or `accuracy`.
    """

    loss: Tensor
    agreement: Tensor
    n: Tensor
    measure: Literal["cosine", "accuracy"] = "cosine"


class PhoneticHead(nn.Module):
    """Quantized phonetic frames to the speech teacher's space, by one linear map.

    Args:
        latent_dim: channels of the quantized frames.
        teacher_dim: dimensions of the teacher's frames.
        form: of the loss, see `distil_phonetic`.

    Source: SpeechTokenizer (Zhang et al. 2023, arXiv 2308.16692), its `transform` layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, latent_dim: int, teacher_dim: int, form: FrameLoss = "cosine") -> None:
        super().__init__()
        self.form: FrameLoss = form
        self.map = nn.Linear(latent_dim, teacher_dim)
        self.register_buffer("mean", torch.zeros(teacher_dim))
        self.register_buffer("deviation", torch.ones(teacher_dim))

    def forward(self, quantized: Tensor) -> Tensor:
        """[b, latent_dim, t] to [b, t, teacher_dim]."""
        student: Tensor = self.map(quantized.transpose(1, 2))
        return student

    def standardized(self, target: Tensor) -> Tensor:
        """Targets [b, t, teacher_dim] with the training set's mean taken off, in its deviations."""
        return (target.float() - self.mean) / self.deviation

    def distil(self, level: Quantized, target: Tensor, mask: Tensor) -> Distilled:
        """Distance of a level's answer from targets [b, t, teacher_dim], over the frames of mask [b, t]."""
        return distil_phonetic(self(level.quantized), self.standardized(target), mask, self.form)


class UnitHead(nn.Module):
    """The units of the speech teacher's frames, told from the phonetic level by linear maps.

    One map reads what the quantizer answered, one what it was offered: the second reaches the transformer without the
    quantizer's error. The units themselves (`hac.teachers.units`) are buffers, so that they travel with a checkpoint.

    Args:
        latent_dim: channels of the quantized frames.
        offered_dim: channels of what the quantizer is offered.
        units: the units.
    """

    mean: Tensor
    projection: Tensor
    centroids: Tensor

    def __init__(self, latent_dim: int, offered_dim: int, units: FrameUnits) -> None:
        super().__init__()
        self.quantized = nn.Linear(latent_dim, len(units.centroids))
        self.offered = nn.Linear(offered_dim, len(units.centroids))
        for name in ("mean", "projection", "centroids"):
            self.register_buffer(name, torch.from_numpy(getattr(units, name)))

    def units(self, target: Tensor) -> Tensor:
        """Units int64 [b, t] of the teacher's frames [b, t, teacher_dim]."""
        with torch.autocast(target.device.type, enabled=False):
            projected = (target.float() - self.mean) @ self.projection
        return nearest_code(projected.flatten(0, 1), self.centroids).view(target.shape[:2])

    def distil(self, level: Quantized, target: Tensor, mask: Tensor) -> Distilled:
        """Cross-entropies, in nats, of both maps to the units of targets [b, t, teacher_dim], over mask [b, t], added.

        The agreement is the share of frames whose unit the map of the answer tells.
        """
        units, n = self.units(target), mask.sum()
        answered = self.quantized(level.quantized.transpose(1, 2)).float()
        offered = self.offered(level.continuous[0].transpose(1, 2)).float()
        surprise = sum(
            F.cross_entropy(logits.transpose(1, 2), units, reduction="none") for logits in (answered, offered)
        )
        right = (answered.argmax(-1) == units) & mask
        return Distilled((surprise * mask).sum() / n.clamp(min=1), right.sum() / n.clamp(min=1), n, measure="accuracy")


class LexicalHead(nn.Module):
    """Quantized lexical frames to one vector an utterance in the text teacher's space.

    Pooling over the frames that exist, a linear map, tanh, unit L2 norm.

    Args:
        latent_dim: channels of the quantized frames.
        teacher_dim: dimensions of the teacher's vectors.
        pooling: `mean` over frames, or `attention` (a learned weight a frame).

    Source: SAMU-XLSR (Khurana et al. 2022, arXiv 2205.08180), section III.
    """

    def __init__(self, latent_dim: int, teacher_dim: int, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.map = nn.Linear(latent_dim, teacher_dim)
        self.score = nn.Linear(latent_dim, 1) if pooling == "attention" else None

    def forward(self, quantized: Tensor, mask: Tensor) -> Tensor:
        """[b, latent_dim, t] with mask bool [b, t] to [b, teacher_dim], rows of unit norm."""
        frames = quantized.transpose(1, 2).float()
        if self.score is None:
            weights = mask / mask.sum(1, keepdim=True).clamp(min=1)
        else:
            scores = self.score(frames).squeeze(-1).masked_fill(~mask, -torch.inf)
            weights = scores.softmax(1)
        pooled = (frames * weights[..., None]).sum(1)
        return F.normalize(torch.tanh(self.map(pooled)), dim=-1)


def distil_phonetic(student: Tensor, target: Tensor, mask: Tensor, form: FrameLoss = "cosine") -> Distilled:
    """Distance of student frames from the speech teacher's.

    * `cosine`: mean over frames of 1 - cos(s_t, y_t), in [0, 2].
    * `d-axis`: mean over dimensions of -log sigmoid(cos over time of that dimension), per utterance; utterances
      count by their frames. In [0.3133, 1.3133].
    * `t-axis`: per frame, mean over dimensions of |s - y|, plus -log sigmoid(cos(s_t, y_t)).

    Args:
        student: [b, t, d].
        target: [b, t, d].
        mask: bool [b, t], True at the frames that are taught.
        form: which of the three.

    Source: SpeechTokenizer, equations 1 and 2 and its code; `cosine` is ours.
    """
    # single precision also under autocast, and nothing that lies in the padding
    exists = mask[..., None]
    student, target = student.float() * exists, target.float() * exists
    n = mask.sum()
    per_frame = F.cosine_similarity(student, target, dim=-1)
    cosine = (per_frame * mask).sum() / n.clamp(min=1)
    if form == "cosine":
        loss = ((1 - per_frame) * mask).sum() / n.clamp(min=1)
    elif form == "d-axis":
        per_item = -F.logsigmoid(F.cosine_similarity(student, target, dim=1)).mean(1)
        loss = (per_item * mask.sum(1)).sum() / n.clamp(min=1)
    else:
        distance = (student - target).abs().mean(-1) - F.logsigmoid(per_frame)
        loss = (distance * mask).sum() / n.clamp(min=1)
    return Distilled(loss, cosine.detach(), n)


def distil_lexical(student: Tensor, target: Tensor, taught: Tensor, form: LexicalLoss = "cosine") -> Distilled:
    """Distance of pooled utterances from the text teacher's vectors.

    * `cosine`: mean over utterances of 1 - cos, in [0, 2].
    * `l1`: mean over utterances of the sum over dimensions of |s - y|.

    Args:
        student: [b, d], unit norm.
        target: [b, d], unit norm.
        taught: bool [b], the utterances that have a target.
        form: which of the two.

    Source: SAMU-XLSR, equation 1.
    """
    n = taught.sum()
    target = target.float()
    per_item = F.cosine_similarity(student.float(), target, dim=-1)
    distance = 1 - per_item if form == "cosine" else (student.float() - target).abs().sum(-1)
    # a sum of products, so that a batch without any text still reaches every parameter, with gradient zero
    return Distilled(
        (distance * taught).sum() / n.clamp(min=1), ((per_item * taught).sum() / n.clamp(min=1)).detach(), n
    )


def retrieval_recall(student: Tensor, target: Tensor) -> tuple[int, int]:
    """How many utterances find their own text first, and out of how many: recall@1 is the ratio.

    Each student vector is compared with every distinct target; chance is 1 / (number of distinct targets).

    Args:
        student: [n, d], unit norm.
        target: [n, d], unit norm; equal rows are one text.
    """
    texts, own = torch.unique(target, dim=0, return_inverse=True)
    found = (student @ texts.t()).argmax(1)
    return int((found == own).sum()), len(texts)
