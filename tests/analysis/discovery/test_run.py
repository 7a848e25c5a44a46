"""Word discovery, whole: laws, nulls, what cannot be had; the package itself is in `test_discovery_package`."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from analysis.discovery.run import run
from analysis.discovery.scores import FAMILIES, NED, SCORES
from analysis.metrics.registry import METRICS, metric_of
from analysis.statistics.jackknife import jackknife
from hac.data.segments import runs_of
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.discovery.discovery_counts import shifted, words_to_find
from probes.nulls.circular_shift import speaker_rings, utterance_rings
from reports.discovery.tables import discovery_table
from reports.render.result_files import write_numbers
from tests.analysis.discovery import worlds as slow
from tests.analysis.discovery.worlds import (
    QUICK,
    World,
    make_world,
    perfect,
    random_segments,
    record,
    say,
    score,
    worlds,
)
from tests.strategies import bounds


@pytest.mark.parametrize("seed", [0, 1])
def test_the_words_themselves_score_best(seed: int) -> None:
    """No two words alike, each said in one way: everything is found, and classes are pure."""
    outcome = score(perfect(make_world(seed=seed)))
    for metric in SCORES:
        found = outcome.results.get(f"found.{metric}")
        assert found.value == (0 if metric == NED else 1), metric
        assert metric == NED or found.estimate == 1 or (found.null_mean == 1 and "chance alone" in found.note)
    assert record(outcome, "token_f1").null_mean < 0.3
    assert record(outcome, "ned").null_mean > 0.3


def test_one_segment_over_everything_finds_nothing() -> None:
    world = make_world()
    outcome = score(world.finding(*[[("x", 0, speech.end)] for speech in world.speeches]))
    for metric in ("token_precision", "token_recall", "token_f1", "type_f1", "boundary_f1"):
        assert record(outcome, metric).value == 0
    assert record(outcome, "coverage").value == 1
    assert "the same number without each cluster" in record(outcome, "token_f1").note


def test_segments_that_know_nothing_score_at_chance() -> None:
    """On average over five corpora: a single one is too small to tell."""
    outcomes = [score(random_segments(make_world(seed=seed), n=20, seed=seed)) for seed in range(5)]
    for metric in ("token_f1", "boundary_f1", "coverage", "ned"):
        found = [record(outcome, metric) for outcome in outcomes]
        assert abs(np.mean([r.value - r.null_mean for r in found])) < 0.03, metric
    assert np.mean([record(outcome, "boundary_f1").value for outcome in outcomes]) > 0.1, "or the test is idle"


def test_every_score_has_a_record_an_interval_and_a_protocol() -> None:
    outcome = score(random_segments(make_world()))
    assert [r.id for r in outcome.results.metrics] == [f"found.{metric}" for metric in SCORES]
    for found in outcome.results.metrics:
        metric = metric_of(found.id)
        assert found.protocol in outcome.results.protocols
        assert found.ci_low < found.estimate < found.ci_high, found.id
        assert math.isfinite(found.null_mean)
        assert math.isfinite(found.null_sd)
        assert found.is_corrected == metric.is_corrected
        assert found.note == "clusters: 12 (speaker)"
        assert found.ci_method == "cluster-jackknife-t"
    assert outcome.results.protocols["tde"]["scorer"] == "zerospeech-tde 2.0.3"
    assert {metric for metric in METRICS if metric.startswith("discovery")} == set(SCORES)


def test_intervals_are_those_of_the_speakers_own_counts() -> None:
    """From slow counts of all speakers but each."""
    world = random_segments(make_world(n_utterances=24), n=20)
    outcome = score(world, protocol=replace(QUICK, n_nulls=0))
    speakers = sorted(set(world.speakers))
    of = {who: [s for s, mine in zip(world.speeches, world.speakers, strict=True) if mine == who] for who in speakers}
    sums = [slow.totals(of[who]) for who in speakers]
    tokens, types = record(outcome, "token_f1"), record(outcome, "type_f1")
    rest = [slow.totals([s for other in speakers if other != who for s in of[other]]) for who in speakers]
    for found, (hits, segments, words) in ((tokens, FAMILIES["token"]), (types, FAMILIES["type"])):
        left_out = np.array([2 * n[hits] / (n[segments] + n[words]) for n in rest])
        expected = jackknife(found.value, left_out)
        assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high)), found.id
    assert tokens.n == sum(n["segments"] + n["words"] for n in sums)


def test_names_of_classes_and_ids_do_not_matter() -> None:
    world = random_segments(make_world(n_utterances=12))
    odd = tuple(f"{i} \"täg\" '東京' Class;{i}" for i in range(12))
    renamed = replace(world, ids=odd).finding(
        *[[(f"zz {9 - int(c)}", a, b) for c, a, b in speech.segments] for speech in world.speeches]
    )
    for a, b in zip(score(world).results.metrics, score(renamed).results.metrics, strict=True):
        assert a.value == pytest.approx(b.value, abs=1e-12), a.id
        assert a.n == b.n


def test_processes_change_nothing(tmp_path: Path) -> None:
    world = random_segments(make_world(n_utterances=12))
    alone, several = score(world, jobs=1).results, score(world, jobs=2).results
    # as JSON, where NaN is equal to itself
    assert [r.model_dump_json() for r in alone.metrics] == [r.model_dump_json() for r in several.metrics]
    written = write_numbers(alone, tmp_path / "out")
    assert [path.name for path in written] == ["metrics.csv", "jackknife.parquet", "results.json"]
    assert all(path.exists() for path in written)


def test_ned_is_left_out_rather_than_sampled() -> None:
    world = random_segments(make_world())
    whole = score(world)
    facts = whole.results.coverage["segments"]["found"]
    assert facts["pairs_compared"] > 0
    outcome = score(world, protocol=replace(QUICK, max_pairs=facts["pairs_compared"] - 1))
    found = record(outcome, "ned")
    assert math.isnan(found.value)
    assert math.isnan(found.ci_low)
    assert f"left out: {facts['pairs_compared']:,} pairs" in found.note
    assert any("NED was left out" in warning for warning in outcome.results.warnings)
    assert record(outcome, "token_f1") == record(whole, "token_f1")
    assert outcome.results.coverage["segments"]["found"]["pairs"] == facts["pairs"]


def test_no_segment_at_all_is_undefined_and_says_why() -> None:
    """One segment of 1 ms holds no phone: there is nothing to be precise about, and nothing is found."""
    world = make_world(n_utterances=12)
    outcome = score(world.finding([("x", 0, 1)], *[[]] * 11))
    assert math.isnan(record(outcome, "token_precision").value)
    assert "undefined: there are no segments that hold a phone" in record(outcome, "token_precision").note
    assert record(outcome, "token_recall").value == 0
    assert math.isnan(record(outcome, "token_f1").value)
    assert record(outcome, "coverage").value == 0


def test_utterances_without_segments_or_words_still_count() -> None:
    """Words of an utterance in which nothing was found were not found; a segment where no word is is a false one."""
    spoken, silent = say(("a", [("a", 101)])), say(("", [("sil", 301)]), ("", [("n", 101)]))
    world = World((spoken.found(("x", 0, 101)), spoken, silent.found(("x", 301, 402))))
    outcome = score(world)
    assert record(outcome, "token_recall").value == 0.5
    assert record(outcome, "token_precision").value == 0.5


@given(data=st.data(), world=worlds(), draw=st.integers(0, 5))
def test_shifted_segments_hold_the_same_time_in_each_class(data: st.DataObject, world: World, draw: int) -> None:
    speakers = data.draw(st.lists(st.sampled_from(["anna", "ben"]), min_size=len(world.ids), max_size=len(world.ids)))
    segments = world.tier("segments")
    durations = np.array([speech.end * 1000 for speech in world.speeches], np.int64)
    rings = speaker_rings(world.ids, ["en"] * len(world.ids), speakers)
    shifts = rings.shifts(durations, Fraction(1_000_000), draw, 0)
    moved = shifted(segments, durations, rings, shifts)
    members = [rings.order[a:b].tolist() for a, b in pairwise(rings.bounds.tolist())]
    assert sorted(moved.rows()) == sorted(moved_slowly(list(segments.rows()), world.ids, durations, members, shifts))
    assert (moved.offset_us - moved.onset_us).sum() == (segments.offset_us - segments.onset_us).sum()
    if draw == 0:
        assert sorted(moved.rows()) == sorted(segments.rows())


def moved_slowly(
    rows: list[tuple[str, str, int, int]],
    ids: tuple[str, ...],
    durations: np.ndarray,
    members: list[list[int]],
    shifts: np.ndarray,
) -> list[tuple[str, str, int, int]]:
    """Every segment against every utterance of its ring, which is gone round twice."""
    found = []
    for ring, shift in zip(members, shifts.tolist(), strict=True):
        begins = {ids[u]: int(sum(durations[ring[:i]])) for i, u in enumerate(ring)}
        total = int(sum(durations[ring]))
        for id, label, onset, offset in rows:
            for turn in (0, total) if id in begins else ():
                for u in ring:
                    move = begins[id] - shift + turn - begins[ids[u]]
                    a, b = max(onset + move, 0), min(offset + move, int(durations[u]))
                    if a < b:
                        found.append((ids[u], label, a, b))
    return found


def test_a_segment_across_the_end_is_cut_in_two() -> None:
    world = World((say(("a", [("a", 1000)])).found(("x", 0, 300), ("y", 300, 1000)),))
    moved = shifted(world.tier("segments"), np.array([1_000_000]), utterance_rings(world.ids), np.array([200_000]))
    assert [row[1:] for row in moved.rows()] == [
        ("x", 0, 100_000),
        ("y", 100_000, 800_000),
        ("x", 800_000, 1_000_000),
    ]


def test_words_that_cannot_be_found_are_counted_apart() -> None:
    speech = say(("", [("sil", 300)]), ("cat", [("k", 60), ("a", 60), ("t", 60)]), ("", [("spn", 200)]))
    words = (("empty", 320, 320), ("quiet", 0, 300), *speech.words, ("laughs", 480, 680), ("half", 330, 420))
    world = World((replace(speech, words=words),))
    kept, counts = words_to_find(world.tier("words"), world.tier("phones"), ("sil", "spn"))
    assert sorted(kept.vocabulary[i] for i in kept.labels) == ["cat", "half"]
    assert counts == {"found": 5, "without_duration": 1, "without_phones": 2, "edges_within_phones": 1}


def test_no_word_is_an_error() -> None:
    with pytest.raises(HacError, match="no word to find in 1 utterances"):
        score(World((replace(say(("", [("sil", 300)])), words=(("quiet", 0, 300),)).found(("x", 0, 300)),)))


def test_runs_of_a_stream_are_its_segments() -> None:
    """A stream that says at every frame which word it is: 10 ms a frame, durations whole frames."""
    speech = say(
        ("", [("sil", 200)]), ("cat", [("k", 60), ("a", 60), ("t", 60)]), ("a", [("a", 80)]), ("", [("sil", 200)])
    )
    codes = [0] * 20 + [1] * 18 + [2] * 8 + [0] * 20
    world = World((speech,) * 12)
    stream = Stream("lexical", 4, Fraction(100), np.array(codes * 12, np.int32), bounds([len(codes)] * 12))
    request = replace(
        world.request(), tokens=TokenStore(world.ids, {"lexical": stream}, {"tokenizer": "t"}), streams=("lexical",)
    )
    told: list[str] = []
    outcome = run(request, 1, say=told.append)
    assert record(outcome, "token_f1", "lexical").value == pytest.approx(2 * 24 / (48 + 24))
    assert record(outcome, "token_recall", "lexical").value == 1
    assert record(outcome, "coverage", "lexical").value == 1
    assert outcome.results.streams["lexical"].used_codes == 3
    pairs = 2 * (12 * 11 // 2) + 24 * 23 // 2
    assert told == [f"lexical: 48 segments in 3 classes, {pairs} pairs in a class at most"]
    again = score(world.finding(*[as_ms(runs_of(stream, world.ids), u) for u in range(12)]))
    for metric in SCORES:
        one, other = outcome.results.get(f"lexical.{metric}"), again.results.get(f"found.{metric}")
        expected = pytest.approx([other.value, other.null_mean, other.ci_low], nan_ok=True)
        assert [one.value, one.null_mean, one.ci_low] == expected


def as_ms(tier: object, u: int) -> list[tuple[str, int, int]]:
    return [(label, a // 1000, b // 1000) for id, label, a, b in tier.rows() if id == tier.ids[u]]


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tde"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tde", None)
    with pytest.raises(HacError, match=r"pip install 'hac-codec\[discovery\]'"):
        score(perfect(make_world(n_utterances=2)))


def test_the_table_shows_every_score() -> None:
    console = Console(file=StringIO(), width=120)
    console.print(discovery_table(score(random_segments(make_world(n_utterances=12)), "my [bold]words").results))
    text = console.file.getvalue()
    for metric in SCORES:
        assert METRICS[metric].title in text
    assert "my [bold]words" in text
    assert "lower is better" in text
