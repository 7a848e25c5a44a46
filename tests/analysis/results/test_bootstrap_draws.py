from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from analysis.results.bootstrap_draws import NAME, with_draws, write_draws
from analysis.statistics.bootstrap import Resamples, basic, jackknife

from analysis.pnmi.run import run
from analysis.results.schema import Results, read_results, write_results
from hac.errors import HacError
from tests.analysis.worlds import make_world


@pytest.fixture(scope="module")
def results() -> Results:
    world = make_world()
    return run(world.request(world.knowing()), jobs=1).results


def test_what_is_written_is_read_again(results, tmp_path):
    write_draws(results, tmp_path)
    write_results(results, tmp_path / "results.json")
    bare = read_results(tmp_path)
    assert all(record.resamples is None for record in bare.metrics)
    again = with_draws(bare, tmp_path)
    assert any(record.resamples is not None for record in again.metrics)
    for record, original in zip(again.metrics, results.metrics, strict=True):
        assert record.resamples == original.resamples
        assert record.resamples_corrected == original.resamples_corrected


def test_an_interval_is_that_of_its_draws(results):
    record = results.get("units.pnmi")
    n = int(record.note.split("clusters: ")[1].split()[0])
    for value, resamples, low in (
        (record.value, record.resamples, record.ci_low),
        (record.corrected, record.resamples_corrected, record.corrected_ci_low),
    ):
        assert basic(value, resamples.values.astype(float), n).low == pytest.approx(low, abs=1e-6)


def test_undefined_draws_keep_their_place():
    drawn = np.where(np.arange(100) % 7 == 0, np.nan, np.linspace(0, 1, 100))
    assert np.array_equal(basic(0.5, drawn, 12).resamples.values, drawn.astype(np.float32), equal_nan=True)
    assert np.array_equal(jackknife(0.5, drawn).resamples.values, drawn.astype(np.float32), equal_nan=True)


def test_equality_is_of_all_values():
    one = Resamples(np.array([0.5, np.nan], np.float32), 9)
    assert one == Resamples(np.array([0.5, np.nan], np.float32), 9)
    assert one != Resamples(np.array([0.5, 0.25], np.float32), 9)
    assert one is not None and one != "draws"


def test_a_file_of_another_kind_is_refused(results, tmp_path):
    (tmp_path / NAME).write_bytes(b"PAR1 no")
    with pytest.raises(HacError, match="not a whole file of draws"):
        with_draws(results, tmp_path)


def test_the_same_run_leaves_the_same_bytes(results, tmp_path):
    first = write_draws(results, tmp_path / "a").read_bytes()
    assert first == write_draws(results, tmp_path / "b").read_bytes()
    assert pq.read_metadata(tmp_path / "a" / NAME).num_rows <= len(results.metrics)
