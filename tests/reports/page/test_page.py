"""What a report says: claims follow from records, what is missing is named, bad input is told in a sentence."""

from __future__ import annotations

import csv
import json
import math
import shutil
from html import unescape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.comparison.differences import Difference, compare, with_verdicts
from analysis.comparison.runs import read_run
from analysis.comparison.streams import matched
from analysis.metrics.registry import METRICS, metric_name
from analysis.results.schema import Null, Record, Results, read_results, write_results
from analysis.sweeps.history_results import group_of
from hac.errors import HacError
from hac.files.atomic import write_text
from reports.claims.claims import claims_of
from reports.claims.section import verdict_section
from reports.comparison.tables import comparison_csv
from reports.document.cells import null_text
from reports.document.claim_rule import beyond_chance, judged_cell
from reports.document.order import first_of_levels, in_order
from reports.document.parts import Chart, Clip, Facts, Section, Table
from reports.document.runs import Runs, read_runs
from reports.history.section import MOST_PANELS, history_section
from reports.listen.clips import Media, read_clips
from reports.page.page import build_page
from reports.pnmi.section import read_heat_map
from reports.provenance.section import MOST_ENTRIES, failure_section, flat, provenance_section
from reports.render.html import draw_page, render
from reports.usage.section import read_ranks
from reports.words.section import read_words
from tests.reports.clip_worlds import keep_clips
from tests.reports.report_worlds import SYSTEMS, best_word

ORDER = (
    *("answer", "verdict", "systems", "pnmi", "levels", "heat", "parts", "words", "boundaries", "leakage", "recon"),
    *("interventions", "usage", "differences", "listen", "terms", "protocols", "coverage"),
    *("provenance", "absent"),
)


def record(**fields: object) -> Record:
    given = {"id": "a.pnmi", "stream": "a", "value": 0.5, "n": 9, "protocol": "p", "ci_low": 0.4, "ci_high": 0.6}
    given = {**given, "null_mean": 0.1, "null_sd": 0.02, "n_nulls": 20, **fields}
    return Record.model_validate({"estimate": given["value"], **given})


@pytest.mark.parametrize(
    ("fields", "better", "verdict"),
    [
        ({}, "higher", "supported"),
        ({"ci_low": 0.05}, "higher", "not supported"),
        ({"is_corrected": True, "estimate": 0.4, "ci_low": -0.01, "ci_high": 0.81}, "higher", "not supported"),
        ({"is_corrected": True, "estimate": 0.4, "ci_low": 0.01, "ci_high": 0.79}, "higher", "supported"),
        ({"null_sd": 0.18}, "higher", "supported"),
        ({"null_sd": 0.18, "n_nulls": 5}, "higher", "not supported"),
        ({"null_sd": 0.3}, "higher", "not supported"),
        ({"nulls": {"other": Null(mean=0.55, sd=0.0, n=20)}}, "higher", "not supported"),
        ({"ci_low": math.nan, "ci_high": math.nan}, "higher", "not judged"),
        ({"null_mean": math.nan}, "higher", "not judged"),
        ({}, "lower", "not supported"),
        ({"null_mean": 0.9}, "lower", "supported"),
        ({"null_mean": 0.55}, "lower", "not supported"),
    ],
)
def test_a_claim_stands_only_beyond_every_null_and_with_its_whole_interval(
    fields: dict[str, object], better: str, verdict: str
) -> None:
    assert beyond_chance(record(**fields), better) == verdict  # type: ignore[arg-type]


