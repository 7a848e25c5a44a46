"""`results.json`: what is written is what is read, and what is not ours is said not to be."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analysis.metrics import registry
from analysis.metrics.metric import Metric, read_metrics
from analysis.metrics.registry import METRICS, metric_of
from analysis.results.schema import SCHEMA, VERSION, Lag, Record, Results, StreamInfo, read_results, write_results
from analysis.slices import SLICES
from analysis.statistics.jackknife import METHOD
from hac.errors import HacError
from hac.files.parsing import load_yaml

numbers = st.floats(allow_infinity=False)


@st.composite
def records(draw: st.DrawFn) -> Record:
    names = ("estimate", "ci_low", "ci_high", "value", "null_mean", "null_sd")
    return Record(
        id="units.pnmi",
        stream="units",
        group=draw(st.text(max_size=5)),
        n=draw(st.integers(0, 1 << 60)),
        n_nulls=draw(st.integers(0, 99)),
        is_corrected=draw(st.booleans()),
        protocol="silence-kept",
        note=draw(st.text(max_size=5)),
        **{name: draw(numbers) for name in names},
    )


def make(**more) -> Results:
    return Results(command="pnmi", system="mfcc-kmeans", metrics=[], **more)


def rows(results: Results) -> str:
    """Everything in the file; NaN is equal to NaN as text."""
    return repr(results)


@given(metrics=st.lists(records(), max_size=3))
def test_what_is_written_is_read(metrics: list[Record], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("results") / "results.json"
    results = Results(
        command="pnmi",
        system="ж",
        metrics=metrics,
        streams={"units": StreamInfo(codebook_size=2, frame_rate="25/2", used_codes=1, n_frames=3, hours=math.nan)},
        lags=[Lag(stream="units", lags_frames=[0.5], pnmi=[math.nan], best_lag_frames=0, best_lag_ms=0, gain=math.nan)],
        failures={"no-tokens": 2},
    )
    write_results(results, path)
    assert rows(read_results(path)) == rows(results)


def test_what_could_not_be_had_is_null_in_the_file(tmp_path: Path) -> None:
    nan = math.nan
    record = Record(id="units.pnmi", stream="units", estimate=nan, value=nan, n=0, protocol="p", note="no speech")
    path = tmp_path / "results.json"
    write_results(Results(command="pnmi", system="x", metrics=[record]), path)
    data = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (data["schema"], data["version"]) == (SCHEMA, VERSION)
    assert data["metrics"][0]["value"] is None
    assert math.isnan(read_results(path).get("units.pnmi").value)


def test_a_record_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match=r"units\.pnmi \[language=en\]"):
        make().get("units.pnmi", "language=en")


def whole() -> dict:
    record = Record(id="units.pnmi", stream="units", estimate=0.5, value=0.5, n=1, protocol="silence-kept")
    results = Results(command="pnmi", system="x", metrics=[record])
    return results.model_dump(mode="json", by_alias=True)


OLD = {
    "id": "units.pnmi",
    "stream": "units",
    "group": "",
    "value": 0.5,
    "ci_low": 0.4,
    "ci_high": 0.48,
    "null_mean": 0.2,
    "null_sd": 0.01,
    "corrected": 0.375,
    "corrected_ci_low": 0.25,
    "corrected_ci_high": 0.35,
    "n": 9,
    "protocol": "silence-kept",
    "ci_method": "cluster-bootstrap-basic",
    "note": "clusters: 12 (speaker)",
    "nulls": {"shifted": {"mean": 0.2, "sd": 0.01}},
}


def old(tmp_path: Path, **more) -> Record:
    """A record of a file of version 1, as read today."""
    data = {**whole(), "version": 1, "metrics": [{**OLD, **more}]}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    results = read_results(path)
    assert results.version == VERSION
    return results.metrics[0]


def test_a_file_of_version_1_gives_the_corrected_value_and_no_bootstrap_interval(tmp_path: Path) -> None:
    """Its interval stood wholly below its number."""
    record = old(tmp_path)
    assert (record.estimate, record.value, record.null_mean, record.is_corrected) == (0.375, 0.5, 0.2, True)
    assert math.isnan(record.ci_low) and math.isnan(record.ci_high)
    assert (record.ci_method, record.n_nulls, record.nulls["shifted"].n) == ("none", 0, 0)
    assert record.note == (
        "clusters: 12 (speaker); no interval: cluster-bootstrap-basic of an older version, run the analysis again"
    )


def test_of_version_1_a_jackknife_around_the_number_is_kept(tmp_path: Path) -> None:
    bare = dict.fromkeys(("corrected", "corrected_ci_low", "corrected_ci_high"))
    record = old(tmp_path, **bare, ci_low=0.4, ci_high=0.6, ci_method=METHOD)
    assert (record.estimate, record.is_corrected) == (0.5, False)
    assert (record.ci_low, record.ci_high, record.ci_method, record.note) == (0.4, 0.6, METHOD, OLD["note"])


def test_of_version_1_perfect_chance_leaves_no_number(tmp_path: Path) -> None:
    """A word error rate has no 1 to be perfect at: there the value was the number, and is."""
    perfect = {"value": 1.0, "null_mean": 1.0, "corrected": None}
    record = old(tmp_path, **perfect, id="units.pnmi")
    assert math.isnan(record.estimate)
    assert record.is_corrected
    record = old(tmp_path, **perfect, id="rvq-1.wer")
    assert (record.estimate, record.is_corrected) == (1.0, False)


def test_of_version_1_what_had_no_number_has_none(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("value", "ci_low", "ci_high", "corrected", "corrected_ci_low", "corrected_ci_high"))
    record = old(tmp_path, **nothing, ci_method="none", note="undefined: no speech")
    assert math.isnan(record.estimate) and not record.is_corrected
    assert record.note == "undefined: no speech"


def spoil(path: Path, text: str | None) -> Path:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return path


BAD = {
    "missing": (None, "no such"),
    "empty": ("", "JSON"),
    "broken": ('{"schema": "hac-results", ', "JSON"),
    "a list": ("[1, 2]", "hac-results"),
    "another tool's": (json.dumps({"metrics": []}), "hac-results"),
    "newer": (json.dumps({**whole(), "version": VERSION + 1}), f"version {VERSION + 1}.*upgrade"),
    "lacking a field": (json.dumps({k: v for k, v in whole().items() if k != "system"}), "system"),
    "misspelt": (json.dumps({**whole(), "metrix": []}), "metrix"),
    "not a number": (
        json.dumps({**whole(), "metrics": [{**whole()["metrics"][0], "value": "x"}]}),
        r"metrics\.0\.value",
    ),
    "old, with a metric that is no object": (json.dumps({**whole(), "version": 1, "metrics": ["x"]}), r"metrics\.0"),
    "old, with metrics that are no list": (json.dumps({**whole(), "version": 1, "metrics": {}}), "metrics"),
    "old, without a value": (json.dumps({**whole(), "version": 1, "metrics": [{"id": "units.pnmi"}]}), "metrics"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_clear_sentence(kind: str, tmp_path: Path) -> None:
    text, expected = BAD[kind]
    path = spoil(tmp_path / "results.json", text)
    with pytest.raises(HacError, match=expected) as error:
        read_results(path)
    sentence = str(error.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(HacError, match=r"results\.json"):
        read_results(path)


def test_ids_lead_to_their_metric() -> None:
    assert metric_of("acoustic.0.pnmi").name == "pnmi"
    assert metric_of("phonetic.cluster_purity[silence-dropped]").name == "cluster_purity"
    with pytest.raises(KeyError):
        metric_of("phonetic.nonsense")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert all((metric.title, metric.unit, metric.undefined, metric.definition))
    assert metric.low is None or metric.high is None or metric.low < metric.high


def test_every_file_of_metrics_is_read_and_says_no_name_twice() -> None:
    """Read by the strict loader, which refuses a key that stands twice; the quick one would take the last."""
    folder = Path(registry.__file__).parent.parent
    files = {path.parent.name: path for path in folder.glob("*/metrics.yaml")}
    assert set(files) == {one.name for one in SLICES}
    names = [metric.name for one in SLICES for metric in read_metrics(one.name)]
    assert len(names) == len(set(names)) == len(METRICS)
    for path in files.values():
        assert set(load_yaml(path.read_text(encoding="utf-8"))["metrics"]) <= set(METRICS)


def test_a_metric_with_an_unknown_or_missing_key_is_refused() -> None:
    said = METRICS["pnmi"].model_dump()
    for wrong in (
        {**said, "ttle": "PNMI"},
        {key: said[key] for key in said if key != "unit"},
        {**said, "better": "up"},
    ):
        with pytest.raises(ValidationError):
            Metric(**wrong)


@pytest.mark.parametrize("stream", ["units", "acoustic.0", "weird [red]/../x", "a[b].c", "p+v"])
@pytest.mark.parametrize("rest", ["pnmi", "pnmi[silence-dropped]", "leakage_adds[phone,given=a[b].c]"])
def test_a_metric_is_found_behind_any_name_of_a_stream(stream: str, rest: str) -> None:
    assert metric_of(f"{stream}.{rest}").name == rest.split("[")[0]
