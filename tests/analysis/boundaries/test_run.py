"""Boundary scores, whole: laws that hold, values of the slow loop, and shards that add up to the bits of one run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from analysis.boundaries.counting import BoundaryProtocol
from analysis.boundaries.run import Outcome, run
from analysis.boundaries.scores import METRICS, record_id
from analysis.boundaries.shards import merge, run_shard
from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.results.schema import Record, write_results
from analysis.statistics.jackknife import jackknife
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from probes.boundaries.boundary_counts import EDGES, RULES, Edges
from tests.analysis.worlds import PHONES, World, make_world
from tests.oracles import Interval
from tests.probes.boundaries import oracles as slow
from tests.strategies import bounds

QUICK = BoundaryProtocol(tolerances_ms=(10, 20, 50), n_nulls=4)
GAP = ("", "sil", "sp", "<eps>")


def words_of(intervals: tuple[Interval, ...]) -> list[Interval]:
    """Words of four phones; between some of them lies a pause, which the tier names or leaves out."""
    inner = intervals[1:-1]
    words: list[Interval] = []
    for i in range(0, len(inner), 4):
        part = inner[i : i + 4]
        pause = i % 3 == 1 and len(part) > 2
        words.append((f"w{i % 5}", part[0][1], part[-2 if pause else -1][2]))
        if pause and i % 2:
            words.append((GAP[i % 4], part[-1][1], part[-1][2]))
    return words


def request(world: World, *streams: Stream, protocol: BoundaryProtocol = QUICK, **more) -> Request[BoundaryProtocol]:
    """A request with words beside the phones."""
    made = world.request(*streams, protocol=protocol, **more)
    rows = [(id, *word) for id, rows in zip(world.ids, world.intervals, strict=True) for word in words_of(rows)]
    tiers = {**made.labels.alignments.tiers, "words": tier_from_rows("words", rows)}
    return replace(made, labels=Labels(made.labels.manifest, Alignments(tiers, {})))


def get(outcome: Outcome, metric: str, tier: str = "phones", rule: str = "greedy", ms: int = 20, **more) -> Record:
    stream = more.pop("stream", "units")
    return outcome.results.get(record_id(stream, f"boundary_{metric}", tier, rule, ms), **more)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.mark.parametrize("edges", EDGES)
def test_the_values_are_those_of_the_slow_loop(edges: Edges) -> None:
    world = make_world(4, 6, 14)
    rate = Fraction(44100, 512)
    stream = world.knowing(rate)
    outcome = run(request(world, stream, protocol=replace(QUICK, edges=edges, n_nulls=2)), jobs=1)
    for tier in ("phones", "words"):
        for rule in RULES:
            for ms in QUICK.tolerances_ms:
                hits = n_est = n_ref = 0
                for u, rows in enumerate(world.intervals):
                    spoken = words_of(rows) if tier == "words" else rows
                    marks = [row for row in spoken if row[0] not in GAP] if tier == "words" else spoken
                    ref = slow.references(marks, edges)
                    est = slow.estimates(stream.utterance(u).tolist(), rate, edges)
                    hits += slow.RULES[rule](ref, est, Fraction(ms, 1000))
                    n_ref, n_est = n_ref + len(ref), n_est + len(est)
                for metric, value in slow.scores(hits, n_est, n_ref).items():
                    record = outcome.results.get(record_id("units", metric, tier, rule, ms))
                    assert record.value == pytest.approx(value, abs=1e-12)
                    assert record.n == (n_est if metric == "boundary_precision" else n_ref)
                    assert record.protocol == rule


@pytest.mark.parametrize("edges", EDGES)
def test_tokens_that_are_the_phones_score_one(edges: Edges) -> None:
    """At 1000 Hz and with boundaries on whole ms, change points are the boundaries, under every rule and tolerance."""
    rows, codes = [], []
    for u in range(4):
        ends = np.cumsum([61 + 7 * ((i + u) % 5) for i in range(12)])
        names = [("sil", *PHONES)[(i + u) % 8] for i in range(12)]
        rows.append(tuple(zip(names, [0, *(ends[:-1] * 1000).tolist()], (ends * 1000).tolist(), strict=True)))
        codes.append(np.repeat([("sil", *PHONES).index(name) for name in names], np.diff([0, *ends])))
    world = World(("a", "b", "c", "d"), ("en",) * 4, tuple(rows))
    stream = Stream("units", 8, Fraction(1000), np.concatenate(codes).astype(np.int32), bounds([len(c) for c in codes]))
    outcome = run(world.request(stream, protocol=replace(QUICK, edges=edges, tolerances_ms=(0, 10, 50))), jobs=1)
    for rule in RULES:
        for ms in (0, 10, 50):
            scores = [get(outcome, m, rule=rule, ms=ms).value for m in ("f1", "precision", "recall", "r_value")]
            assert scores == [1, 1, 1, 1]
            assert get(outcome, "os", rule=rule, ms=ms).value == 0
    assert get(outcome, "f1", ms=0).estimate == 1


def test_constant_tokens_score_zero(world: World) -> None:
    constant = replace(world.knowing(), codes=np.zeros_like(world.knowing().codes))
    outcome = run(request(world, constant), jobs=1)
    for tier in ("phones", "words"):
        f1 = get(outcome, "f1", tier)
        assert (f1.value, f1.null_mean, f1.estimate) == (0, 0, 0)
        assert math.isnan(f1.ci_low) and "the same number without each cluster" in f1.note
        assert get(outcome, "recall", tier).value == 0
        assert get(outcome, "os", tier).value == -1
        assert get(outcome, "r_value", tier).value == pytest.approx(1 - 1 / math.sqrt(2))
        precision = get(outcome, "precision", tier)
        assert math.isnan(precision.value)
        assert "the tokens never change" in precision.note
    assert outcome.results.get("units.run_ms").value == pytest.approx(sum(world.lengths(Fraction(50))) * 20 / 48)


def test_without_references_nothing_is_defined() -> None:
    """One interval an utterance has no inner boundary; the reason is in the note."""
    intervals = tuple((("AA", 0, 500_000 + i),) for i in range(4))
    world = World(("a", "b", "c", "d"), ("en",) * 4, intervals)
    outcome = run(world.request(world.independent(4), protocol=QUICK), jobs=1)
    for metric in METRICS:
        record = outcome.results.get(record_id("units", metric, "phones", "greedy", 20))
        assert math.isnan(record.value)
        assert math.isnan(record.ci_low)
        assert "no reference boundary" in record.note


def test_tokens_that_know_the_phones_are_far_from_chance(world: World) -> None:
    outcome = run(request(world, world.knowing(Fraction(100)), protocol=replace(QUICK, n_nulls=20)), jobs=1)
    f1 = get(outcome, "f1", ms=10)
    assert f1.value > 0.9
    assert f1.null_mean < 0.5
    assert 0.8 < f1.ci_low < f1.estimate < f1.ci_high
    assert f1.estimate == pytest.approx((f1.value - f1.null_mean) / (1 - f1.null_mean))


def test_independent_tokens_score_what_their_null_scores(world: World) -> None:
    outcome = run(request(world, world.independent(64), protocol=replace(QUICK, n_nulls=20)), jobs=1)
    for rule in RULES:
        f1 = get(outcome, "f1", rule=rule)
        assert f1.ci_low <= 0 <= f1.ci_high, rule
        assert f1.null_mean > 0.3, "chance is far from zero here, or the test is idle"


def test_nulls_and_intervals_are_those_of_their_definitions(world: World) -> None:
    """Nulls: tokens turned by the shifts, scored anew. Intervals: each speaker left out, counts added, divided once."""
    rate, n_nulls = Fraction(50), 3
    stream = world.knowing(rate)
    protocol = replace(QUICK, n_nulls=n_nulls, seed=5)
    world = replace(world, languages=("en",) * 48)
    f1 = get(run(request(world, stream, protocol=protocol), jobs=1), "f1")
    counts = np.zeros((n_nulls + 1, 12, 3))  # by draw and speaker: hits, estimates, references
    for r in range(n_nulls + 1):
        moved = world.shifted(stream, r, 5) if r else [stream.utterance(u).tolist() for u in range(48)]
        for u, (rows, codes) in enumerate(zip(world.intervals, moved, strict=True)):
            ref, est = slow.references(rows, "out"), slow.estimates(codes, rate, "out")
            counts[r, u % 12] += slow.greedy(ref, est, Fraction(20, 1000)), len(est), len(ref)
    scores = [2 * h / (e + n) for h, e, n in counts.sum(axis=1)]
    assert f1.value == pytest.approx(scores[0])
    assert f1.null_mean == pytest.approx(np.mean(scores[1:]))
    assert f1.null_sd == pytest.approx(np.std(scores[1:], ddof=1))
    estimates = []
    for left_out in (None, *range(12)):
        rest = [who for who in range(12) if who != left_out]
        value, *nulls = (2 * h / (e + n) for h, e, n in counts[:, rest].sum(axis=1))
        estimates.append((value - np.mean(nulls)) / (1 - np.mean(nulls)))
    assert f1.estimate == pytest.approx(estimates[0])
    around = jackknife(f1.estimate, np.array(estimates[1:]))
    assert (f1.ci_low, f1.ci_high) == pytest.approx((around.low, around.high))
    assert "12 (speaker)" in f1.note


def test_over_segmentation_has_a_null_but_no_correction(world: World) -> None:
    over = get(run(request(world, world.knowing()), jobs=1), "os")
    assert math.isfinite(over.null_mean)
    assert not over.is_corrected and over.estimate == over.value
    assert over.ci_low < over.value < over.ci_high


def test_languages_have_numbers_of_their_own(world: World) -> None:
    stream = world.knowing()
    outcome = run(request(world, stream), jobs=1)
    for language in ("en", "de"):
        picks = [u for u, name in enumerate(world.languages) if name == language]
        counted = [0, 0, 0]
        for u in picks:
            ref = slow.references(world.intervals[u], "out")
            est = slow.estimates(stream.utterance(u).tolist(), Fraction(50), "out")
            found = slow.greedy(ref, est, Fraction(20, 1000))
            counted = [a + b for a, b in zip(counted, (found, len(est), len(ref)), strict=True)]
        record = get(outcome, "f1", group=f"language={language}")
        assert record.value == pytest.approx(slow.scores(*counted)["boundary_f1"], abs=1e-12)
        assert record.note == "clusters: 6 (speaker)"
    with pytest.raises(KeyError):
        get(outcome, "f1", ms=50, group="language=en")


def test_the_only_language_is_the_corpus(world: World) -> None:
    outcome = run(request(replace(world, languages=("en",) * 48), world.knowing()), jobs=1)
    whole, language = get(outcome, "f1", ms=50), get(outcome, "f1", ms=50, group="language=en")
    assert whole == language.model_copy(update={"group": ""})


def test_edges_are_two_more_references_an_utterance(world: World) -> None:
    out, within = (run(request(world, world.knowing(), protocol=replace(QUICK, edges=e)), jobs=1) for e in EDGES)
    assert get(within, "recall").n == get(out, "recall").n + 2 * 48
    assert get(within, "precision").n == get(out, "precision").n + 2 * 48


def test_runs_last_as_long_as_groupby_says(world: World) -> None:
    stream = world.knowing(Fraction(75))
    results = run(request(world, stream), jobs=1).results
    runs = sorted(len(list(r)) for u in range(48) for _, r in groupby(stream.utterance(u).tolist()))
    frame = 1000 / 75
    run_ms = results.get("units.run_ms")
    assert run_ms.value == pytest.approx(sum(runs) / len(runs) * frame)
    assert run_ms.ci_low < run_ms.value < run_ms.ci_high
    assert run_ms.n == len(runs)
    for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9)):
        least = next(d for d in runs if sum(x <= d for x in runs) >= share * len(runs))
        assert results.get(f"units.run_{name}_ms").value == pytest.approx(least * frame)
    seconds = len(stream.codes) / 75
    assert results.get("units.runs_per_s").value == pytest.approx(len(runs) / seconds)
    words = [b - a for rows in world.intervals for name, a, b in words_of(rows) if name not in GAP]
    assert results.coverage["segments"]["words"]["n"] == len(words)
    assert results.coverage["segments"]["words"]["mean_ms"] == pytest.approx(sum(words) / len(words) / 1000)


def test_coarse_frames_are_warned_of(world: World) -> None:
    warnings = run(request(world, world.knowing(Fraction(25, 2))), jobs=1).results.warnings
    assert any("frames of 80 ms are too coarse for +/- 20 ms" in text and "50%" in text for text in warnings)
    assert not any("coarse" in text for text in run(request(world, world.knowing()), jobs=1).results.warnings)


def test_what_stands_for_all_is_the_first_where_the_usual_is_not_asked_for() -> None:
    assert BoundaryProtocol().headline == ("greedy", 20)
    assert BoundaryProtocol(rules=("midpoint", "nearest"), tolerances_ms=(30, 40)).headline == ("midpoint", 30)


@pytest.mark.parametrize("tolerances", [(), (-1,), (20, 1001)])
def test_tolerances_out_of_range_are_refused(tolerances: tuple[int, ...]) -> None:
    with pytest.raises(HacError, match="from 0 to 1000"):
        BoundaryProtocol(tolerances_ms=tolerances)


def test_tiers_are_those_asked_for(world: World) -> None:
    outcome = run(request(world, world.knowing(), protocol=replace(QUICK, tiers=("words",))), jobs=1)
    assert get(outcome, "f1", "words").n > 0
    with pytest.raises(KeyError):
        get(outcome, "f1", "phones")
    with pytest.raises(HacError, match="no tier 'words'"):
        run(world.request(world.knowing(), protocol=replace(QUICK, tiers=("words",))), jobs=1)
    with pytest.raises(HacError, match=r"'syllables'.*phones, words"):
        replace(QUICK, tiers=("syllables",))


def streams_of(world: World) -> tuple[Stream, Stream, Stream]:
    other = replace(world.independent(300, seed=4), name="acoustic.0")
    return world.knowing(), other, world.knowing(Fraction(44100, 512), name="phonetic")


def in_shards(world: World, n: int, folder: Path, **more) -> list[Path]:
    paths = [folder / f"shard-{i}" / "counts.parquet" for i in range(n)]
    for i, path in enumerate(paths):
        run_shard(request(world, *streams_of(world), **more), i, n, path, jobs=1)
    return paths


def text_of(outcome: Outcome, path: Path) -> dict:
    write_results(outcome.results, path)
    data = json.loads(path.read_text())
    data["provenance"].pop("shards", None)
    return data


@pytest.mark.parametrize("n_shards", [1, 2, 5])
@pytest.mark.parametrize("edges", EDGES)
def test_shards_merge_to_the_bits_of_one_run(n_shards: int, edges: Edges, tmp_path: Path) -> None:
    world = make_world(3, 12, 12)
    protocol = replace(QUICK, edges=edges, tolerances_ms=(20,), n_nulls=2)
    whole = run(request(world, *streams_of(world), protocol=protocol), jobs=1)
    merged = merge(in_shards(world, n_shards, tmp_path, protocol=protocol)[::-1], jobs=1)
    assert text_of(merged, tmp_path / "merged.json") == text_of(whole, tmp_path / "whole.json")
    for a, b in zip([*whole.runs, *whole.labels], [*merged.runs, *merged.labels], strict=True):
        assert a.to_dict() == b.to_dict()
        assert np.array_equal(a.histogram, b.histogram)
        assert np.array_equal(a.durations_ms, b.durations_ms)
        assert np.array_equal(a.counts, b.counts)


def test_more_shards_than_utterances_add_up_too(tmp_path: Path) -> None:
    world = make_world(2, 3, 8)
    more = {"protocol": replace(QUICK, n_nulls=2), "streams": ("units", "acoustic.0+units")}
    whole = run(request(world, *streams_of(world), **more), jobs=1)
    merged = merge(in_shards(world, 5, tmp_path, **more), jobs=1)
    assert text_of(merged, tmp_path / "merged.json") == text_of(whole, tmp_path / "whole.json")
    assert get(merged, "f1", stream="acoustic.0+units").n > 0


def test_shards_of_another_protocol_do_not_add(tmp_path: Path) -> None:
    world = make_world(2, 4, 8)
    paths = in_shards(world, 2, tmp_path / "a", protocol=replace(QUICK, n_nulls=2))
    others = in_shards(world, 2, tmp_path / "b", protocol=replace(QUICK, n_nulls=2, edges="in"))
    with pytest.raises(HacError, match="different jobs"):
        merge([paths[0], others[1]], jobs=1)


def test_processes_change_nothing(world: World, tmp_path: Path) -> None:
    made = request(world, world.knowing(), protocol=replace(QUICK, n_nulls=2))
    alone, both = (text_of(run(made, jobs), tmp_path / f"{jobs}.json") for jobs in (1, 2))
    assert alone == both