def test_claims_are_those_of_the_records(runs: Path) -> None:
    found = {(claim.system, claim.text): claim for claim in claims_of(read_runs([runs]))}
    claim = found[SYSTEMS[0], "phonetic carries information on phones beyond chance"]
    of = read_results(runs / SYSTEMS[0] / "pnmi").get("phonetic.pnmi")
    assert (claim.value, claim.low, claim.high, claim.null_mean) == (of.estimate, of.ci_low, of.ci_high, of.null_mean)
    assert claim.verdict == "supported"
    assert found[SYSTEMS[0], "acoustic.0 carries information on phones beyond chance"].verdict == "not supported"
    speaker = found[SYSTEMS[0], "acoustic.0 carries information on the speaker or the recording session beyond chance"]
    assert (speaker.verdict, speaker.why[:15]) == ("not judged", "too little spee")
    assert found[SYSTEMS[0], "phonetic carries more information on phones than acoustic.0"].verdict == "supported"
    assert (
        found[SYSTEMS[1], f"phonetic carries more information on phones than phonetic of {SYSTEMS[0]}"].verdict
        == "not supported"
    )


def test_no_claim_is_shown_without_its_interval(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[0] / "pnmi", tmp_path / "pnmi")
    results = read_results(folder)
    bare = [r.model_copy(update=dict.fromkeys(INTERVAL, math.nan)) for r in results.metrics]
    write_results(results.model_copy(update={"metrics": bare}), folder / "results.json")
    (folder / "jackknife.parquet").unlink()
    section = verdict_section(read_runs([folder]))
    assert not section.parts
    assert any("not judged: “phonetic carries information on phones beyond chance”" in line for line in section.missing)


INTERVAL = ("ci_low", "ci_high")


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
        for file in (*folder.glob("*.csv"), folder / "jackknife.parquet"):
            file.unlink()
        results = read_results(folder)
        write_results(results.model_copy(update={"metrics": results.metrics[::2]}), folder / "results.json")
    page = build_page(read_runs([tmp_path]))
    said = {section.id: section.missing for section in page.sections}
    absent = next(section for section in page.sections if section.id == "absent").notes
    assert any("Leakage" in line and line.endswith(": No run of hac-analyze leakage was given.") for line in absent)
    assert any("words.csv is not in the run's folder" in line for line in said["words"])
    assert any("phone_given_code.phonetic.csv is not in the run's folder" in line for line in absent)
    assert any("usage: its results lack" in line and "lexical.perplexity" in line for line in said["systems"])
    assert any("One system only" in line for line in absent)
    assert any("No run that measured checkpoints" in line for line in absent)
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
    steps = [first.model_copy(update={"group": group_of(n), "estimate": n / 1000}) for n in (200, 100, 300)]
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
    given = ["units", "acoustic.0", "acoustic.1", "lexical", "phonetic"]
    assert in_order(given) == ("phonetic", "lexical", "acoustic.0", "acoustic.1", "units")
    assert first_of_levels(given) == ("phonetic", "lexical", "acoustic.0", "units")


def test_runs_of_other_speech_are_not_compared(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[1] / "pnmi", tmp_path / "pnmi")
    results = read_results(folder)
    coverage = {**results.coverage, "utterances": {**results.coverage["utterances"], "key": "other", "counted": 7}}
    write_results(results.model_copy(update={"coverage": coverage}), folder / "results.json")
    found = read_runs([runs / SYSTEMS[0] / "pnmi", folder])
    page = build_page(found)
    assert "differences" not in [section.id for section in page.sections]
    assert any("measured other speech" in line for line in section(page, "absent").notes)
    assert not any("plain-a" in claim.text for claim in claims_of(found))


def section(runs_or_page: object, id: str) -> Section:
    """A section of a page, or of the page of these runs."""
    page = build_page(runs_or_page) if isinstance(runs_or_page, Runs) else runs_or_page
    return next(one for one in page.sections if one.id == id)  # type: ignore[attr-defined]


