"""What a report says: claims follow from records, what is missing is named, bad input is told in a sentence."""

from __future__ import annotations

import json
import math
import shutil
from html import unescape
from pathlib import Path

import pytest

from analysis.history_results import group_of
from analysis.results import Null, Record, read_results, write_results
from hac.errors import HacError
from reports.html import draw_page, render
from reports.view.claims import beyond_chance, claims_of
from reports.view.clips import Media, read_clips
from reports.view.facts import MOST_ENTRIES, failure_section, flat, provenance_section
from reports.view.history import MOST_PANELS, history_section
from reports.view.page import build_page
from reports.view.parts import Chart, Clip, Facts, Table
from reports.view.phones import read_heat_map
from reports.view.runs import read_runs
from reports.view.streams import first_of_levels
from reports.view.usage import read_ranks
from reports.view.verdict import verdict_section
from reports.view.words import read_words
from tests.reports.clip_worlds import keep_clips
from tests.reports.report_worlds import SYSTEMS, best_word

ORDER = (
    *("verdict", "systems", "pnmi", "heat", "words", "discovery", "boundaries", "leakage", "recon", "differences"),
    *("interventions", "usage", "parts", "history", "listen", "protocols", "coverage", "failures", "provenance"),
)


def record(**fields: object) -> Record:
    given = {"id": "a.pnmi", "stream": "a", "value": 0.5, "n": 9, "protocol": "p", "ci_low": 0.4, "ci_high": 0.6}
    return Record.model_validate({**given, "null_mean": 0.1, "null_sd": 0.02, **fields})


@pytest.mark.parametrize(
    ("fields", "better", "verdict"),
    [
        ({}, "higher", "stands"),
        ({"ci_low": 0.05}, "higher", "does not stand"),
        ({"corrected": 0.4, "corrected_ci_low": -0.01, "corrected_ci_high": 0.5}, "higher", "does not stand"),
        ({"corrected": 0.4, "corrected_ci_low": 0.01, "corrected_ci_high": 0.5}, "higher", "stands"),
        ({"null_sd": 0.3}, "higher", "does not stand"),
        ({"nulls": {"other": Null(mean=0.55, sd=0.0)}}, "higher", "does not stand"),
        ({"ci_low": math.nan, "ci_high": math.nan}, "higher", "cannot be judged"),
        ({"null_mean": math.nan}, "higher", "cannot be judged"),
        ({}, "lower", "does not stand"),
        ({"null_mean": 0.9}, "lower", "stands"),
        ({"null_mean": 0.55}, "lower", "does not stand"),
    ],
)
def test_a_claim_stands_only_beyond_every_null_and_with_its_whole_interval(
    fields: dict[str, object], better: str, verdict: str
) -> None:
    assert beyond_chance(record(**fields), better) == verdict  # type: ignore[arg-type]


def test_claims_are_those_of_the_records(runs: Path) -> None:
    found = {(claim.system, claim.text): claim for claim in claims_of(read_runs([runs]))}
    claim = found[SYSTEMS[0], "phonetic tells of phones beyond chance"]
    of = read_results(runs / SYSTEMS[0] / "pnmi").get("phonetic.pnmi")
    assert (claim.value, claim.low, claim.high, claim.null_mean) == (of.value, of.ci_low, of.ci_high, of.null_mean)
    assert claim.verdict == "stands"
    assert found[SYSTEMS[0], "acoustic.0 tells of phones beyond chance"].verdict == "does not stand"
    assert found[SYSTEMS[0], "acoustic.0 tells of the speaker beyond chance"].verdict == "stands"
    assert found[SYSTEMS[0], "phonetic tells more of phones than acoustic.0"].verdict == "stands"
    assert found[SYSTEMS[1], f"phonetic tells more of phones than phonetic of {SYSTEMS[0]}"].verdict == "does not stand"


