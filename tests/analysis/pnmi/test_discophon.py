"""Beside discophon, where it is installed: the same tokens and alignments give the same PNMI."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from analysis.pnmi.run import run
from tests.analysis.worlds import QUICK, make_world

assignment = pytest.importorskip("discophon.evaluate.assignment")
quality = pytest.importorskip("discophon.evaluate.quality")


@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(25), Fraction(50), Fraction(100)], ids=str)
def test_the_hubert_convention_is_discophons(rate: Fraction) -> None:
    """It takes a phone every 10 ms, and units that last whole multiples of that."""
    world = make_world()
    stream = world.knowing(rate)
    noise = np.random.default_rng(0).integers(0, 8, len(stream.codes))
    stream = replace(stream, codes=((stream.codes + noise) % 8).astype(np.int32))
    phones = {}
    for id, rows in zip(world.ids, world.intervals, strict=True):
        ends = np.array([offset for _, _, offset in rows])
        middles = np.arange(ends[-1] // 10_000) * 10_000 + 5_000
        phones[id] = [rows[j][0] for j in np.searchsorted(ends, middles, "right")]
    units = {id: stream.utterance(u).tolist() for u, id in enumerate(world.ids)}
    step = int(1000 / rate)
    counts = assignment.cooccurrence_matrix(units, phones, n_units=8, n_phonemes=7, step_units=step, step_phones=10)
    outcome = run(world.request(stream, protocol=replace(QUICK, convention="hubert")), jobs=1)
    assert outcome.results.get("units.pnmi").value == pytest.approx(quality.pnmi(counts), abs=1e-12)
