"""How streams use their codebooks: equal to slow loops, and laws that hold for any tokens."""

from __future__ import annotations

import lzma
import math
import zlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.inputs.corpus import without_alignments
from analysis.metrics.registry import metric_of
from analysis.results.schema import Record
from analysis.statistics.entropy import entropy
from analysis.usage.compression import bits_per_frame
from analysis.usage.counts import UsageProtocol
from analysis.usage.kneser_ney import _levels, _probabilities, cross_entropy
from analysis.usage.run import Outcome, run
from analysis.usage.zipf import zipf_exponents
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from probes.clusters import Row, Rows
from probes.tokens.grams import code_grams
from tests.analysis.worlds import World, make_world
from tests.probes.tokens import oracles
from tests.strategies import bounds

QUICK = UsageProtocol(n_nulls=3, n_dear=2)
CORPORA = st.lists(st.lists(st.integers(0, 4), max_size=9), min_size=2, max_size=6).filter(any)


def stream_of(utterances: list[list[int]], size: int = 5, name: str = "units") -> Stream:
    codes = np.array([code for u in utterances for code in u], np.int32)
    return Stream(name, size, Fraction(50), codes, bounds([len(u) for u in utterances]))


def rows_of(n: int) -> Rows:
    """Every utterance a row of its own."""
    return Rows(tuple(Row("", "", i) for i in range(n)), np.arange(n))


def measure(world: World, *streams: Stream, protocol: UsageProtocol = QUICK, **more) -> Outcome:
    request = world.request(*streams, protocol=protocol, **more)
    return run(replace(request, labels=without_alignments(request.labels.manifest)), jobs=1)


def utterances_of(stream: Stream) -> list[list[int]]:
    return [stream.utterance(u).tolist() for u in range(len(stream.lengths))]


@given(CORPORA, st.integers(1, 3))
@settings(max_examples=60)
def test_entropies_and_those_without_a_cluster_are_the_slow_loops(utterances: list[list[int]], order: int) -> None:
    n = len(utterances)
    found = entropy(code_grams(stream_of(utterances), rows_of(n), order), np.arange(n), n)
    kept = [utterances, *([u for j, u in enumerate(utterances) if j != i] for i in range(len(utterances)))]
    for bias in ("plug-in", "miller-madow"):
        expected = [oracles.entropy(oracles.grams(each, order), bias) for each in kept]
        assert found.value(bias) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=12).filter(lambda counts: sum(n > 0 for n in counts) > 1))
def test_the_exponent_is_the_most_likely_one(counts: list[int]) -> None:
    found = zipf_exponents(np.array([counts, counts[::-1]], np.int64))
    assert found[0] == found[1]
    assert found[0] == pytest.approx(oracles.zipf(counts), abs=1e-4)


def test_a_planted_exponent_is_recovered() -> None:
    for s in (0.0, 0.7, 1.5):
        p = np.arange(1, 101) ** -s
        drawn = np.random.default_rng(0).multinomial(200_000, p / p.sum())
        assert zipf_exponents(drawn[None])[0] == pytest.approx(s, abs=0.03)  # a little too high, as documented
    assert math.isnan(zipf_exponents(np.array([[7, 0, 0]]))[0])


@given(CORPORA, st.integers(0, 2))
@settings(max_examples=40)
def test_held_out_losses_are_those_of_the_slow_model(utterances: list[list[int]], order: int) -> None:
    n = len(utterances)
    half = np.arange(n) % 2
    stream = stream_of(utterances)
    found = cross_entropy({k: code_grams(stream, rows_of(n), k) for k in range(1, order + 2)}, order, half, 5)
    for u, codes in enumerate(utterances):
        train = [each for i, each in enumerate(utterances) if half[i] != half[u]]
        tested = [tuple(codes[i - order : i + 1]) for i in range(order, len(codes))]
        expected = -math.fsum(math.log(oracles.kneser_ney(train, gram, 5)) for gram in tested)
        assert found.nats[u] == pytest.approx(expected, abs=1e-9)
        assert found.frames[u] == len(tested)


@given(CORPORA, st.integers(0, 2), st.lists(st.integers(0, 4), min_size=2, max_size=2))
@settings(max_examples=40)
def test_probabilities_sum_to_one(utterances: list[list[int]], order: int, context: list[int]) -> None:
    stream = stream_of(utterances)
    levels = _levels({k: code_grams(stream, rows_of(len(utterances)), k) for k in range(1, order + 2)}, order)
    asked = np.array([[*context[:order], code] for code in range(5)], np.int32)
    p = _probabilities(levels, asked, 5)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert (p > 0).all()