def test_no_claim_is_shown_without_its_interval(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[0] / "pnmi", tmp_path / "pnmi")
    results = read_results(folder)
    bare = [r.model_copy(update=dict.fromkeys(INTERVAL, math.nan)) for r in results.metrics]
    write_results(results.model_copy(update={"metrics": bare}), folder / "results.json")
    (folder / "draws.parquet").unlink()
    section = verdict_section(read_runs([folder]))
    assert not section.parts
    assert any("no verdict on “phonetic tells of phones beyond chance”" in line for line in section.missing)


INTERVAL = ("ci_low", "ci_high", "corrected_ci_low", "corrected_ci_high")


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def test_sections_come_in_their_order_and_ids_are_unique(runs: Path) -> None:
    page = build_page(read_runs([runs]))
    assert tuple(section.id for section in page.sections) == ORDER
    ids = [*ORDER, *(part.id for section in page.sections for part in section.parts)]
    assert len(set(ids)) == len(ids)
    for section in page.sections:
        assert section.parts or section.missing or section.notes, section.id
        for part in section.parts:
            if isinstance(part, Table):
                assert all(len(row) == len(part.columns) for row in part.rows), part.id
            if isinstance(part, Chart) and part.kind == "rows":
                assert all(len(s.points) == len(p.labels) for p in part.panels for s in p.series), part.id


def test_half_of_the_metrics_may_be_missing(runs: Path, tmp_path: Path) -> None:
    """Whole runs are missing, and in the others every second record and all tables beside the results."""
    for command in ("pnmi", "words", "boundaries", "usage"):
        folder = copy(runs / SYSTEMS[0] / command, tmp_path / command)
        for file in (*folder.glob("*.csv"), folder / "draws.parquet"):
            file.unlink()
        results = read_results(folder)
        write_results(results.model_copy(update={"metrics": results.metrics[::2]}), folder / "results.json")
    page = build_page(read_runs([tmp_path]))
    said = {section.id: section.missing for section in page.sections}
    assert "hac-analyze leakage: not among the runs of this report." in said["systems"]
    assert said["leakage"] == ("No run of hac-analyze leakage was given.",)
    assert any("words.csv is not in the run's folder" in line for line in said["words"])
    assert any("phone_given_code.phonetic.csv is not in the run's folder" in line for line in said["heat"])
    assert said["differences"]
    assert any("No run that measured checkpoints" in line for line in said["history"])
    shown = unescape(render(draw_page(page)))
    assert all(line in shown for missing in said.values() for line in missing if len(line) < 90)


def test_systems_of_one_name_are_told_apart_by_their_folders(runs: Path, tmp_path: Path) -> None:
    for parent in ("one", "two"):
        copy(runs / SYSTEMS[0] / "pnmi", tmp_path / parent / "pnmi")
        copy(runs / SYSTEMS[0] / "usage", tmp_path / parent / "usage")
    found = read_runs([tmp_path])
    assert found.systems == (f"{SYSTEMS[0]} (one)", f"{SYSTEMS[0]} (two)")
    assert len(found.of("usage")) == 2
    same = [copy(runs / SYSTEMS[0] / "pnmi", tmp_path / part / "x" / "pnmi") for part in ("p", "q")]
    with pytest.raises(HacError, match="2 runs of 'hac-analyze pnmi' are all called"):
        read_runs(same)


def test_a_run_given_twice_counts_once(runs: Path) -> None:
    place = runs / SYSTEMS[0] / "pnmi"
    assert len(read_runs([place, place / "results.json", place]).all) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "is no folder of a run; expected a finished run"),
        (lambda folder: folder.mkdir(), "holds no results.json; expected a finished run"),
        (lambda folder: (folder.mkdir(), (folder / "results.json").write_text("{")), "cannot be read as JSON"),
        (lambda folder: (folder.mkdir(), (folder / "results.json").write_text("[]")), "not a result file of ours"),
    ],
)
def test_what_is_no_run_is_told(tmp_path: Path, make, says: str) -> None:
    make(tmp_path / "run")
    with pytest.raises(HacError, match=says):
        read_runs([tmp_path / "run"])


