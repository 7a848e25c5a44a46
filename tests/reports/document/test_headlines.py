"""Headlines: those that slices name exist, and an id is one by its metric and its tags."""

from __future__ import annotations

import pytest

from analysis.metrics.headlines import Headlines
from analysis.metrics.metric import QUESTIONS, read_metrics
from analysis.metrics.registry import HEADLINES, METRICS, headlines_of, metric_name
from analysis.results.schema import Record, Results
from analysis.slices import COMMANDS
from reports.document.headlines import entries_of, headline_record, is_headline
from reports.document.runs import ReportRun


@pytest.mark.parametrize("command", COMMANDS)
def test_a_slice_names_metrics_of_its_own(command: str) -> None:
    own = {metric.name for metric in read_metrics(COMMANDS[command].name)}
    places = headlines_of(command).model_dump()
    entries = [entry for place in places.values() for entry in place or ()]
    assert {metric_name(entry) for entry in entries} <= own


def test_every_column_answers_a_question_and_every_question_is_answered() -> None:
    columns = [metric_name(entry) for headlines in HEADLINES.values() for entry in headlines.systems]
    assert columns and all(METRICS[name].question for name in columns)
    assert set(QUESTIONS) <= {metric.question for metric in METRICS.values()}


def test_a_command_of_a_later_version_has_none() -> None:
    assert headlines_of("tomorrow") == Headlines()


@pytest.mark.parametrize(
    ("id", "entry", "expected"),
    [
        ("acoustic.0.pnmi", "pnmi", True),
        ("acoustic.0.pnmi[silence-dropped]", "pnmi", False),
        ("acoustic.0.phone_purity", "pnmi", False),
        ("x.leakage[speaker]", "leakage", True),
        ("x.leakage[phone]", "leakage[speaker]", False),
        ("x.leakage[speaker]", "leakage[speaker]", True),
        ("x.word_f1[resdavenet,held-out]", "word_f1[held-out]", True),
        ("x.word_f1[resdavenet]", "word_f1[held-out]", False),
        ("x.boundary_f1[phones,greedy,20ms]", "boundary_f1[greedy,20ms]", True),
        ("x.boundary_f1[phones,greedy,10ms]", "boundary_f1[greedy,20ms]", False),
        ("x.discovery_boundary_f1", "boundary_f1", False),
    ],
)
def test_an_id_is_a_headline_by_its_metric_and_its_tags(id: str, entry: str, expected: bool) -> None:
    assert is_headline(id, [entry]) is expected
    assert is_headline(id, ["phone_kept", entry]) is expected
    assert not is_headline(id, [])


def test_the_tags_of_boundaries_are_those_that_the_run_was_asked_for() -> None:
    ids = [f"a.boundary_f1[{tier},nearest,{ms}ms]" for tier in ("phones", "words") for ms in (10, 30)]
    records = [Record(id=id, stream="a", estimate=i, value=i, n=1, protocol="nearest") for i, id in enumerate(ids)]
    protocols = {"nearest": {"tiers": ["words", "phones"], "headline": ["nearest", 30]}}
    results = Results(command="boundaries", system="x", metrics=records, protocols=protocols)
    run = ReportRun("x", None, results)  # type: ignore[arg-type]
    headlines = headlines_of("boundaries")
    assert entries_of(run, headlines.differences) == ("boundary_f1[nearest,30ms]",)
    (entry,) = headlines.systems
    found = headline_record(run, "a", entry)
    assert found and found.id == "a.boundary_f1[words,nearest,30ms]"
    assert headline_record(run, "b", entry) is None