def test_compressed_sizes_are_those_of_the_library_and_can_be_undone() -> None:
    codes = np.random.default_rng(0).integers(0, 300, 500).astype(np.int32)
    packer = zlib.compressobj(9, wbits=-15)
    data = packer.compress(codes.astype("<u2").tobytes()) + packer.flush()
    assert bits_per_frame(codes, 300, "zlib-9") == 8 * len(data) / 500
    packed = lzma.compress(
        codes.astype("<u2").tobytes(),
        format=lzma.FORMAT_RAW,
        filters=[{"id": lzma.FILTER_LZMA2, "preset": 9, "pb": 1, "lp": 1, "lc": 3}],
    )
    assert bits_per_frame(codes, 300, "lzma-9") == 8 * len(packed) / 500
    for compressor in ("zlib-9", "lzma-9"):
        assert bits_per_frame(np.zeros(100_000, np.int32), 256, compressor) < 0.05
        assert bits_per_frame(codes, 300, compressor) > math.log2(300)
        assert math.isnan(bits_per_frame(codes[:0], 300, compressor))


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(12, 24, 12)


@pytest.fixture(scope="module")
def outcome(world: World) -> Outcome:
    """Tokens that follow the phones, and tokens that know nothing, at once."""
    return measure(world, world.knowing(), replace(world.independent(16, run=1), name="chance"))


