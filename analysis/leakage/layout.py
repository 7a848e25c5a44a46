"""Labels of factors on the frames of streams of one rate and length: what every count of leakage works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream
from probes.leakage.cells import Clusters, Coded, by_label, by_utterance_label, coded
from probes.leakage.factors import Factor, Kind, Labels, label_frames
from probes.nulls.circular_shift import Integer, Rings, speaker_rings
from probes.nulls.label_permutation import permuted_labels


@dataclass(frozen=True)
class LeakageProtocol:
    """How it is measured; recorded with every number.

    Attributes:
        n_nulls: null draws of what a stream tells.
        n_given_nulls: draws of both nulls of what it tells beyond another one; each costs as much as the measurement.
        seed: of all draws.
        phone_policy: name of the phone policy.
        class_kind: which classes of phones: manner, place, voicing or height.
        factors: factors wanted; empty: all that can be had.
        given: streams to condition on; None: all, empty: none.
    """

    n_nulls: int = 20
    n_given_nulls: int = 2
    seed: int = 0
    phone_policy: str = "auto"
    class_kind: str = "manner"
    factors: tuple[str, ...] = ()
    given: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FrameLabels:
    """A factor on the frames.

    Attributes:
        name, kind: of the factor.
        labels: int32 [n_frames].
        frames: int32 [n], the frames that have a label, by label and cluster.
        n_labels: size of its vocabulary.
        mask: factors that are defined for the same frames have the same number.
        permuted: labels of the utterances in each null draw, for an utterance factor.
    """

    name: str
    kind: Kind
    labels: Labels
    frames: NDArray[np.int32]
    n_labels: int
    mask: int
    permuted: tuple[Labels, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Streams of one rate and length, and the factors on their frames.

    Attributes:
        streams: the streams.
        factors: the factors.
        bounds: int64 [n_utterances + 1], frames of each utterance.
        frame_rate: Hz.
        rings: of the utterances, for circular shifts.
        of_utterance: int16 [n_utterances], what is resampled together.
        clusters: int16 [n_frames], the same for frames.
        protocol: see `LeakageProtocol`.
    """

    streams: tuple[Coded, ...]
    factors: tuple[FrameLabels, ...]
    bounds: NDArray[np.int64]
    frame_rate: Fraction
    rings: Rings
    of_utterance: Clusters
    clusters: Clusters
    protocol: LeakageProtocol

    @property
    def n_frames(self) -> int:
        """Frames of each stream."""
        return int(self.bounds[-1])

    @property
    def n_clusters(self) -> int:
        """What is resampled together: how many."""
        return int(self.of_utterance.max(initial=-1)) + 1

    def shifted(self, codes: NDArray[Integer], draw: int) -> NDArray[Integer]:
        """Codes (or labels) of frames, shifted circularly over each speaker's utterances."""
        return self.rings.shifted(codes, self.bounds, self.frame_rate, draw, self.protocol.seed)

    def permuted(self, factor: FrameLabels, draw: int) -> FrameLabels:
        """A factor with the labels of a null draw: shifted over speakers' utterances, or permuted over these."""
        if factor.kind == "utterance":
            permuted = factor.permuted[draw - 1]
            frames = by_utterance_label(permuted, self.of_utterance, self.bounds)
            return replace(factor, labels=np.repeat(permuted, np.diff(self.bounds)), frames=frames)
        labels = self.shifted(factor.labels, draw)
        frames = by_label(labels, factor.n_labels, self.clusters, self.n_clusters)
        # the frames without a label have moved too: the mask is another one
        return replace(factor, labels=labels, frames=frames, mask=-1 - factor.mask - len(self.factors) * draw)


def layout(
    streams: Sequence[Stream],
    factors: Sequence[Factor],
    of_utterance: tuple[Sequence[str | None], Sequence[str | None]],
    clusters: NDArray[np.int64],
    protocol: LeakageProtocol,
) -> Layout:
    """Give the frames of streams of one rate and length the labels of factors.

    Args:
        streams: the streams.
        factors: of the same utterances.
        of_utterance: speaker and language of each utterance.
        clusters: int64 [n_utterances], what is resampled together.
        protocol: see `LeakageProtocol`.
    """
    one = streams[0]
    of_frame = np.repeat(clusters.astype(np.int16), one.lengths)
    n_clusters = int(clusters.max(initial=-1)) + 1
    masks: dict[bytes, int] = {}
    labelled = []
    for factor in factors:
        labels = label_frames(factor, one)
        mask = masks.setdefault(np.packbits(labels >= 0).tobytes(), len(masks))
        frames = by_label(labels, len(factor.labels), of_frame, n_clusters)
        draws = range(1, protocol.n_nulls + 1) if factor.kind == "utterance" else ()
        permuted = tuple(permuted_labels(factor, *of_utterance, draw, protocol.seed) for draw in draws)
        labelled.append(FrameLabels(factor.name, factor.kind, labels, frames, len(factor.labels), mask, permuted))
    speakers, languages = of_utterance
    rings = speaker_rings(factors[0].tier.ids, languages, speakers)
    made = tuple(coded(stream) for stream in streams)
    grouped = clusters.astype(np.int16)
    return Layout(made, tuple(labelled), one.bounds, one.frame_rate, rings, grouped, of_frame, protocol)