def test_damaged_tables_are_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    for read in (read_words, read_ranks, lambda p: read_heat_map(p, "x", "y")):
        with pytest.raises(HacError, match=r"table\.csv: not a"):
            read(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": 2}, "has format version 2, this program reads up to 1"),
        ({"clips": [{"utterance": "a"}]}, r"clips\.0\.duration_s: Field required"),
    ],
)
def test_damaged_clips_are_told(tmp_path: Path, change: dict[str, object], says: str) -> None:
    written = keep_clips(tmp_path, ["a"], [])
    (tmp_path / "listen" / "clips.json").write_text(json.dumps({**written, **change}), encoding="utf-8")
    with pytest.raises(HacError, match=says):
        read_clips(tmp_path)


def test_no_file_outside_the_runs_folder_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "run" / "listen").mkdir(parents=True)
    (tmp_path / "secret.ogg").write_bytes(b"OggS")
    (tmp_path / "run" / "listen" / "link.ogg").symlink_to(tmp_path / "secret.ogg")
    media = Media(10**6)
    odd = ("listen/\udc80.ogg\ud800", "listen/\0.ogg")
    for name in ("../secret.ogg", "listen/../../secret.ogg", str(tmp_path / "secret.ogg"), "listen/link.ogg", *odd):
        with pytest.raises(HacError, match="not in the run's folder"):
            media.sound(tmp_path / "run", name)
    (tmp_path / "run" / "listen" / "x.ogg").write_bytes(b"<html>")
    with pytest.raises(HacError, match="neither OGG, FLAC nor WAV"):
        media.sound(tmp_path / "run", "listen/x.ogg")
    with pytest.raises(HacError, match="is missing"):
        media.sound(tmp_path / "run", "listen/y.ogg")


def test_sounds_beyond_the_budget_are_left_out_and_said(runs: Path) -> None:
    whole = build_page(read_runs([runs]))
    sizes = sum(len(content) for kind, content in whole.media.values() if kind == "audio/ogg")
    least = build_page(read_runs([runs]), audio_bytes=sizes // 2)
    kept = sum(len(content) for kind, content in least.media.values() if kind == "audio/ogg")
    assert 0 < kept <= sizes // 2
    listen = next(section for section in least.sections if section.id == "listen")
    assert any("sounds were left out" in line and "--audio-mb allows more" in line for line in listen.missing)


def test_what_several_runs_kept_of_an_utterance_is_one_clip(runs: Path, tmp_path: Path) -> None:
    first, second = (copy(runs / SYSTEMS[1] / command, tmp_path / command) for command in ("pnmi", "words"))
    keep_clips(first, ["u001"], [], stream="of-pnmi")
    shutil.copytree(first / "listen", second / "listen")
    file = second / "listen" / "clips.json"
    file.write_text(file.read_text(encoding="utf-8").replace("of-pnmi", "of-words"), encoding="utf-8")
    page = build_page(read_runs([tmp_path]))
    (clip,) = next(section for section in page.sections if section.id == "listen").parts
    assert isinstance(clip, Clip)
    assert [sound.kind for sound in clip.sounds] == ["original", "reconstruction", "drop", "swap"]
    assert [tier.name for tier in clip.tiers] == ["words", "phones", "of-pnmi", "of-words"]


def test_words_that_can_be_heard_open_their_detections(runs: Path) -> None:
    _, code, word = best_word(runs / SYSTEMS[0] / "words")
    words = next(section for section in build_page(read_runs([runs])).sections if section.id == "words")
    opened = [row for part in words.parts if isinstance(part, Table) for row in part.rows if row[0].opens]
    assert [(row[0].text, row[4].value) for row in opened] == [(word, code)]


def test_checkpoints_are_drawn_by_their_step(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "pnmi")
    first = results.get("phonetic.pnmi")
    steps = [first.model_copy(update={"group": group_of(n), "value": n / 1000}) for n in (200, 100, 300)]
    write_results(results.model_copy(update={"command": "history", "metrics": steps}), tmp_path / "results.json")
    (chart,) = history_section(read_runs([tmp_path])).parts
    assert isinstance(chart, Chart)
    assert [(p.x, p.value) for p in chart.panels[0].series[0].points] == [(100, 0.1), (200, 0.2), (300, 0.3)]


def test_failures_stand_by_reason_with_an_example(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[0] / "pnmi", tmp_path / "pnmi")
    failed = {"failures": {"audio-empty": 3}, "failed": [{"id": "u1", "reason": "audio-empty", "detail": "no sound"}]}
    write_results(read_results(folder).model_copy(update=failed), folder / "results.json")
    (table,) = failure_section(read_runs([folder])).parts
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]][2:] == ["audio-empty", "3", "u1: no sound"]