def test_a_number_is_held_against_the_first_system_that_has_it(runs: Path, tmp_path: Path) -> None:
    """The first system has one stream only: the others' remaining streams are compared among themselves."""
    first = copy(runs / SYSTEMS[1] / "pnmi", tmp_path / "a" / "pnmi")
    results = read_results(first)
    kept = [r for r in results.metrics if r.stream == "acoustic.0"]
    streams = {"acoustic.0": results.streams["acoustic.0"]}
    write_results(
        results.model_copy(update={"system": "bare", "metrics": kept, "streams": streams}), first / "results.json"
    )
    found = read_runs([tmp_path / "a", runs / SYSTEMS[0] / "pnmi", runs / SYSTEMS[1] / "pnmi"])
    parts = section(found, "differences").parts
    tables = {part.title: part for part in parts if isinstance(part, Table)}
    assert list(tables) == ["pnmi: differences to bare", f"pnmi: differences to {SYSTEMS[0]}"]
    told = {(row[0].text, row[1].text) for row in tables[f"pnmi: differences to {SYSTEMS[0]}"].rows}
    assert told == {(SYSTEMS[1], "phonetic"), (SYSTEMS[1], "lexical")}
    assert {row[1].text for row in tables["pnmi: differences to bare"].rows} == {"acoustic.0"}
    texts = {(claim.system, claim.text) for claim in claims_of(found)}
    assert (SYSTEMS[1], f"phonetic carries more information on phones than phonetic of {SYSTEMS[0]}") in texts
    assert (SYSTEMS[0], "acoustic.0 carries more information on phones than acoustic.0 of bare") in texts


def test_a_sweep_is_no_system_and_shows_its_differences(runs: Path, tmp_path: Path) -> None:
    one = difference_of("phonetic.pnmi", -0.2, 0.001)
    found = [one, difference_of("phonetic.phone_purity", 0.001, 0.9), difference_of("acoustic.0.pnmi", 0.0, 1.0)]
    record = Record(id="phonetic.difference[pnmi]", stream="phonetic", group="variant=untaught", estimate=-0.2,
                    value=-0.2, n=9, protocol="pnmi")  # fmt: skip
    protocols = {"pnmi": {"reference": "full", "seeds": [0, 1]}}
    results = Results(command="ablate", system="sweep", metrics=[record], protocols=protocols)
    write_results(results, tmp_path / "sweep" / "results.json")
    write_text(tmp_path / "sweep" / "differences.csv", comparison_csv(with_verdicts(found)))
    page = build_page(read_runs([tmp_path / "sweep", runs / SYSTEMS[0] / "pnmi"]))
    assert page.systems == (SYSTEMS[0],)
    (table,) = [part for part in section(page, "differences").parts if isinstance(part, Table)]
    assert table.title == "sweep, pnmi: variants against full"
    assert [row[1].text for row in table.rows] == ["phonetic", "phonetic", "acoustic.0"]
    assert [row[-1].text for row in table.rows] == ["worse", "within noise", "within noise"]
    verdict = [part for part in section(page, "verdict").parts if part.id.startswith("verdict-ablation")]
    assert [[row[2].text for row in part.rows] for part in verdict if isinstance(part, Table)] == [
        ["PNMI, chance-corrected"]
    ]
    (tmp_path / "sweep" / "differences.csv").write_text("id,run\n1,2\n", encoding="utf-8")
    with pytest.raises(HacError, match=r"differences\.csv: not the differences\.csv of hac-analyze ablate"):
        build_page(read_runs([tmp_path / "sweep"]))


def difference_of(id: str, gap: float, p: float) -> Difference:
    around = (gap - 0.1, gap + 0.1)
    return Difference(id, "", "untaught", "corrected", 0.4, 0.4 + gap, gap, *around, p, math.nan, "paired", "unknown",
                      analysis="pnmi", n_seeds=2)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"value": -0.2, "ci_low": -0.3, "ci_high": -0.1, "null_mean": 0.0}, "supported"),
        ({"value": 0.2, "ci_low": 0.1, "ci_high": 0.3, "null_mean": 0.0}, "not supported"),
        ({"value": -0.2, "ci_low": -0.3, "ci_high": -0.1, "null_mean": -0.19}, "not supported"),
        ({"value": 0.1, "ci_low": 0.05, "ci_high": 0.15, "null_mean": 0.3}, "not supported"),
        ({"value": 0.0, "ci_low": 0.0, "ci_high": 0.0, "null_mean": 0.0, "null_sd": 0.0}, "not supported"),
    ],
)
def test_a_change_stands_only_its_way_beyond_none_and_beyond_chance(fields: dict[str, float], verdict: str) -> None:
    assert beyond_chance(record(**fields), "lower", zero=True) == verdict


