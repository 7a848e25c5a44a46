from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.pnmi.run import run
from analysis.results.left_out import NAME, with_left_out, write_left_out
from analysis.results.schema import Results, read_results, write_results
from analysis.statistics.jackknife import jackknife
from hac.errors import HacError
from tests.analysis.worlds import make_world


@pytest.fixture(scope="module")
def results() -> Results:
    world = make_world()
    return run(world.request(world.knowing()), jobs=1).results


def test_what_is_written_is_read_again(results, tmp_path):
    write_left_out(results, tmp_path)
    write_results(results, tmp_path / "results.json")
    bare = read_results(tmp_path)
    assert all(record.left_out is None for record in bare.metrics)
    again = with_left_out(bare, tmp_path)
    assert any(record.left_out is not None for record in again.metrics)
    for record, original in zip(again.metrics, results.metrics, strict=True):
        assert record.left_out == original.left_out


def test_an_interval_is_that_of_what_was_left_out(results):
    record = results.get("units.pnmi")
    assert record.is_corrected
    found = jackknife(record.estimate, record.left_out.values)
    assert (found.low, found.high) == (record.ci_low, record.ci_high)


def test_a_file_of_another_kind_is_refused(results, tmp_path):
    (tmp_path / NAME).write_bytes(b"PAR1 no")
    with pytest.raises(HacError, match="not a whole file of the jackknife"):
        with_left_out(results, tmp_path)


def test_the_same_run_leaves_the_same_bytes(results, tmp_path):
    first = write_left_out(results, tmp_path / "a").read_bytes()
    assert first == write_left_out(results, tmp_path / "b").read_bytes()
    assert pq.read_metadata(tmp_path / "a" / NAME).num_rows <= len(results.metrics)


def test_the_clusters_keep_their_order(results, tmp_path):
    write_left_out(results, tmp_path)
    record = with_left_out(results.model_copy(update={"metrics": list(results.metrics)}), tmp_path).get("units.pnmi")
    assert np.array_equal(record.left_out.values, results.get("units.pnmi").left_out.values, equal_nan=True)
