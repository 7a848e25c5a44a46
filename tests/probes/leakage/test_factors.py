"""Factors laid over frames: the centre rule, quantile bins, and the labels that nulls permute."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hac.data.tiers import tier_from_rows
from hac.data.tokens.token_store import Stream
from probes.leakage.factors import Factor, grid_factor, interval_factor, label_frames, quantile_edges, utterance_factor
from probes.nulls.label_permutation import permuted_labels
from tests.probes.leakage.oracles import label_at
from tests.strategies import RATES, bounds

Spans = list[tuple[int, int, str | None]]


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    """Intervals that do not overlap, with gaps, some without a label."""
    made, at = [], 0
    for _ in range(draw(st.integers(0, 6))):
        onset = at + draw(st.integers(0, 50_000))
        at = onset + draw(st.integers(0, 200_000))
        made.append((onset, at, draw(st.sampled_from((None, "a", "b", "c")))))
    return made


def stream(lengths: list[int], rate: Fraction) -> Stream:
    return Stream("s", 2, rate, np.zeros(sum(lengths), np.int32), bounds(lengths))


@given(st.lists(st.tuples(spans(), st.integers(0, 40)), min_size=1, max_size=4), st.sampled_from(RATES))
def test_a_frame_has_the_label_at_its_centre(utterances: list[tuple[Spans, int]], rate: Fraction) -> None:
    ids = [f"u{i}" for i in range(len(utterances))]
    rows = [(id, str(label), a, b) for id, (of, _) in zip(ids, utterances, strict=True) for a, b, label in of]
    tier = tier_from_rows("x", rows, ids=ids)
    names = [None if name == "None" else name.upper() for name in tier.vocabulary]
    factor = interval_factor("x", tier, tier.labels, names)
    assert list(factor.labels) == sorted({name for name in names if name})
    found = label_frames(factor, stream([n for _, n in utterances], rate))
    expected = []
    for of, n in utterances:
        intervals = [(label and label.upper(), a, b) for a, b, label in of]
        expected += [label_at(intervals, frame, rate) for frame in range(n)]
    assert [None if i < 0 else factor.labels[i] for i in found] == expected


def test_the_label_of_an_utterance_is_that_of_all_its_frames() -> None:
    factor = utterance_factor("speaker", ["a", "b", "c"], ["zoe", None, "ann"])
    assert factor.labels == ("ann", "zoe") and factor.kind == "utterance"
    assert label_frames(factor, stream([2, 1, 3], Fraction(50))).tolist() == [1, 1, -1, 0, 0, 0]


def test_bins_hold_equally_many_and_are_fixed_over_the_corpus() -> None:
    rng = np.random.default_rng(0)
    curves = {f"u{i}": rng.normal(size=100) for i in range(8)}
    curves["u3"][:40] = np.nan
    factor = grid_factor("f0", list(curves), curves)
    one = Stream("s", 2, Fraction(100), np.zeros(800, np.int32), bounds([100] * 8))
    found = label_frames(factor, one)
    counts = np.bincount(found[found >= 0])
    assert len(counts) == 8 and counts.max() - counts.min() <= 1 and (found < 0).sum() == 40
    part = grid_factor("f0", ["u5"], curves)
    assert label_frames(part, stream([100], Fraction(100))).tolist() == found[500:600].tolist()
    # a higher value never has a lower bin; and a frame of 50 Hz has the bin at its centre
    order = np.argsort(curves["u5"])
    assert (np.diff(found[500:600][order]) >= 0).all()
    assert label_frames(part, stream([50], Fraction(50))).tolist() == found[501:600:2].tolist()


def test_values_that_occur_very_often_make_fewer_bins() -> None:
    assert len(quantile_edges(np.array([0.0] * 90 + list(range(10))))) <= 2
    assert not len(quantile_edges(np.zeros(5))) and not len(quantile_edges(np.empty(0)))
    silent = grid_factor("energy", ["a", "b"], {"a": np.full(3, np.nan)})
    assert label_frames(silent, stream([1, 1], Fraction(50))).tolist() == [-1, -1]


@given(st.lists(st.tuples(*(st.integers(0, 3),) * 3), min_size=1, max_size=12), st.integers(1, 5))
def test_permuted_labels_keep_what_chance_may_know(rows: list[tuple[int, int, int]], draw: int) -> None:
    ids = [f"u{i:02d}" for i in range(len(rows))]
    languages = [("de", "en")[a % 2] for a, _, _ in rows]
    speakers = [f"s{b}" for _, b, _ in rows]
    voices = list(zip(languages, speakers, strict=True))
    per_language = ["".join(voice) for voice in voices]
    draw_of = lambda factor: permuted_labels(factor, speakers, languages, draw, 0).tolist()  # noqa: E731
    # speakers: each language keeps its labels, utterance by utterance
    speaker = utterance_factor("speaker", ids, per_language)
    permuted = draw_of(speaker)
    before = Counter(zip(languages, speaker.tier.labels.tolist(), strict=True))
    assert Counter(zip(languages, permuted, strict=True)) == before
    # gender: all utterances of a speaker stay alike, and each language keeps its speakers' labels
    of_voice = {voice: (None, "f", "m")[(i + draw) % 3] for i, voice in enumerate(sorted(set(voices)))}
    gender = utterance_factor(
        "gender", ids, [of_voice[voice] for voice in voices], permuted="speakers of each language"
    )
    permuted = draw_of(gender)
    now = dict(zip(voices, permuted, strict=True))
    assert [now[voice] for voice in voices] == permuted
    index = {None: -1, **{name: i for i, name in enumerate(gender.labels)}}
    was = Counter((language, index[label]) for (language, _), label in of_voice.items())
    assert Counter((language, label) for (language, _), label in now.items()) == was
    # undefined labels stay where they are
    assert [label < 0 for label in permuted] == [of_voice[voice] is None for voice in voices]
    # language: permuted over speakers, who keep one
    language = utterance_factor("language", ids, languages, permuted="speakers")
    permuted = draw_of(language)
    now = dict(zip(voices, permuted, strict=True))
    assert [now[voice] for voice in voices] == permuted
    assert Counter(now.values()) == Counter(language.labels.index(one) for one, _ in now)


def test_labels_that_change_within_a_speaker_are_permuted_over_utterances() -> None:
    ids, languages = [f"u{i:02d}" for i in range(40)], ["en", "de"] * 20
    loudness = utterance_factor("loudness", ids, [("loud", "soft")[i * i % 3 % 2] for i in range(40)])
    permuted = permuted_labels(loudness, ["one"] * 40, languages, 1, 0).tolist()
    before = Counter(zip(languages, loudness.tier.labels.tolist(), strict=True))
    assert Counter(zip(languages, permuted, strict=True)) == before
    assert permuted != loudness.tier.labels.tolist()


def test_permuting_does_not_depend_on_the_order_of_utterances() -> None:
    rng = np.random.default_rng(1)
    ids = [f"u{i:02d}" for i in range(20)]
    speakers, languages = [f"s{i % 5}" for i in range(20)], ["en"] * 20
    order = rng.permutation(20)
    one = utterance_factor("speaker", ids, speakers)
    other = utterance_factor("speaker", [ids[i] for i in order], [speakers[i] for i in order])
    permuted = permuted_labels(one, speakers, languages, 1, 0)
    moved = permuted_labels(other, [speakers[i] for i in order], languages, 1, 0)
    assert isinstance(one, Factor) and moved.tolist() == permuted[order].tolist()
