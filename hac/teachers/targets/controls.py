"""Controls: targets that know nothing of their utterance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.teachers.base import FrameTargets, Targets


class ShuffledTargets:
    """Each utterance gets the target of another one, of other content.

    The pairs are drawn from the seed and the ids alone, whatever their order. A model that learns as much from these
    as from the true targets has learned nothing of the teacher but its averages.

    Args:
        targets: of speech or of text. Of speech, the other's frames are cut, or repeated from their beginning, to the
            utterance's own number.

    Raises:
        HacError: there are fewer than two utterances, or more than half have the same content.
    """

    def __init__(self, targets: Targets, seed: int = 0) -> None:
        self.dim = targets.dim
        self.ids = targets.ids
        self._targets = targets
        self._other = _derangement(targets, seed)

    def other(self, id: str) -> str:
        """The utterance whose target this one gets."""
        return self._other[id]

    def __contains__(self, id: object) -> bool:
        """Whether an utterance has a target."""
        return id in self._targets

    def __getitem__(self, id: str) -> NDArray[Any]:
        """The other's target: [t, dim] with the t of `id`, or [dim]."""
        target = self._targets[self._other[id]]
        if target.ndim == 1:
            return target
        return target[np.arange(self.n_frames(id)) % len(target)]

    def n_frames(self, id: str) -> int:
        """Frames of an utterance's target: its own, not the other's."""
        return self._frames().n_frames(id)

    def content(self, id: str) -> Hashable:
        """The other's content."""
        return self._targets.content(self._other[id])

    def statistics(self, max_utterances: int = 500, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the true targets' features, each float32 [dim]."""
        return self._frames().statistics(max_utterances, seed)

    def sample(self, max_frames: int, max_utterances: int = 500, seed: int = 0) -> NDArray[np.float32]:
        """Frames of a sample of the true targets, float32 [n, dim]."""
        return self._frames().sample(max_frames, max_utterances, seed)

    def _frames(self) -> FrameTargets:
        if not hasattr(self._targets, "n_frames"):
            raise TypeError("targets of text have no frames")
        return self._targets  # type: ignore[return-value]


def _derangement(targets: Targets, seed: int) -> dict[str, str]:
    """Another utterance of other content for each.

    Utterances are laid out in a ring, those of the same content side by side, the contents in random order; each
    gets the one that is as many places on as the commonest content has utterances, so it never meets its own.
    """
    groups = _groups(targets.ids, targets)
    largest = max((len(group) for group in groups), default=0)
    n_utterances = len(targets.ids)
    if len(groups) < 2:
        raise HacError(
            f"{n_utterances} utterances of {len(groups)} content cannot be shuffled; at least two are needed"
        )
    if 2 * largest > n_utterances:
        raise HacError(
            f"{largest} of {n_utterances} utterances have the same content ({groups[0][0]!r}, ...), so they cannot all"
            " get another's target; leave some of them out"
        )
    order = np.random.default_rng(seed).permutation(len(groups))
    ring = [id for position in order for id in groups[position]]
    return dict(zip(ring, ring[largest:] + ring[:largest], strict=True))


def _groups(ids: Iterable[str], targets: Targets) -> list[list[str]]:
    """Ids by content, the largest group first, then by their smallest id."""
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for id in sorted(ids):
        groups[targets.content(id)].append(id)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))
