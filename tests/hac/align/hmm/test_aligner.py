import itertools

import numpy as np
import pytest

from hac.align.alignment_types import Aligned, AlignmentFailure, Segment, Word
from hac.align.boundary_errors import score_boundaries
from hac.align.hmm import aligner, features, graph, stop_closures
from hac.align.hmm.gmm import Mixtures
from hac.align.hmm.viterbi import best_path
from hac.corpora.synthetic.espeak import Voice, synthesize

TEXTS = (
    "la casa blanca",
    "el perro come pan",
    "mi madre canta bien",
    "el gato bebe leche",
    "la mesa tiene cuatro patas",
    "mañana vamos al mercado",
)


def slow_best(scores, column, skip_from, stay, leave, first, last):
    """The best of all state sequences, each scored from its definition."""
    n_frames, n_states = scores.shape[0], len(column)
    best = -np.inf
    for path in itertools.product(range(n_states), repeat=n_frames):
        if path[0] not in (0, first) or path[-1] not in (n_states - 1, last):
            continue
        total = scores[0, column[path[0]]]
        for t in range(1, n_frames):
            a, b = path[t - 1], path[t]
            if a == b:
                total += stay[a]
            elif a == b - 1 or skip_from[b] == a:
                total += leave[a]
            else:
                total = -np.inf
                break
            total += scores[t, column[b]]
        best = max(best, total)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_best_path_equals_all_paths_tried(seed):
    rng = np.random.default_rng(seed)
    column = np.array([2, 0, 2, 1, 2])
    skip_from = np.array([-1, -1, -1, 1, -1])
    scores = rng.normal(size=(6, 3)).astype(np.float32)
    stay, leave = np.log(rng.uniform(0.2, 0.8, 5)), np.log(rng.uniform(0.2, 0.8, 5))
    path, total = best_path(scores, column, skip_from, stay, leave, 1, 3)
    assert total == pytest.approx(slow_best(scores, column, skip_from, stay, leave, 1, 3), abs=1e-5)
    assert path[0] in (0, 1)
    assert path[-1] in (3, 4)


def test_too_few_frames_have_no_path():
    column, none = np.arange(5), np.full(5, -1)
    _, total = best_path(np.zeros((3, 5), np.float32), column, none, np.zeros(5), np.zeros(5), 0, 4)
    assert total == -np.inf