def test_the_claim_of_a_dropped_level_says_which_way(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[0] / "intervene", tmp_path / "intervene")
    results = read_results(folder)
    fields = {"id": "phonetic.phone_kept_change[drop]", "stream": "phonetic", "null_mean": 0.03, "null_sd": 0.01}
    rises = record(**fields, value=0.04, ci_low=0.01, ci_high=0.2)
    for counted, verdict, why in ((2, "not judged", "only 2 utterances"), (24, "not supported", "p .212")):
        coverage = {**results.coverage, "utterances": {"counted": counted}}
        changed = results.model_copy(update={"metrics": [rises], "coverage": coverage})
        write_results(changed, folder / "results.json")
        (claim,) = claims_of(read_runs([folder]))
        assert claim.text.startswith("dropping phonetic lowers phone content kept beyond chance, in speech of these")
        assert (claim.verdict, claim.why) == (verdict, why)


def test_a_class_is_told_from_the_rest_and_is_no_part_of_the_corpus(runs: Path) -> None:
    parts = section(read_runs([runs]), "parts").parts
    titles = {part.id: part.title for part in parts if isinstance(part, Table)}
    assert titles["table-by-language"] == "PNMI by language"
    assert titles["table-by-manner"] == "A class against all other phones, by manner of the phone"
    table = next(part for part in parts if part.id == "table-by-manner")
    assert isinstance(table, Table)
    assert "frames of all phones" in [column.title for column in table.columns]


def test_what_is_not_defined_is_neither_chance_nor_beyond_it(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / SYSTEMS[0] / "leakage", tmp_path / "leakage")
    results = read_results(folder)
    gone = {"value": math.nan, "null_mean": math.nan, "estimate": math.nan, "note": "n; undefined: one speaker only"}
    metrics = [r.model_copy(update=gone) if "leakage[speaker]" in r.id else r for r in results.metrics]
    write_results(results.model_copy(update={"metrics": metrics}), folder / "results.json")
    found = section(read_runs([folder]), "leakage")
    assert found.missing == (f"{SYSTEMS[0]}, speaker: not measured; one speaker only.",)
    table = next(part for part in found.parts if part.id == "table-leakage")
    assert isinstance(table, Table)
    assert {row[-1].text for row in table.rows if row[2].text == "speaker"} == {"not defined"}


def test_a_lower_number_beyond_chance_is_not_marked_as_chance() -> None:
    low = record(id="units.discovery_ned", value=0.1, ci_low=0.05, ci_high=0.15, null_mean=0.8)
    assert judged_cell(low).mark == ""
    assert judged_cell(record(id="units.discovery_ned", value=0.9, null_mean=0.8)).mark == "null"


def test_a_small_deviation_is_not_written_as_none() -> None:
    assert [null_text(0.07, sd) for sd in (0.002, 0.0003, 0.00001, 0.0)] == [
        ".070 ± .002",
        ".070 ± .0003",
        ".070 ± < .0001",
        ".070 ± .000",
    ]