def test_the_first_stream_stands_for_its_level() -> None:
    assert first_of_levels(["acoustic.0", "acoustic.1", "phonetic", "units"]) == ("acoustic.0", "phonetic", "units")


def test_runs_of_other_speech_are_not_compared(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[1] / "pnmi", tmp_path / "pnmi")
    results = read_results(folder)
    coverage = {**results.coverage, "utterances": {**results.coverage["utterances"], "key": "other", "counted": 7}}
    write_results(results.model_copy(update={"coverage": coverage}), folder / "results.json")
    found = read_runs([runs / SYSTEMS[0] / "pnmi", folder])
    differences = next(section for section in build_page(found).sections if section.id == "differences")
    assert not differences.parts
    assert any("measured other speech" in line for line in differences.missing)
    assert not any("plain-a" in claim.text for claim in claims_of(found))


def test_a_hash_for_each_utterance_is_told_as_one() -> None:
    hashes = {f"u{i}": f"{i:064x}" for i in range(MOST_ENTRIES + 1)}
    ((name, said),) = flat({"tokenizer": {"audio_sha256": hashes}})
    assert name == "tokenizer · audio_sha256"
    assert said.startswith(f"{len(hashes)} entries, all in the run's results.json")
    ((_, other),) = flat({"tokenizer": {"audio_sha256": {**hashes, "u0": "0" * 63 + "f"}}})
    assert said != other
    assert len(list(flat({"a": dict(list(hashes.items())[:MOST_ENTRIES])}))) == MOST_ENTRIES


def test_what_runs_share_of_their_provenance_stands_once(runs: Path, tmp_path: Path) -> None:
    for name, aligned, options in (("a", "mfa", 1), ("b", "mfa", 2), ("c", "own", 3)):
        folder = copy(runs / SYSTEMS[0] / "usage", tmp_path / name / "usage")
        facts = {"versions": {"numpy": "9"}, "alignment": {"aligner": aligned}, "options": {"n": options}}
        results = read_results(folder).model_copy(update={"system": name, "provenance": facts})
        write_results(results, folder / "results.json")
    parts = provenance_section(read_runs([tmp_path])).parts
    assert [(part.title, part.items) for part in parts if isinstance(part, Facts)] == [
        ("All runs", (("versions · numpy", "9"),)),
        ("a, usage; b, usage", (("alignment · aligner", "mfa"),)),
        ("a, usage", (("options · n", "1"),)),
        ("b, usage", (("options · n", "2"),)),
        ("c, usage", (("alignment · aligner", "own"), ("options · n", "3"))),
    ]


def test_many_curves_over_steps_are_several_charts(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "boundaries")
    first = next(r for r in results.metrics if ".boundary_f1[" in r.id)
    many = [
        first.model_copy(update={"id": f"{first.stream}.boundary_f1[{i}]", "group": group_of(100 * step)})
        for i in range(MOST_PANELS + 1)
        for step in (1, 2)
    ]
    write_results(results.model_copy(update={"command": "history", "metrics": many}), tmp_path / "results.json")
    charts = [part for part in history_section(read_runs([tmp_path])).parts if isinstance(part, Chart)]
    assert [len(chart.panels) for chart in charts] == [MOST_PANELS, 1]
    assert [chart.id for chart in charts] == ["chart-history-0", "chart-history-0-2"]
