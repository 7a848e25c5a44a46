"""The main job, whole: laws that hold whatever the convention, and shards that add up to the bits of one run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from analysis.pnmi.counting import Protocol
from analysis.pnmi.run import Outcome, run
from analysis.pnmi.shards import merge, run_shard
from analysis.results.schema import Record, write_results
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from probes.joint_counts.frame_labels import CONVENTIONS
from reports.pnmi.files import pnmi_files
from reports.render.result_files import write_run
from tests import oracles
from tests.analysis.worlds import PHONES, QUICK, World, make_world, scored_whole
from tests.strategies import RATES


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


def pnmi(outcome: Outcome, stream: str = "units", group: str = "") -> Record:
    return outcome.results.get(f"{stream}.pnmi", group)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(44100, 512)], ids=str)
def test_the_value_is_that_of_the_slow_loop(convention: str, rate: Fraction) -> None:
    world = make_world(4, 8, 8)
    stream = world.knowing(rate)
    outcome = run(world.request(stream, protocol=replace(QUICK, convention=convention, n_nulls=1)), jobs=1)
    table = oracles.add(
        oracles.joint(rows, stream.utterance(u).tolist(), rate, convention) for u, rows in enumerate(world.intervals)
    )
    speech = {key: amount for key, amount in table.items() if key[0] != "sil"}
    for metric, value in oracles.scores(table).items():
        assert outcome.results.get(f"units.{metric}").value == pytest.approx(value, abs=1e-12)
    for metric, value in oracles.scores(speech).items():
        assert outcome.results.get(f"units.{metric}[silence-dropped]").value == pytest.approx(value, abs=1e-12)
    # and of a part: one phone against the rest, one speaker
    rest = oracles.add({("T" if p == "T" else "rest", c): n} for (p, c), n in table.items())
    assert pnmi(outcome, group="phone=T").value == pytest.approx(oracles.pnmi(rest), abs=1e-9)
    mine = [u for u, speaker in enumerate(world.speakers) if speaker == "s03"]
    own = oracles.add(oracles.joint(world.intervals[u], stream.utterance(u).tolist(), rate, convention) for u in mine)
    assert pnmi(outcome, group="speaker=s03").value == pytest.approx(oracles.pnmi(own), abs=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_identity_scores_one_and_a_constant_zero(convention: str, rate: Fraction) -> None:
    """Where every phone lasts whole frames, tokens that name the phone say all of it."""
    frame_us = Fraction(1_000_000) / rate
    rows = []
    for u in range(4):
        edges = [math.ceil(frame_us * 2 * i) for i in range(9)]
        names = [("sil", *PHONES)[(i + u) % 8] for i in range(8)]
        rows.append(tuple(zip(names, edges[:-1], edges[1:], strict=True)))
    world = World(("a", "b", "c", "d"), ("en",) * 4, tuple(rows))
    knowing = world.knowing(rate)
    constant = replace(knowing, name="constant", codes=np.zeros_like(knowing.codes))
    outcome = run(world.request(knowing, constant, protocol=replace(QUICK, convention=convention)), jobs=1)
    # labels lie on whole microseconds, frames do not: less than a microsecond of each phone meets another code
    exact = convention != "duration" or frame_us.denominator == 1
    if convention != "hubert" or 100 % rate == 0:
        assert pnmi(outcome).value == pytest.approx(1, abs=1e-12 if exact else 1e-3)
        assert outcome.results.get("units.phone_purity").value == pytest.approx(1, abs=1e-12 if exact else 1e-3)
    assert pnmi(outcome, "constant").value == 0
    assert outcome.results.get("constant.cluster_purity").value == 1


def test_independent_tokens_score_what_their_null_scores(world: World) -> None:
    protocol = Protocol(n_nulls=20)
    for size in (64, 1024, 65536):
        found = scored_whole(world.request(world.independent(size, seed=size), protocol=protocol))["units.pnmi"]
        assert found.ci_low <= 0 <= found.ci_high, size
        assert abs(found.estimate) < 0.05, size
        assert found.value > 0.05, "chance is far from zero here, or the test is idle"


def test_the_null_is_that_of_codes_shifted_over_speakers() -> None:
    """Each speaker's codes concatenated, rolled and cut, then counted by the slow loop."""
    world, rate = make_world(3, 8, 8), Fraction(50)
    stream = world.knowing(rate)
    outcome = run(world.request(stream, protocol=replace(QUICK, n_nulls=3, seed=7)), jobs=1)
    nulls = []
    for draw in (1, 2, 3):
        pairs = zip(world.intervals, world.shifted(stream, draw, 7), strict=True)
        nulls.append(oracles.pnmi(oracles.add(oracles.joint(rows, each, rate, "duration") for rows, each in pairs)))
    found = pnmi(outcome)
    assert found.null_mean == pytest.approx(sum(nulls) / 3, abs=1e-12)
    assert found.null_sd == pytest.approx(np.std(nulls, ddof=1), abs=1e-12)
    assert outcome.results.protocols["silence-kept"]["null"].startswith("circular-shift over each speaker's utterances")


