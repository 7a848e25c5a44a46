"""The builtin aligner for any language: monophone models trained on nothing but the corpus itself.

Three states a phone, one diagonal Gaussian mixture a state, optional pauses between words. Phones are first spread
evenly over the speech of each utterance; then models and alignments improve each other (Viterbi training) while the
mixtures grow. Pronunciations come from `hac.align.g2p`. Five minutes of one speaker or one recording condition are
enough; speakers with less are pooled by language. Source: the flat-start recipe of HTK and Kaldi (`train_mono`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.align.alignment_types import Aligned, AlignmentFailure, Word
from hac.align.hmm import features, graph, stop_closures
from hac.align.hmm.gmm import Mixtures
from hac.align.hmm.viterbi import best_path
from hac.data.phones.classes import SILENCE
from hac.data.timeline import samples_to_us

_LAG_US = 2_500
"""Taken off every boundary, half a frame. It is mostly not the machine's: on mirrored recordings aligned with mirrored
transcripts boundaries stay late in the *recording's* direction, and half the difference, what features and search add,
is 0.6 to 1.1 ms. The rest depends on the sounds (-17 ms from approximant to vowel, +20 ms from affricate to vowel on
synthetic speech), language and room. Without it, held-out synthetic voices are +2.6 ms late when clean (-0.2 es to
+5.4 pl) and +4.0 ms in small rooms (+1.5 es to +7.9 pl), real English +2.4 ms against pocketsphinx."""

_PAUSE_COST = 60.0
"""Nats for a pause between words, or closures before a word's first stop would pass for pauses."""


@dataclass(frozen=True, slots=True)
class HmmOptions:
    """Settings of the flat-start aligner.

    Attributes:
        iterations: rounds of alignment and re-estimation.
        components: Gaussians a state at the end.
        min_speaker_s: speakers with less speech share a model with others of their language.
        max_train_s: models are trained on at most this much of a group, drawn by `seed`.
        seed: of that draw.
    """

    iterations: int = 14
    components: int = 4
    min_speaker_s: float = 300.0
    max_train_s: float = 2400.0
    seed: int = 0


@dataclass(frozen=True)
class Item:
    """One utterance made ready: frames float32 [t, d], log energy float32 [t]."""

    id: str
    words: tuple[Word, ...]
    frames: NDArray[np.float32]
    log_energy: NDArray[np.float32]
    duration_us: int


@dataclass(frozen=True)
class Model:
    """What training gives: mixtures per state, three a phone, and how long a state lasts, float64 [s]."""

    phone_index: dict[str, int]
    mixtures: Mixtures
    log_stay: NDArray[np.float64]
    log_leave: NDArray[np.float64]

    def path(self, item: Item, chain: graph.Graph) -> NDArray[np.int64]:
        """Best path [t] over the chain's states.

        Raises:
            AlignmentFailure: the utterance has fewer frames than its phones need.
        """
        states, column = np.unique(chain.state, return_inverse=True)
        scores = self.mixtures.score(item.frames, states)
        unit = graph.STATES_PER_PHONE
        stay, leave = self.log_stay[chain.state], self.log_leave[chain.state]
        leave = leave - chain.pause_end * _PAUSE_COST
        path, total = best_path(
            scores, column.astype(np.int64), chain.skip_from, stay, leave, unit, len(column) - unit - 1
        )
        if not np.isfinite(total):
            raise AlignmentFailure(
                "text-long", f"{len(item.frames)} frames are too few for {len(chain.units)} phones and pauses"
            )
        return path


def prepare(id: str, samples: NDArray[np.float32], words: tuple[Word, ...]) -> Item:
    """Features of one utterance, float32 [n] at 16 kHz."""
    frames = features.features(samples)
    energy = features.log_energy(samples, len(frames))
    return Item(id, words, frames, energy, samples_to_us(len(samples), features.SAMPLE_RATE))


def train(items: list[Item], options: HmmOptions) -> Model:
    """Grow a model from a flat start on these utterances."""
    phones = sorted({phone for item in items for word in item.words for phone in word.phones} | {SILENCE})
    index = {phone: number for number, phone in enumerate(phones)}
    chains = [graph.build(item.words, index) for item in items]
    labels = [graph.flat_states(chain, item.log_energy, index) for item, chain in zip(items, chains, strict=True)]
    frames = np.concatenate([item.frames for item in items])
    n_states = graph.STATES_PER_PHONE * len(phones)
    even = np.full(n_states, np.log(0.5))
    model = Model(index, Mixtures.flat(frames, n_states, options.components), even, even)
    for iteration in range(options.iterations):
        growth = max(0, iteration - 3) / max(1, 0.6 * options.iterations - 3)
        n_components = 1 + int(min(1.0, growth) * (options.components - 1))
        mixtures = model.mixtures.refit(frames, np.concatenate(labels), n_components, passes=1)
        model = Model(index, mixtures, *_durations(labels, n_states))
        labels = [_relabel(model, *triple) for triple in zip(items, chains, labels, strict=True)]
    return Model(
        index,
        model.mixtures.refit(frames, np.concatenate(labels), options.components, 2),
        *_durations(labels, n_states),
    )


def align(model: Model, item: Item, samples: NDArray[np.float32]) -> Aligned:
    """Phones and words of one utterance, made ready from the same samples, float32 [n] at 16 kHz.

    Raises:
        AlignmentFailure: the transcript does not fit, or has a phone that the model has not heard.
    """
    unheard = {phone for word in item.words for phone in word.phones} - model.phone_index.keys()
    if unheard:
        raise AlignmentFailure("phone-unheard", f"the phone {min(unheard)!r} is too rare in the corpus to be learnt")
    chain = graph.build(item.words, model.phone_index)
    aligned = chain.aligned(item.id, model.path(item, chain), features.HOP_US, item.duration_us)
    return stop_closures.sharpen(aligned, stop_closures.level_db(samples)).earlier(_LAG_US)


def _relabel(model: Model, item: Item, chain: graph.Graph, before: NDArray[np.int64]) -> NDArray[np.int64]:
    try:
        return chain.state[model.path(item, chain)]
    except AlignmentFailure:
        return before


def _durations(labels: list[NDArray[np.int64]], n_states: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log probabilities [s] of staying in and of leaving each state, from its mean length."""
    frames = np.bincount(np.concatenate(labels), minlength=n_states)
    visits = np.zeros(n_states, dtype=np.int64)
    for path in labels:
        visits += np.bincount(path[np.flatnonzero(np.r_[True, np.diff(path) != 0])], minlength=n_states)
    leave = np.clip((visits + 1.0) / (frames + 2.0), 0.02, 0.9)
    return np.log1p(-leave), np.log(leave)
