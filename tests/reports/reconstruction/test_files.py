"""Reconstruction as tables and figure: every number of the results, VERSA's beside ours, same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from analysis.metrics.registry import METRICS
from analysis.reconstruction import run
from analysis.reconstruction.scores import Measured
from analysis.results.schema import Results
from reports.document.number_format import figures
from reports.reconstruction.figures import quality_curves
from reports.reconstruction.tables import COUNTERPARTS, counterpart, recon_table, title_of
from tests.analysis.reconstruction.worlds import world


def printed(results: Results) -> str:
    console = Console(width=140, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(recon_table(results))
    return capture.get()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two conditions, and VERSA's scores of the second."""
    folder = tmp_path_factory.mktemp("recon")
    request = world(folder, {"rvq-1": 0.5, "rvq-2": 0.1})
    rows = [{"key": id, "stoi": 0.5, "si_snr": 3.0, "utmos": 2.0} for id in request.material.manifest.ids]
    (folder / "versa.txt").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run.run(replace(request, versa={"rvq-2": folder / "versa.txt"}), jobs=1).results


def test_the_table_holds_values_intervals_and_nulls(results: Results) -> None:
    text = printed(results)
    assert "STOI ↑" in text
    assert "SI-SDR ↑" in text
    for condition in ("rvq-1", "rvq-2"):
        for record in (results.get(f"{condition}.stoi"), results.get(f"{condition}.si_sdr")):
            for value in (record.value, record.estimate, record.half_width, record.null_mean):
                assert figures(value) in text
    assert "coverage: 6 utterances of 6" in text


def test_versa_stands_beside_ours_under_its_own_names(results: Results) -> None:
    assert results.get("rvq-2.versa[utmos]").value == 2
    text = printed(results)
    assert "VERSA's scores of rvq-2" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip().startswith(("si_snr", "stoi", "utmos"))}
    assert "SI-SDR" in rows["si_snr"]
    assert "SI-SDR" not in rows["utmos"]


def test_counterparts_are_metrics_of_ours() -> None:
    for metric in (*COUNTERPARTS.values(), counterpart("whisper_wer"), counterpart("cer")):
        assert metric is not None
        assert metric.split("[")[0] in METRICS
        assert title_of(metric)
    assert counterpart("utmos") is None


def test_the_figure_has_the_same_bytes_twice(results: Results, tmp_path: Path) -> None:
    rates = [
        results.metrics[0].model_copy(
            update={"id": f"rvq-{k}.kbps[{kind}]", "stream": f"rvq-{k}", "estimate": value, "value": value, "group": ""}
        )
        for k in (1, 2)
        for kind, value in (("nominal", k), ("order-1", 0.6 * k), ("order-1,held-out", 0.9 * k))
    ]
    rated = results.model_copy(update={"metrics": [*results.metrics, *rates]})
    for name, each in (("plain", results), ("rated", rated)):
        for copy in "ab":
            quality_curves(each, tmp_path / f"{name}-{copy}.png")
        assert (tmp_path / f"{name}-a.png").read_bytes() == (tmp_path / f"{name}-b.png").read_bytes()
    assert (tmp_path / "plain-a.png").read_bytes() != (tmp_path / "rated-a.png").read_bytes()
    assert "kbit/s" in printed(rated)


def test_figures() -> None:
    assert [figures(x) for x in (0.12345, 9.99949, -38.4216, 1043.362, float("nan"))] == [
        ".123",
        "9.999",
        "-38.4",
        "1043",
        "-",
    ]


def test_every_metric_has_a_record_and_a_protocol() -> None:
    from analysis.reconstruction.protocol import ReconProtocol, protocols
    from analysis.reconstruction.scores import PROTOCOL_OF

    names = {PROTOCOL_OF.get(metric, "signal") for metric in (*run.METRICS, "kbps", "versa")}
    assert names <= set(protocols(ReconProtocol(), {}))
    assert set(run.METRICS) <= set(METRICS)
    assert Measured("a", "mos", None, part="ovrl").id == "a.mos[ovrl]"  # type: ignore[arg-type]