def test_every_number_is_that_of_the_slow_loop(world: World, outcome: Outcome) -> None:
    tokens = utterances_of(world.knowing())
    found = outcome.results

    def value(id: str) -> float:
        return found.get(f"units.{id}").value

    for bias in ("plug-in", "miller-madow"):
        assert value(f"entropy[{bias}]") == pytest.approx(oracles.entropy(oracles.grams(tokens, 1), bias))
        for order in (1, 2):
            expected = oracles.conditional_entropy(tokens, order, bias)
            assert value(f"conditional_entropy[{order},{bias}]") == pytest.approx(expected)
    assert value("frame_mi[plug-in]") == pytest.approx(oracles.mutual_information(oracles.grams(tokens, 2)))
    used = {code for u in tokens for code in u}
    assert value("used_codes") == len(used)
    assert value("used_share") == len(used) / 8
    assert value("perplexity") == pytest.approx(math.exp(oracles.entropy(oracles.grams(tokens, 1))))
    assert value("zipf_exponent") == pytest.approx(oracles.zipf(list(oracles.grams(tokens, 1).values())), abs=1e-6)
    lengths = oracles.runs(tokens)
    assert value("run_frames") == pytest.approx(sum(lengths) / len(lengths))
    assert value("run_ms") == pytest.approx(20 * sum(lengths) / len(lengths))
    assert value("run_median_ms") == 20 * sorted(lengths)[(len(lengths) + 1) // 2 - 1]
    other = utterances_of(replace(world.independent(16, run=1)))
    pairs = Counter((a, b) for one, two in zip(tokens, other, strict=True) for a, b in zip(one, two, strict=True))
    assert value("stream_mi[chance]") == pytest.approx(oracles.mutual_information(pairs))
    assert value("bitrate[nominal]") == 50 * 3
    assert value("bitrate[1,plug-in]") == pytest.approx(50 * value("conditional_entropy[1,plug-in]") / math.log(2))
    german = [u for u, language in zip(tokens, world.languages, strict=True) if language == "de"]
    record = found.get("units.conditional_entropy[1,plug-in]", "language=de")
    assert record.value == pytest.approx(oracles.conditional_entropy(german, 1))


def test_every_record_has_its_metric_null_and_interval(outcome: Outcome) -> None:
    for record in outcome.results.metrics:
        metric = metric_of(record.id)
        assert record.protocol in outcome.results.protocols
        assert "clusters: " in record.note
        # shuffling changes nothing at order 0
        if metric.has_null and not record.id.endswith(("[nominal]", "[0]")) and "[0," not in record.id:
            assert math.isfinite(record.null_mean), record.id
        assert math.isfinite(record.ci_low) or "no interval" in record.note, record.id
        if math.isfinite(record.ci_low):
            assert record.ci_low < record.estimate < record.ci_high, record.id


def test_bits_per_second_can_be_paired_with_those_of_another_run(outcome: Outcome) -> None:
    entropy, rate = outcome.results.get("units.entropy[plug-in]"), outcome.results.get("units.bitrate[0,plug-in]")
    assert entropy.left_out is not None and rate.left_out is not None
    np.testing.assert_allclose(rate.left_out.values, entropy.left_out.values * (rate.value / entropy.value), rtol=1e-12)


def test_speech_is_foretold_and_chance_is_not(outcome: Outcome) -> None:
    def record(id: str) -> Record:
        return outcome.results.get(id)

    known = record("units.cross_entropy[1]")
    assert known.ci_high < known.null_mean - 10 * known.null_sd
    assert record("units.run_frames").ci_low > record("units.run_frames").null_mean + 0.5
    assert record("units.compressed[lzma-9]").ci_high < record("units.compressed[lzma-9]").null_mean
    for id in ("conditional_entropy[1,plug-in]", "frame_mi[plug-in]", "run_frames", "cross_entropy[1]"):
        chance = record(f"chance.{id}")
        spread = 4 * chance.null_sd + (chance.ci_high - chance.ci_low) / 2
        assert abs(chance.value - chance.null_mean) < spread, id
    shared = record("units.stream_mi[chance]")
    assert abs(shared.value - shared.null_mean) < 4 * shared.null_sd + 0.01


def test_bounds_of_the_entropy_rate_lie_in_order(outcome: Outcome) -> None:
    for order in (1, 2):
        low = outcome.results.get(f"units.conditional_entropy[{order},plug-in]").value
        high = outcome.results.get(f"units.cross_entropy[{order}]").value
        assert low < outcome.results.get(f"units.conditional_entropy[{order},miller-madow]").value < high


def test_names_of_codes_do_not_matter_and_a_copy_shares_everything(world: World) -> None:
    stream = world.knowing()
    renamed = replace(stream, codes=np.array([5, 0, 7, 2, 1, 6, 3, 4], np.int32)[stream.codes], name="renamed")
    found = measure(world, stream, renamed).results
    h = found.get("units.entropy[plug-in]").value
    assert found.get("units.stream_mi[renamed]").value == pytest.approx(h)
    for record in found.metrics:
        if record.id.startswith("units.") and not any(name in record.id for name in ("compressed", "-9]", "stream_mi")):
            twin = found.get(record.id.replace("units.", "renamed."), record.group)
            assert (record.value, record.ci_low, record.null_mean) == pytest.approx(
                (twin.value, twin.ci_low, twin.null_mean), nan_ok=True, abs=1e-9
            )


def test_a_constant_and_a_cycle_need_no_bits() -> None:
    world = make_world(4, 8, 8)
    stream = world.knowing()
    place = np.arange(len(stream.codes)) - np.repeat(stream.bounds[:-1], stream.lengths)
    found = measure(
        world,
        replace(stream, name="constant", codes=np.zeros_like(stream.codes)),
        replace(stream, name="cycle", codes=(place % 8).astype(np.int32)),
    ).results
    assert found.get("constant.entropy[plug-in]").value == 0
    assert found.get("constant.perplexity").value == 1
    assert math.isnan(found.get("constant.zipf_exponent").value)
    assert "undefined" in found.get("constant.zipf_exponent").note
    assert found.get("cycle.conditional_entropy[1,plug-in]").value == pytest.approx(0, abs=1e-12)
    assert found.get("cycle.frame_mi[plug-in]").value == pytest.approx(math.log(8), abs=0.01)
    assert found.get("cycle.run_frames").value == 1
    assert found.get("constant.stream_mi[cycle]").value == pytest.approx(0, abs=1e-12)


def test_streams_of_two_rates_share_no_frames(world: World) -> None:
    fast = world.knowing(Fraction(75), name="fast")
    record = measure(world, world.knowing(), fast).results.get("units.stream_mi[fast]")
    assert math.isnan(record.value)
    assert "differ in their frames" in record.note


def test_tokens_alone_are_enough(world: World) -> None:
    request = world.request(world.knowing(), protocol=QUICK)
    found = run(replace(request, labels=without_alignments(None)), jobs=1).results
    assert any("no manifest" in warning for warning in found.warnings)
    assert found.coverage["utterances"]["in_manifest"] is None
    with_manifest = measure(world, world.knowing()).results
    for id in ("units.entropy[plug-in]", "units.conditional_entropy[2,plug-in]", "units.run_frames"):
        assert found.get(id).value == with_manifest.get(id).value


def test_utterances_without_a_row_are_counted(world: World) -> None:
    request = world.request(world.knowing(), protocol=QUICK)
    assert request.labels.manifest is not None
    part = request.labels.manifest.subset(world.ids[3:])
    found = run(replace(request, labels=without_alignments(part)), jobs=1).results
    assert found.failures == {"tokens-unmatched": 3}
    assert found.coverage["utterances"]["counted"] == len(world.ids) - 3


def test_a_stream_that_is_not_there(world: World) -> None:
    with pytest.raises(HacError, match="no stream 'lexical'; the tokens have units"):
        measure(world, world.knowing(), streams=("lexical",))


def test_utterances_of_no_or_one_frame_are_no_trouble() -> None:
    world = make_world(2, 4, 1)
    empty = replace(world.knowing(), codes=np.zeros(2, np.int32), bounds=np.array([0, 1, 1, 2, 2]))
    request = world.request(empty, protocol=QUICK)
    found = run(replace(request, labels=without_alignments(None)), jobs=1).results
    assert found.get("units.entropy[plug-in]").value == 0
    record = found.get("units.conditional_entropy[1,plug-in]")
    assert math.isnan(record.value)
    assert "no utterance is long enough" in record.note
    assert math.isnan(found.get("units.cross_entropy[2]").value)