def test_systems_stand_beside_each_other_in_one_utterance(runs: Path, tmp_path: Path) -> None:
    for system in SYSTEMS:
        folder = copy(runs / system / "pnmi", tmp_path / system / "pnmi")
        shutil.rmtree(folder / "listen", ignore_errors=True)
        if system == SYSTEMS[0]:
            keep_clips(tmp_path / "kept", ["u001"], [], stream="acoustic.0")
        shutil.copytree(tmp_path / "kept" / "listen", folder / "listen")
        file = folder / "listen" / "clips.json"
        written = json.loads(file.read_text(encoding="utf-8"))
        tiers = written["clips"][0]["tiers"]
        tiers.append({**tiers[-1], "name": "phonetic"})
        sounds = written["clips"][0]["sounds"]
        if system == SYSTEMS[1]:  # another codec, another sound
            sounds[1], sounds[2] = {**sounds[2], "name": "reconstruction", "kind": "reconstruction"}, sounds[1]
        file.write_text(json.dumps(written), encoding="utf-8")
    page = build_page(read_runs([tmp_path]))
    (clip,) = section(page, "listen").parts
    assert isinstance(clip, Clip)
    assert clip.systems == SYSTEMS
    assert [sound.system for sound in clip.sounds if sound.kind == "original"] == [""]
    order = [(tier.system, tier.name) for tier in clip.tiers]
    assert order == [
        ("", "words"),
        ("", "phones"),
        *((system, stream) for system in SYSTEMS for stream in ("phonetic", "acoustic.0")),
    ]


def test_warnings_are_told_once_with_the_runs_that_give_them(runs: Path, tmp_path: Path) -> None:
    for command in ("pnmi", "usage"):
        folder = copy(runs / SYSTEMS[0] / command, tmp_path / command)
        given = read_results(folder).model_copy(update={"warnings": ["few speakers"]})
        write_results(given, folder / "results.json")
    page = build_page(read_runs([tmp_path]))
    table = next(part for part in section(page, "coverage").parts if part.id == "warnings")
    assert isinstance(table, Table)
    rows = [[cell.text for cell in row] for row in table.rows]
    assert rows == [["few speakers", f"{SYSTEMS[0]} pnmi, {SYSTEMS[0]} usage"]]
    assert ("warnings", "1 warning of the runs: read before quoting a number") in section(page, "answer").links


def test_every_metric_of_the_runs_is_explained(runs: Path) -> None:
    found = read_runs([runs])
    table = next(part for part in section(found, "terms").parts if part.id == "table-metrics")
    assert isinstance(table, Table)
    named = {METRICS[metric_name(r.id)].title for run in found.all for r in run.by_id.values()}
    assert {row[0].text for row in table.rows} == named
    assert all(row[4].text for row in table.rows)


def test_what_fell_is_told_beside_the_curves(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "pnmi")
    told = "collapse at step 2: it fell"
    first = results.get("phonetic.pnmi")
    steps = [first.model_copy(update={"group": group_of(n), "note": told if n == 2 else ""}) for n in (1, 2)]
    update = {"command": "history", "metrics": steps, "warnings": [told, "few speakers"]}
    write_results(results.model_copy(update=update), tmp_path / "results.json")
    found = history_section(read_runs([tmp_path]))
    assert found.notes == (f"{SYSTEMS[0]}: {told}",)
    assert isinstance(found.parts[0], Chart)
    assert found.parts[0].panels[0].title == "PNMI"


def test_how_much_was_measured_is_told_and_little_of_it_in_minutes(runs: Path) -> None:
    found = read_runs([runs / SYSTEMS[0] / "pnmi"])
    hours = found.all[0].results.coverage["hours"]["counted"]
    table = next(part for part in section(found, "systems").parts if part.id == "table-measured")
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]] == [SYSTEMS[0], f"24 utterances, {60 * hours:.1f} min"]


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
    assert [chart.id for chart in charts] == [f"chart-history--{results.system}", f"chart-history--{results.system}--2"]


def test_sound_is_held_against_the_first_system_at_equal_bits_and_only_once(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "recon")
    for system, depth in (("a", "rvq-7"), ("b", "rvq-9"), ("c", "rvq-7")):
        told = [
            record(id=f"{depth}.{what}", stream=depth, value=value)
            for what, value in (("stoi", 0.5), ("kbps[nominal]", 4.5))
        ]
        update = {"system": system, "metrics": told, "protocols": {}}
        write_results(results.model_copy(update=update), tmp_path / system / "recon" / "results.json")
    tables = [part for part in section(read_runs([tmp_path]), "differences").parts if isinstance(part, Table)]
    assert [table.title for table in tables] == ["recon: differences to a"]
    assert [[cell.text for cell in row[:2]] for row in tables[0].rows] == [["b", "rvq-7"], ["c", "rvq-7"]]
    assert "b at equal bits: rvq-9 against rvq-7" in tables[0].note


