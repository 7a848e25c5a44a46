"""The look at held-out utterances while training goes on."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import homogeneity_score

from hac.data.alignments.alignment import read_alignments, tier_from_rows
from hac.data.manifest.formats import read_manifest
from hac.judges.stoi import stoi
from hac.model.config import LEVELS
from hac.train.config_sections import ValidationConfig
from hac.train.loop import _not_needed
from hac.train.validation import _at_centres, _Sums, light_pnmi, validate
from tests.hac.tiny_hac import one_thread
from tests.hac.train.tiny_run import (
    BOTH_TEACHERS,
    RATE,
    fake_speech_targets,
    fake_text_targets,
    tiny_config,
    tiny_corpus,
    tiny_dataset,
    tiny_networks,
)
from tests.strategies import LABELS, partitions

__all__ = ["one_thread"]  # a fixture that runs by itself


# phones at frame centres


@settings(max_examples=60)
@given(
    before=partitions(),
    own=partitions(),
    gap=st.booleans(),
    n=st.integers(0, 40),
    rate=st.sampled_from([Fraction(50), Fraction(75), Fraction(25, 2), Fraction(100)]),
)
def test_labels_at_centres_are_the_slow_ones(before, own, gap, n, rate):
    if gap:
        own = own[1::2]  # labels that leave holes, and begin late
    rows = [("a", *interval) for interval in before] + [("b", *interval) for interval in own]
    tier = tier_from_rows("phones", rows, LABELS, ["a", "b", "c"])
    slow = []
    for i in range(n):
        centre_us = (i + Fraction(1, 2)) / rate * 1_000_000
        inside = [LABELS.index(label) for label, onset, offset in own if onset <= centre_us < offset]
        slow.append(inside[0] if inside else -1)
    assert _at_centres(tier, 1, n, float(rate)).tolist() == slow
    assert _at_centres(tier, 2, n, float(rate)).tolist() == [-1] * n


# the light PNMI

HAND = tier_from_rows(
    "phones",
    [("a", "AA", 0, 40_000), ("a", "B", 40_000, 100_000), ("b", "B", 20_000, 60_000), ("b", "S", 60_000, 80_000)],
)
# at 50 frames/s: a is AA AA B B B, b is nothing, B, B, S, nothing
CODES = {
    "a": {"follows": np.array([1, 1, 2, 2, 2]), "mixed": np.array([0, 1, 1, 0, 2]), "constant": np.full(5, 4)},
    "b": {"follows": np.array([9, 2, 2, 3, 9]), "mixed": np.array([5, 0, 2, 2, 5]), "constant": np.full(5, 4)},
}


def test_pnmi_by_hand():
    found = light_pnmi(CODES, HAND, 50.0, 3)
    assert set(found) == {
        f"validation/{stream}/pnmi{end}" for stream in CODES["a"] for end in ("", "_null", "_corrected")
    }
    phones = [0, 0, 1, 1, 1, 1, 1, 2]
    assert found["validation/follows/pnmi"] == pytest.approx(1.0)
    assert found["validation/constant/pnmi"] == pytest.approx(0.0)
    expected = homogeneity_score(phones, [0, 1, 1, 0, 2, 0, 2, 2])
    assert found["validation/mixed/pnmi"] == pytest.approx(expected)
    # and by the definition: H(phone) - H(phone | code) over H(phone)
    shares = [2 / 8, 5 / 8, 1 / 8]
    total = -sum(p * math.log(p) for p in shares)
    given_code = 3 / 8 * _entropy(1, 2) + 2 / 8 * _entropy(1, 1) + 3 / 8 * _entropy(2, 1)
    assert expected == pytest.approx(1 - given_code / total)
    for stream in CODES["a"]:
        value, null = (found[f"validation/{stream}/pnmi{end}"] for end in ("", "_null"))
        assert found[f"validation/{stream}/pnmi_corrected"] == pytest.approx((value - null) / (1 - null))


def _entropy(*counts):
    return -sum(c / sum(counts) * math.log(c / sum(counts)) for c in counts)


def made_up(n_utterances=40, n_frames=80, seed=0):
    """Phones of a few frames each, codes that follow them, and codes that know nothing."""
    rng = np.random.default_rng(seed)
    rows, codes = [], {}
    for u in range(n_utterances):
        lengths = rng.integers(2, 8, n_frames)
        phones = np.repeat(rng.integers(0, 6, n_frames), lengths)[:n_frames]
        rows += [(f"u{u}", f"P{p}", 20_000 * i, 20_000 * (i + 1)) for i, p in enumerate(phones)]
        codes[f"u{u}"] = {
            "follows": phones * 3 + rng.integers(0, 3, n_frames),
            "independent": np.repeat(rng.integers(0, 18, n_frames), 5)[:n_frames],
        }
    return codes, tier_from_rows("phones", rows)


def test_the_null_is_below_what_follows_the_phones():
    codes, tier = made_up()
    found = light_pnmi(codes, tier, 50.0, 3)
    assert found["validation/follows/pnmi"] == pytest.approx(1.0)
    assert found["validation/follows/pnmi_null"] < 0.1
    assert found["validation/follows/pnmi_corrected"] == pytest.approx(1.0)
    # of the codes that know nothing, the null takes away what chance gives
    assert found["validation/independent/pnmi"] > 0.01
    assert abs(found["validation/independent/pnmi_corrected"]) < 0.02
    assert light_pnmi(codes, tier, 50.0, 3) == found


def test_utterances_without_alignment_are_left_out():
    strangers = {"z": {name: np.arange(7) for name in CODES["a"]}}
    assert light_pnmi(CODES | strangers, HAND, 50.0, 2) == light_pnmi(CODES, HAND, 50.0, 2)
    assert light_pnmi(strangers, HAND, 50.0, 2) == {}


def test_what_is_undefined_is_not_measured():
    one_phone = tier_from_rows("phones", [("a", "AA", 0, 100_000)])
    late = tier_from_rows("phones", [("a", "AA", 900_000, 950_000), ("a", "B", 950_000, 990_000)])
    for tier in (one_phone, late):
        assert light_pnmi({"a": CODES["a"]}, tier, 50.0, 2) == {}


# means


def test_means_are_weighted_and_the_undefined_is_counted():
    sums = _Sums()
    sums.add("a", 1.0, 3.0)
    sums.add("a", 5.0)
    for value in (float("nan"), float("inf")):
        sums.add("a", value)
        sums.add("b", value)
    assert sums.means() == {"a": 2.0, "a_undefined": 2.0, "b_undefined": 2.0}


# all of it


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return read_manifest(tiny_corpus(folder)), read_alignments(folder / "alignments.parquet").phones


def run(corpus, **options):
    """A validation of untrained networks with both teachers."""
    manifest, phones = corpus
    config = tiny_config(BOTH_TEACHERS)
    networks = tiny_networks(config)
    lengths = {u.id: round(u.duration * RATE) for u in manifest.utterances}
    texts = fake_text_targets(manifest.ids)
    texts["utt-7"] = texts["utt-0"]  # the same sentence twice
    dataset = tiny_dataset(
        manifest, config, speech=fake_speech_targets(lengths), text=texts, augmented=False, **options
    )
    return networks, dataset, phones


def test_a_validation_measures_everything(corpus):
    networks, dataset, phones = run(corpus)
    before = {name: value.clone() for name, value in networks.generator.state_dict().items()}
    found = validate(networks.generator, dataset, phones, networks.mel, ValidationConfig(clips=2, shifts=2))
    assert networks.generator.training
    assert all(torch.equal(value, before[name]) for name, value in networks.generator.state_dict().items())
    streams = ("acoustic.0", "acoustic.1", "acoustic.2", "phonetic", "lexical")
    assert set(found.metrics) - {"validation/stoi_undefined"} == {
        "validation/mel",
        "validation/stoi",
        "validation/unreadable",
        "validation/phonetic/teacher_cosine",
        "validation/lexical/teacher_cosine",
        "validation/lexical/recall_at_1",
        "validation/lexical/recall_at_1_chance",
        *(f"validation/{level}/{end}" for level in LEVELS for end in ("explained", "stoi_without")),
        *(f"validation/{stream}/pnmi{end}" for stream in streams for end in ("", "_null", "_corrected")),
    }
    assert all(math.isfinite(value) for value in found.metrics.values())
    assert found.metrics["validation/lexical/recall_at_1_chance"] == pytest.approx(1 / 7)
    assert list(found.sounds) == ["utt-0", "utt-1"]

    # again, by the model's own front door, one utterance after the other
    model = networks.generator.model.eval()
    mels, cosines, weights, explained, without = [], [], [], [], []
    for index, id in enumerate(dataset.manifest.ids):
        audio = dataset.batch(0, [index]).audio
        with torch.no_grad():
            decoded = model(audio).audio_values
            vectors = networks.generator.heads["phonetic"](model.embed(audio, quantized=True).streams["phonetic"].mT)
        mels.append(float(networks.mel(decoded, audio)))
        target = torch.from_numpy(dataset.speech[id]).float()
        cosines.append(float(torch.cosine_similarity(vectors[0], target, dim=-1).mean()))
        weights.append(len(target))
        with torch.no_grad():
            latent = model.encoder(model.prepare(audio).samples)
            answer = model.embed(audio, quantized=True).streams["phonetic"].mT
            left = model.decode(model.encode(audio), ["acoustic", "lexical"])
        explained.append(1 - float(((latent - answer) ** 2).mean() / latent.var(2).mean()))
        without.append(stoi(decoded[0].numpy(), left[0].numpy(), RATE).value)
        if id in found.sounds:
            original, sound = found.sounds[id]
            assert np.array_equal(original, audio[0].numpy())
            np.testing.assert_allclose(sound, decoded[0].numpy(), atol=1e-5)
    assert found.metrics["validation/mel"] == pytest.approx(np.mean(mels), rel=1e-4)
    # frames count, not utterances
    assert found.metrics["validation/phonetic/teacher_cosine"] == pytest.approx(
        np.average(cosines, weights=weights), abs=1e-4
    )
    assert found.metrics["validation/phonetic/explained"] == pytest.approx(
        np.average(explained, weights=weights), abs=1e-3
    )
    assert found.metrics["validation/phonetic/stoi_without"] == pytest.approx(np.nanmean(without), abs=1e-3)


def test_utterances_are_spread_over_the_held_out_ones(corpus):
    networks, dataset, _ = run(corpus)
    networks.generator.eval()
    found = validate(
        networks.generator, dataset, None, networks.mel, ValidationConfig(clips=9, max_utterances=3, shifts=1)
    )
    assert list(found.sounds) == ["utt-0", "utt-4", "utt-7"]
    assert not networks.generator.training
    assert not any("pnmi" in name for name in found.metrics)
    again = validate(networks.generator, dataset, None, networks.mel, ValidationConfig(clips=0, max_utterances=3))
    assert again.metrics == found.metrics and not again.sounds


def test_a_level_that_the_decoder_does_not_need_is_named():
    assert _not_needed({"validation/phonetic/stoi_without": 0.6, "validation/stoi": 0.99}) == []
    (line,) = _not_needed({"validation/phonetic/stoi_without": 0.992, "validation/acoustic/stoi_without": 0.2})
    assert line.startswith("the phonetic level is not needed: ")
    assert "STOI 0.992 to the whole" in line