def test_names_of_codes_do_not_matter(world: World) -> None:
    stream = world.knowing()
    renamed = replace(stream, codes=np.array([5, 0, 7, 2, 1, 6, 3, 4], np.int32)[stream.codes])
    for a, b in zip(metrics(run(world.request(stream), 1)), metrics(run(world.request(renamed), 1)), strict=True):
        assert a == pytest.approx(b, abs=2e-6, nan_ok=True)


def metrics(outcome: Outcome) -> list[float]:
    return [x for r in outcome.results.metrics for x in (r.value, r.ci_low, r.ci_high, r.null_mean, r.estimate)]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("late", [-3, -1, 1, 2])
def test_tokens_that_come_late_are_found(world: World, convention: str, late: int) -> None:
    outcome = run(world.request(world.knowing(late=late), protocol=replace(QUICK, convention=convention)), jobs=1)
    lag = outcome.results.lags[0]
    assert lag.best_lag_frames == late
    assert lag.best_lag_ms == late * 20
    assert ("late" if late > 0 else "early") in lag.warning
    assert lag.warning in outcome.results.warnings
    assert lag.gain > 0.05


def test_half_a_frame_is_found_by_durations(world: World) -> None:
    for late in (Fraction(1, 2), Fraction(-1, 2)):
        lag = run(world.request(world.knowing(late=late)), jobs=1).results.lags[0]
        assert lag.best_lag_frames == float(late)
        assert lag.warning


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_tokens_in_time_are_not_warned_of(world: World, convention: str, rate: Fraction) -> None:
    outcome = run(world.request(world.knowing(rate), protocol=replace(QUICK, convention=convention)), jobs=1)
    assert outcome.results.lags[0].best_lag_frames == 0
    assert outcome.results.lags[0].warning == ""


def test_tokens_that_know_nothing_have_no_lag(world: World) -> None:
    for seed in range(3):
        stream = world.independent(64, seed=seed)
        lag = run(world.request(stream, protocol=Protocol(n_nulls=20)), jobs=1).results.lags[0]
        assert lag.warning == "", seed


def streams_of(world: World) -> tuple[Stream, Stream, Stream]:
    other = replace(world.independent(300, seed=4), name="acoustic.0")
    return world.knowing(), other, world.knowing(Fraction(44100, 512), name="phonetic")


def in_shards(world: World, n: int, folder: Path, protocol: Protocol = QUICK, **more) -> list[Path]:
    paths = [folder / f"shard-{i}" / "counts.parquet" for i in range(n)]
    for i, path in enumerate(paths):
        run_shard(world.request(*streams_of(world), protocol=protocol, **more), i, n, path)
    return paths


def test_the_whole_is_scored_the_same_with_and_without_its_parts(world: World) -> None:
    """What the simulations look at is what a run says."""
    request = world.request(world.independent(300))
    whole = scored_whole(request)
    told = {record.id: record for record in run(request, jobs=1).results.metrics if not record.group}
    assert {id: told[id] for id in whole} == whole


def text_of(outcome: Outcome, path: Path) -> dict:
    write_results(outcome.results, path)
    data = json.loads(path.read_text())
    data["provenance"].pop("shards", None)
    return data


@cache
def in_one(n_speakers: int) -> tuple[World, Outcome]:
    world = make_world(n_speakers, 30, 12)
    return world, run(world.request(*streams_of(world)), jobs=1)


@pytest.mark.parametrize(("n_speakers", "n_shards"), [(3, 2), (3, 5), (12, 1), (12, 5)])
def test_shards_merge_to_the_bits_of_one_run(n_speakers: int, n_shards: int, tmp_path: Path) -> None:
    world, whole = in_one(n_speakers)
    merged = merge(in_shards(world, n_shards, tmp_path), jobs=1)
    assert text_of(merged, tmp_path / "merged.json") == text_of(whole, tmp_path / "whole.json")
    for a, b in zip(whole.streams, merged.streams, strict=True):
        assert np.array_equal(a.table, b.table)
        assert np.array_equal(a.codes, b.codes)
        assert a.labels == b.labels