def test_mixture_scores_equal_their_definition():
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(7, 4)).astype(np.float32)
    weights = np.log(np.array([[0.3, 0.7], [1.0, 1e-300]]))
    weights[1, 1] = -np.inf
    mixtures = Mixtures(rng.normal(size=(2, 2, 4)), rng.uniform(0.5, 2, (2, 2, 4)), weights)
    expected = np.empty((7, 2))
    for t, s in itertools.product(range(7), range(2)):
        density = 0.0
        for m in range(2):
            mean, variance = mixtures.means[s, m], mixtures.variances[s, m]
            normal = np.exp(-0.5 * (frames[t] - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
            density += np.exp(weights[s, m]) * normal.prod()
        expected[t, s] = np.log(density)
    np.testing.assert_allclose(mixtures.score(frames, np.array([0, 1])), expected, rtol=1e-4)
    np.testing.assert_allclose(mixtures.score(frames, np.array([1])), expected[:, 1:], rtol=1e-4)


def test_refitting_never_lowers_the_likelihood_and_finds_two_clusters():
    rng = np.random.default_rng(1)
    frames = np.concatenate([rng.normal(-3, 0.5, (300, 2)), rng.normal(3, 0.5, (300, 2))]).astype(np.float32)
    labels, state = np.zeros(600, dtype=np.int64), np.array([0])
    model = Mixtures.flat(frames, 1, 2)
    before = model.score(frames, state).sum()
    for _ in range(8):
        model = model.refit(frames, labels, 2, passes=1)
        after = model.score(frames, state).sum()
        assert after >= before - 1e-2 * abs(before)
        before = after
    np.testing.assert_allclose(sorted(model.means[0, :, 0]), [-3, 3], atol=0.2)


def test_the_graph_lets_every_pause_be_skipped():
    index = {"a": 0, "b": 1, "sil": 2}
    chain = graph.build((Word("ab", ("a", "b")), Word("b", ("b",))), index)
    assert [label for label, _ in chain.units] == ["sil", "a", "b", "sil", "b", "sil"]
    assert np.flatnonzero(chain.skip_from >= 0).tolist() == [12]
    assert chain.skip_from[12] == 8


def test_segments_lie_on_the_hop_and_reach_the_end():
    chain = graph.build((Word("ab", ("a", "b")),), {"a": 0, "b": 1, "sil": 2})
    path = np.array([3, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11])
    found = chain.aligned("u", path, 5_000, 53_000)
    assert [(s.label, s.onset_us, s.offset_us) for s in found.phones] == [
        ("a", 0, 20_000),
        ("b", 20_000, 40_000),
        ("sil", 40_000, 53_000),
    ]
    assert [(s.label, s.onset_us, s.offset_us) for s in found.words] == [("ab", 0, 40_000)]


def test_a_click_sits_in_the_frame_it_should():
    samples = np.zeros(16_000, dtype=np.float32)
    samples[8_040] = 0.9  # 502.5 ms, the centre of frame 100
    energy = features.log_energy(samples, 200)
    assert abs(int(np.argmax(energy)) - 100) <= 2
    frames = features.features(samples)
    assert frames.shape == (200, features.N_FEATURES)
    loud = np.flatnonzero(np.abs(frames[:, 0] - np.median(frames[:, 0])) > 1.0)
    assert (loud[0] + loud[-1]) / 2 == pytest.approx(100, abs=1)


@pytest.fixture(scope="module")
def spoken():
    """A minute of one synthetic voice, each utterance made ready and as samples, with its truth."""
    import soxr

    spoken, truth = [], []
    for index in range(30):
        text = f"{TEXTS[index % 6]}, {TEXTS[(index * 5 + index // 6) % 6]}"
        speech = synthesize(text, Voice("es", "m3", 50, 150), index)
        samples = soxr.resample(speech.samples.astype(np.float32) / 32768, speech.sample_rate, 16_000)
        samples = (samples + 0.003 * np.random.default_rng(index).standard_normal(len(samples))).astype(np.float32)
        words = [
            Word(w.label, tuple(p.label for p in speech.phones if w.start <= p.start < w.end and p.label != "sil"))
            for w in speech.words
        ]
        spoken.append((aligner.prepare(str(index), samples, tuple(words)), samples))
        edges = sorted({t for p in speech.phones for t in (p.start, p.end)})[1:-1]
        truth.append([round(t * 1e6 / speech.sample_rate) for t in edges])
    return spoken, truth


def test_a_flat_start_finds_the_boundaries(spoken):
    pairs, truth = spoken
    items = [item for item, _ in pairs]
    model = aligner.train(items, aligner.HmmOptions(iterations=10, components=2))
    aligned = [aligner.align(model, *pair) for pair in pairs]
    score = score_boundaries((), ())
    for reference, found in zip(truth, aligned, strict=True):
        score += score_boundaries(reference, [phone.onset_us for phone in found.phones][1:])
    assert score.f1(30) > 0.75
    assert abs(score.mean_error_ms) < 15
    for item, found in zip(items, aligned, strict=True):
        assert found.phones[0].onset_us == 0
        assert found.phones[-1].offset_us == item.duration_us
        assert all(a.offset_us == b.onset_us for a, b in itertools.pairwise(found.phones))


def test_training_again_aligns_the_same_in_any_order(spoken):
    pairs = spoken[0][:10]
    first, again = (
        aligner.train([item for item, _ in pairs], aligner.HmmOptions(iterations=5, components=2)) for _ in "ab"
    )
    aligned = [aligner.align(first, *pair) for pair in pairs]
    assert [aligner.align(again, *pair) for pair in reversed(pairs)] == aligned[::-1]


def test_what_cannot_be_aligned_says_why(spoken):
    pairs = spoken[0][:5]
    model = aligner.train([item for item, _ in pairs], aligner.HmmOptions(iterations=1, components=1))
    item, samples = pairs[0]
    frames = item.frames[:100], item.log_energy[:100]
    strange = aligner.Item("x", (Word("q", ("ʘ",)),), *frames, 1_000_000)
    with pytest.raises(AlignmentFailure, match="ʘ"):
        aligner.align(model, strange, samples)
    long = aligner.Item("x", item.words * 50, *frames, 1_000_000)
    with pytest.raises(AlignmentFailure, match="too few"):
        aligner.align(model, long, samples)


def ringing(end_s, decay_s):
    """A second of noise that stops at `end_s`, and rings on 12 dB lower."""
    rng = np.random.default_rng(0)
    time = np.arange(16_000) / 16_000
    after = 10 ** (-12 / 20) * np.exp(-np.maximum(0, time - end_s) / decay_s)
    return (0.1 * rng.standard_normal(16_000) * np.where(time < end_s, 1.0, after)).astype(np.float32)


def found(*phones):
    edges = [(label, onset, offset) for label, onset, offset in phones]
    return Aligned("u", tuple(Segment(*edge) for edge in edges), (Segment("w", phones[0][1], phones[-1][2]),))


@pytest.mark.parametrize("label", ["t", "t͡ʃ", "ɡ"])
def test_a_stop_begins_where_the_sound_is_cut_off_though_the_room_rings_on(label):
    before = found(("a", 0, 530_000), (label, 530_000, 1_000_000))
    after = stop_closures.sharpen(before, stop_closures.level_db(ringing(0.5, 0.05)))
    assert after.phones[0].offset_us == after.phones[1].onset_us == pytest.approx(500_000, abs=5_000)
    assert after.words == before.words


@pytest.mark.parametrize(("left", "right"), [("a", "n"), ("a", "sil"), ("sil", "t"), ("k", "t")])
def test_other_boundaries_stay(left, right):
    before = found((left, 0, 530_000), (right, 530_000, 1_000_000))
    assert stop_closures.sharpen(before, stop_closures.level_db(ringing(0.5, 0.05))) == before


def test_without_a_fall_a_stop_stays_and_no_phone_vanishes():
    steady = stop_closures.level_db(ringing(2.0, 0.05))
    before = found(("a", 0, 530_000), ("t", 530_000, 1_000_000))
    assert stop_closures.sharpen(before, steady) == before
    level = stop_closures.level_db(ringing(0.5, 0.05))
    short = stop_closures.sharpen(found(("a", 0, 495_000), ("e", 495_000, 512_000), ("t", 512_000, 1_000_000)), level)
    assert short.phones[1].offset_us - short.phones[1].onset_us >= 15_000


def test_boundaries_move_earlier_and_the_edges_stay():
    before = Aligned(
        "u",
        (Segment("a", 0, 2_000), Segment("b", 2_000, 9_000), Segment("c", 9_000, 20_000)),
        (Segment("w", 2_000, 20_000),),
    )
    after = before.earlier(2_500)
    assert after.phones == (Segment("b", 0, 6_500), Segment("c", 6_500, 20_000))
    assert after.words == (Segment("w", 0, 20_000),)