def test_streams_of_another_name_are_held_against_each_other_where_that_is_asked_for(
    runs: Path, tmp_path: Path
) -> None:
    """The second system's phonetic stream is called units; the numbers are those of `hac-analyze compare --match`."""
    for command in ("pnmi", "boundaries"):
        folder = copy(runs / SYSTEMS[1] / command, tmp_path / "b" / command)
        text = (folder / "results.json").read_text().replace('"phonetic', '"units')
        (folder / "results.json").write_text(text)
        # the clusters keep their order: what they are of is renamed in the results
        left_out = pq.read_table(folder / "jackknife.parquet")
        names = pa.array([id.replace("phonetic", "units") for id in left_out["id"].to_pylist()], left_out["id"].type)
        place = left_out.schema.get_field_index("id")
        pq.write_table(left_out.set_column(place, left_out.schema.field("id"), names), folder / "jackknife.parquet")
    given = [runs / SYSTEMS[0], tmp_path / "b"]
    assert not [table for table in section(read_runs(given), "differences").parts if "against" in table.title]
    found = read_runs(given, {"units": "phonetic"})
    tables = {part.title: part for part in section(found, "differences").parts if isinstance(part, Table)}
    held = tables[f"pnmi: units against phonetic of {SYSTEMS[0]}"]
    assert f"boundaries: units against phonetic of {SYSTEMS[0]}" in tables
    one = next(row for row in held.rows if row[2].text.startswith("PNMI, chance-corrected"))
    run = matched([read_run(runs / SYSTEMS[0] / "pnmi"), read_run(tmp_path / "b" / "pnmi")], {"units": "phonetic"})
    expected = compare(run, lambda record: record.id == "phonetic.pnmi" and not record.group)[0]
    assert (one[0].text, one[1].text) == (SYSTEMS[1], "phonetic")
    assert (one[3].value, one[4].value, one[5].value) == (expected.base, expected.other, expected.difference)
    claim = next(
        c
        for c in claims_of(found)
        if c.text == f"units carries more information on phones than phonetic of {SYSTEMS[0]}"
    )
    assert (claim.system, claim.value, claim.low) == (SYSTEMS[1], expected.difference, expected.low)


@pytest.mark.parametrize("match", [{"unit": "phonetic"}, {"acoustic.0": "phonetik"}])
def test_a_stream_that_no_run_has_cannot_be_held_against_another(runs: Path, match: dict[str, str]) -> None:
    with pytest.raises(HacError, match=r"--match: no run has a stream '(unit|phonetik)'; there are .*phonetic"):
        read_runs([runs], match)


def test_words_of_older_runs_have_nulls_without_deviation(runs: Path, tmp_path: Path) -> None:
    whole = runs / SYSTEMS[0] / "words" / "words.csv"
    with whole.open(encoding="utf-8", newline="") as stream:
        names, *lines = csv.reader(stream)
    kept = [i for i, name in enumerate(names) if not name.endswith("_sd")]
    assert len(kept) == len(names) - 2
    older = tmp_path / "words.csv"
    older.write_text("\n".join(",".join(row[i] for i in kept) for row in (names, *lines)), encoding="utf-8")
    now, then = read_words(whole), read_words(older)
    assert any(row.null_sd > 0 for row in now) and all(math.isnan(row.null_sd) for row in then)
    assert [(row.word, row.f1, row.null) for row in now] == [(row.word, row.f1, row.null) for row in then]
    chart = next(part for part in section(read_runs([runs / SYSTEMS[0]]), "words").parts if isinstance(part, Chart))
    assert any(point.null_sd > 0 for panel in chart.panels for one in panel.series for point in one.points)