def test_the_order_of_shards_does_not_matter(world: World, tmp_path: Path) -> None:
    paths = in_shards(world, 3, tmp_path, streams=("units", "acoustic.0+units"))
    texts = set()
    for order in ([0, 1, 2], [2, 0, 1]):
        write_results(merge([paths[i] for i in order], jobs=1).results, tmp_path / "r.json")
        texts.add((tmp_path / "r.json").read_bytes())
    assert len(texts) == 1
    assert b"acoustic.0+units.pnmi" in texts.pop()


def test_more_shards_than_utterances_add_up_too(tmp_path: Path) -> None:
    world = make_world(2, 3, 8)
    merged = merge(in_shards(world, 5, tmp_path), jobs=1)
    whole = run(world.request(*streams_of(world)), jobs=1)
    assert text_of(merged, tmp_path / "merged.json") == text_of(whole, tmp_path / "whole.json")


def test_processes_change_nothing(world: World, tmp_path: Path) -> None:
    request = world.request(*streams_of(world))
    alone, both = (text_of(run(request, jobs), tmp_path / f"{jobs}.json") for jobs in (1, 2))
    assert alone == both


def test_a_run_leaves_the_same_bytes_twice(world: World, tmp_path: Path) -> None:
    for name in ("a", "b"):
        outcome = run(world.request(*streams_of(world)), jobs=1)
        write_run(outcome.results, pnmi_files(outcome), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert Path("results.json") in files
    assert len(files) == 10
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_two_speakers_and_an_unknown_one_fall_back_to_utterances(world: World) -> None:
    odd = replace(world, speakers=tuple(None if i % 3 == 0 else f"s{i % 3}" for i in range(48)), languages=("en",) * 48)
    outcome = run(odd.request(odd.knowing()), jobs=1)
    assert any("2 speakers: intervals are over utterances" in warning for warning in outcome.results.warnings)
    assert "utterance" in pnmi(outcome).note


def test_one_speaker_is_said_to_be_one() -> None:
    world = make_world(n_speakers=1, n_utterances=16)
    outcome = run(world.request(world.knowing()), jobs=1)
    said = "one speaker: intervals are over utterances, of this speaker alone"
    assert any(said in warning for warning in outcome.results.warnings)
    assert pnmi(outcome).ci_low < pnmi(outcome).estimate < pnmi(outcome).ci_high


def test_four_speakers_are_the_clusters() -> None:
    world = make_world(n_speakers=4, n_utterances=16)
    outcome = run(replace(world, languages=("en",) * 16).request(world.knowing()), jobs=1)
    assert not any("intervals are over" in warning for warning in outcome.results.warnings)
    assert pnmi(outcome).note == "clusters: 4 (speaker)"
    assert pnmi(outcome).ci_low < pnmi(outcome).estimate < pnmi(outcome).ci_high


def test_an_unknown_stream_is_named_with_those_there_are(world: World) -> None:
    with pytest.raises(HacError, match="no stream 'lexical'; the tokens have units"):
        run(world.request(world.knowing(), streams=("lexical",)), jobs=1)


def test_a_stream_named_twice_is_refused(world: World) -> None:
    with pytest.raises(HacError, match="stream 'units' is named twice"):
        run(world.request(world.knowing(), streams=("units", "units")), jobs=1)


def test_streams_of_two_rates_cannot_be_joined(world: World) -> None:
    fast = world.knowing(Fraction(75), name="fast")
    with pytest.raises(HacError, match=r"joint stream units\+fast"):
        run(world.request(world.knowing(), fast, streams=("units+fast",)), jobs=1)


def test_frames_and_hours_are_what_was_counted(world: World) -> None:
    stream = world.knowing(Fraction(75))
    for convention in CONVENTIONS:
        results = run(world.request(stream, protocol=replace(QUICK, convention=convention)), jobs=1).results
        seconds = sum(world.lengths(Fraction(75))) / 75
        assert results.streams["units"].hours * 3600 == pytest.approx(seconds, abs=0.02 * len(world.ids))
        unit = 100 if convention == "hubert" else 75
        assert results.get("units.pnmi").n == pytest.approx(seconds * unit, rel=0.01)


def test_what_could_not_be_had_says_why(world: World) -> None:
    """One label only: no PNMI, and the note keeps the reason behind the clusters."""
    same = tuple(tuple(("AA", start, end) for _, start, end in rows) for rows in world.intervals)
    outcome = run(replace(world, intervals=same).request(world.knowing()), jobs=1)
    record = pnmi(outcome)
    assert math.isnan(record.value)
    assert record.note.startswith("clusters: ")
    assert "undefined" in record.note
