"""What levels 0..k tell together: counted by tuples, bounded on held-out speakers."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from analysis.pnmi import cumulative
from analysis.pnmi.cumulative import CUMULATIVE, ladder, name_of, tuples
from analysis.pnmi.run import run
from analysis.results.schema import Results
from hac.data.tokens.token_store import Stream
from probes.joint_counts.frame_labels import CONVENTIONS
from tests import oracles
from tests.analysis.worlds import QUICK, World, make_world


def digits(world: World, rate: Fraction = Fraction(50)) -> list[Stream]:
    """Three streams of two codes, which say the phone together, and one of 16 that repeats the first with noise."""
    knows = world.knowing(rate)
    bits = [replace(knows, name=f"rvq.{i}", codebook_size=2, codes=knows.codes >> i & 1) for i in range(3)]
    noise = np.random.default_rng(1).integers(0, 8, len(knows.codes)).astype(np.int32)
    return [*bits, replace(knows, name="rvq.3", codebook_size=16, codes=8 * bits[0].codes + noise)]


def results(world: World, *streams: Stream, **protocol: object) -> Results:
    return run(world.request(*streams, protocol=replace(QUICK, **protocol)), jobs=1, levels=True).results


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_joint_counts_are_those_of_tuples(convention: str) -> None:
    world = make_world(3, 6, 8)
    rate = Fraction(25)
    streams = digits(world, rate)
    found = results(world, *streams, convention=convention, n_nulls=1)
    for n in (2, 3):
        tuples_of = [list(zip(*(one.utterance(u).tolist() for one in streams[:n]), strict=True)) for u in range(6)]
        numbers = {code: i for i, code in enumerate(sorted({code for of in tuples_of for code in of}))}
        table = oracles.add(
            oracles.joint(rows, [numbers[code] for code in codes], rate, convention)
            for rows, codes in zip(world.intervals, tuples_of, strict=True)
        )
        record = found.get(f"rvq.0..rvq.{n - 1}.pnmi")
        assert record.value == pytest.approx(oracles.pnmi(table), abs=1e-12)
        assert record.protocol == CUMULATIVE
        assert record.n == found.get("rvq.0.pnmi").n


def test_a_joint_stream_by_name_has_the_same_number() -> None:
    world = make_world()
    found = results(world, *digits(world))
    joined = run(world.request(*digits(world), streams=("rvq.0+rvq.1",)), jobs=1).results.get("rvq.0+rvq.1.pnmi")
    record = found.get("rvq.0..rvq.1.pnmi")
    fields = ("value", "estimate", "ci_low", "ci_high", "null_mean", "null_sd", "n")
    assert [getattr(record, field) for field in fields] == [getattr(joined, field) for field in fields]


def test_counted_levels_never_tell_less_and_bounds_lie_below() -> None:
    world = make_world(seed=3)
    found = results(world, *digits(world))
    first = found.get("rvq.0.pnmi")
    assert all(record.ci_low < record.estimate < record.ci_high for record in (first, found.get("rvq.0..rvq.1.pnmi")))
    counted = [first, *(found.get(f"rvq.0..rvq.{n}.pnmi") for n in (1, 2, 3))]
    values = [record.value for record in counted]
    assert values == sorted(values)
    bounds = [found.get(f"{name}.pnmi_bound") for name in ("rvq.0", "rvq.0..rvq.1", "rvq.0..rvq.2", "rvq.0..rvq.3")]
    for bound, record in zip(bounds, counted, strict=True):
        assert bound.ci_low < bound.value == bound.estimate < bound.ci_high
        assert bound.value < record.value <= 1
        assert math.isnan(bound.null_mean)
    # three digits say nearly everything, a repeated one with noise nothing more
    assert bounds[0].value < 0.35 < 0.6 < bounds[2].value
    assert abs(bounds[3].value - bounds[2].value) < bounds[2].half_width


def test_levels_say_how_many_streams_and_bits_they_are() -> None:
    world = make_world(4, 8, 8)
    found = results(world, *digits(world)).coverage["levels"]
    assert found == {
        "rvq.0": {"streams": 1, "kbps": 0.05},
        "rvq.0..rvq.1": {"streams": 2, "kbps": 0.1},
        "rvq.0..rvq.2": {"streams": 3, "kbps": 0.15},
        "rvq.0..rvq.3": {"streams": 4, "kbps": 0.35},
    }


def test_only_streams_of_one_rate_are_summed_up() -> None:
    world = make_world(4, 8, 8)
    slow = replace(world.knowing(Fraction(25, 2)), name="lexical")
    alone = results(world, world.knowing(), slow)
    assert CUMULATIVE not in alone.protocols
    assert not any("bound" in record.id for record in alone.metrics)
    found = results(world, *digits(world)[:2], slow)
    assert list(found.coverage["levels"]) == ["rvq.0", "rvq.0..rvq.1"]


def test_counting_ends_where_there_is_too_little_speech_and_the_bound_goes_on() -> None:
    world = make_world()
    names = [f"q{i}" for i in range(6)]
    noise = [replace(world.independent(16, seed=i), name=name) for i, name in enumerate(names)]
    found = results(world, *noise)
    by_id = {record.id: record for record in found.metrics if not record.group}
    counted = [n for n in range(2, 7) if f"q0..q{n - 1}.pnmi" in by_id]
    assert counted and counted == list(range(2, counted[-1] + 1)) and counted[-1] < 6
    assert all(by_id[f"q0..q{n - 1}.pnmi"].null_mean < 0.5 for n in counted)
    bounds = [by_id[f"{name_of(names[:n])}.pnmi_bound"] for n in range(1, 7)]
    # nothing is known, however many codes there are
    assert all(abs(bound.value) < 0.02 for bound in bounds)


def test_few_and_nothing_to_hold_out() -> None:
    world = make_world(1, 2, 6)
    found = results(world, *digits(world)[:2])
    bound = found.get("rvq.0..rvq.1.pnmi_bound")
    assert math.isnan(bound.value) and "fewer than 3" in bound.note
    silent = World(("a", "b", "c"), ("en",) * 3, ((("sil", 0, 900_000),),) * 3)
    found = results(silent, *digits(silent)[:2])
    assert math.isnan(found.get("rvq.0..rvq.1.pnmi_bound").value)
    assert "only one label" in found.get("rvq.0..rvq.1.pnmi_bound").note


def test_without_levels_nothing_else_changes() -> None:
    world = make_world(4, 8, 8)
    request = world.request(*digits(world))
    plain, summed = run(request, jobs=1).results, run(request, jobs=1, levels=True).results
    assert list(map(repr, summed.metrics[: len(plain.metrics)])) == list(map(repr, plain.metrics))
    assert {name: of for name, of in summed.protocols.items() if name != CUMULATIVE} == plain.protocols
    assert list(summed.protocols)[-1] == CUMULATIVE
    assert summed.streams == plain.streams


def test_the_rows_of_many_streams() -> None:
    assert ladder(1) == [1]
    assert ladder(8) == list(range(1, 9))
    assert ladder(9) == [*range(1, 9), 9]
    assert ladder(16) == [*range(1, 9), 16]
    assert ladder(46) == [*range(1, 9), 16, 32, 46]
    assert ladder(64) == [*range(1, 9), 16, 32, 64]


def test_tuples_of_46_codebooks_are_numbered() -> None:
    rng = np.random.default_rng(0)
    bounds = np.array([0, 500], np.int64)
    streams = [Stream(f"q{i}", 16, Fraction(50), rng.integers(0, 16, 500).astype(np.int32), bounds) for i in range(46)]
    streams = [replace(one, codes=np.tile(one.codes[:100], 5)) for one in streams]
    *_, last = tuples(streams)
    assert (last.name, last.codebook_size) == ("q0..q45", 100)
    assert (last.codes.reshape(5, 100) == last.codes[:100]).all()


def test_a_table_too_large_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(4, 8, 8)
    monkeypatch.setattr(cumulative, "MAX_SCRATCH", 7 * 4)
    ids = {record.id for record in results(world, *digits(world)).metrics}
    assert "rvq.0..rvq.1.pnmi" not in ids and "rvq.0..rvq.1.pnmi_bound" in ids
