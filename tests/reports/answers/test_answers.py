"""The first screen: the best and what is within noise of it, sentences by rule, what to distrust, and bad input."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from analysis.results.records import TOO_LITTLE_SPEECH
from analysis.results.schema import Record, StreamInfo, read_results, write_results
from probes.nulls.circular_shift import OVER_SPEAKERS, OVER_UTTERANCES
from reports.answers.questions import Answered, answered, bits_of
from reports.answers.section import answer_section
from reports.answers.sentences import distrusted, sentences
from reports.document.parts import Section, Statements, Table
from reports.document.runs import ReportRun, Runs, read_runs
from reports.page.page import build_page
from reports.render.html import draw_page, render
from tests.reports.made_runs import FITTED, made_record, made_run, with_coverage
from tests.reports.report_worlds import SYSTEMS


def systems(**estimates: float) -> Runs:
    """A PNMI run a system, over the same speakers."""
    return Runs(tuple(
        made_run(name, "pnmi", made_record("units.pnmi", estimate, seed=place))
        for place, (name, estimate) in enumerate(estimates.items())
    ))  # fmt: skip


def places(runs: Runs) -> dict[str, str]:
    (one,) = answered(runs)
    return {answer.system: answer.place for answer in one.answers}


def said(runs: Runs) -> list[str]:
    return list(sentences(answered(runs), bits_of(runs)))


def table_of(section: Section) -> Table:
    return next(part for part in section.parts if isinstance(part, Table))


def lines_of(section: Section, id: str) -> tuple[str, ...]:
    return next((part.lines for part in section.parts if isinstance(part, Statements) and part.id == id), ())


def test_the_best_and_what_is_within_noise_of_it_are_marked_alike() -> None:
    runs = systems(a=0.3, b=0.405, c=0.4)
    assert places(runs) == {"a": "behind", "b": "best", "c": "within noise of the best"}
    table = table_of(answer_section(runs))
    marks = {row[0].text: (row[1].mark, row[1].text.split("\n")[2:]) for row in table.rows}
    assert marks == {"a": ("", []), "b": ("good", ["best"]), "c": ("good", ["within noise of the best"])}


def test_p_of_the_table_is_corrected_for_all_its_comparisons() -> None:
    """What differs alone is within noise among many that do not."""
    two = systems(a=0.4, b=0.37)
    assert places(two)["b"] == "behind"
    many = systems(a=0.4, b=0.37, **{f"s{i}": 0.399 for i in range(40)})
    assert places(many)["b"] == "within noise of the best"


def test_sentences_say_who_is_best_who_ties_and_who_is_behind() -> None:
    (sentence,) = said(systems(a=0.3, b=0.405, c=0.4))
    assert re.sub(r"± \.\d+", "±", sentence) == (
        "b carries most information on phones (.405 ±, units; PNMI, chance-corrected); within noise of it: c (.400 "
        "±, units); behind it: a (.300 ±, units)."
    )


def test_one_system_alone_is_not_the_best() -> None:
    runs = systems(a=0.3)
    assert places(runs) == {"a": "behind"}
    assert said(runs)[0].startswith("a carries information on phones (.300 ± ")


@pytest.mark.parametrize(
    ("estimates", "chance"),
    [({"a": 0.002, "b": 0.001}, "no more than chance"), ({"a": 0.035, "b": 0.03}, "next to chance")],
)
def test_what_nothing_does_is_said_and_none_is_the_best(estimates: dict[str, float], chance: str) -> None:
    runs = systems(**estimates)
    (sentence,) = said(runs)
    assert sentence.startswith("Nothing here carries information on phones, or next to nothing: at most a (.")
    cells = [row[1] for row in table_of(answer_section(runs)).rows]
    assert [(cell.mark, cell.text.split("\n")[2]) for cell in cells] == [("", chance)] * 2


def test_of_many_systems_few_are_named_in_a_sentence() -> None:
    (sentence,) = said(systems(a=0.4, **{f"s{i}": 0.2 for i in range(9)}))
    assert sentence.endswith(" and 6 more.") and len(sentence) < 300


def test_the_best_stream_stands_for_a_system_and_of_the_speaker_the_leakiest() -> None:
    phones = made_run("a", "pnmi", *(made_record(f"{s}.pnmi", e) for s, e in (("phonetic", 0.2), ("lexical", 0.3),
                      ("acoustic.0", 0.1), ("acoustic.1", 0.9))))  # fmt: skip
    leak = made_run("a", "leakage", *(made_record(f"{s}.leakage[speaker]", e, stream=s) for s, e in
                    (("phonetic", 0.1), ("acoustic.0", 0.2), ("acoustic.1", 0.3))))  # fmt: skip
    found = {one.question.name: one.answers[0] for one in answered(Runs((phones, leak)))}
    assert (found["phones"].of, found["leakage"].of) == ("lexical", "acoustic.1")
    hidden = made_record("acoustic.0.leakage[speaker]", 0.6, null=0.7, stream="acoustic.0")
    leak = made_run("a", "leakage", made_record("phonetic.leakage[speaker]", 0.1, stream="phonetic"), hidden)
    (one,) = answered(Runs((leak,)))
    assert (one.answers[0].of, one.answers[0].place) == ("acoustic.0", "not ranked")
    assert not table_of(answer_section(Runs((leak,)))).rows[0][1].mark


def summed_up(system: str, stream: float, both: float, bound: float, seed: int = 0) -> ReportRun:
    """A run of 46 streams of which the first two could be counted jointly."""
    names = {"q0": 1, "q0..q1": 2, "q0..q45": 46}
    records = [
        made_record("q0.pnmi", stream, seed=seed),
        made_record("q0..q1.pnmi", both, seed=seed, null=0.2),
        made_record("q0..q45.pnmi_bound", bound, seed=seed, value=bound, is_corrected=False, null_mean=math.nan),
    ]
    info = {"frame_rate": "50", "used_codes": 16, "n_frames": 9, "hours": 1.5}
    streams = {f"q{i}": StreamInfo(codebook_size=16, **info) for i in range(46)}
    levels = {name: {"streams": n, "kbps": n / 5} for name, n in names.items()}
    return made_run(system, "pnmi", *records, streams=streams, coverage=with_coverage(levels=levels))


def test_a_system_of_many_streams_is_answered_for_by_what_they_tell_together() -> None:
    runs = Runs((*systems(a=0.3).all, summed_up("b", 0.05, 0.1, 0.45), summed_up("c", 0.05, 0.1, 0.08, seed=1)))
    (one,) = answered(runs)
    assert [(a.of, a.place, a.is_bound, a.best_stream.of if a.best_stream else "") for a in one.answers] == [
        ("units", "behind", False, ""), ("q0..q45", "best", True, "q0"), ("q0..q1", "behind", False, "q0")
    ]  # fmt: skip
    cells = [row[1].text.split("\n") for row in table_of(answer_section(runs)).rows]
    assert cells[1][0].startswith("at least .450 ± ") and cells[1][1:3] == ["q0..q45", "one stream: q0 .050"]
    assert cells[2][1:3] == ["q0..q1", "one stream: q0 .050"]
    assert said(runs)[0].startswith("b carries most information on phones (at least .450 ± ")


def test_a_bound_at_nothing_is_no_more_than_chance() -> None:
    (one,) = answered(Runs((summed_up("a", -0.001, -0.001, 0.001), summed_up("b", -0.001, -0.001, -0.002, seed=1))))
    assert one.is_nothing and [answer.chance for answer in one.answers] == ["no more than chance"] * 2


def recon(system: str, wer: float, kbps: float, last: str, seed: int = 0) -> ReportRun:
    plain = {"is_corrected": False, "null_mean": 1.0}
    records = [
        made_record(f"{last}.wer", wer, value=wer, seed=seed, **plain),
        made_record(f"{last}.pesq_wb", 4 - wer, value=4 - wer, seed=seed, is_corrected=False),
        made_record(f"{last}.kbps[nominal]", kbps, value=kbps, stream=last),
        made_record("first.wer", 0.0, value=0.0, seed=seed, **plain),
    ]
    return made_run(system, "recon", *records, coverage=with_coverage(conditions={"first": {}, last: {}}))


def test_sound_and_intelligibility_are_of_the_last_condition_and_lower_is_better_where_it_is() -> None:
    runs = Runs((recon("a", 0.3, 4.5, "rvq-7"), recon("b", 0.1, 9.2, "9.2k", seed=1)))
    found = {one.question.name: one for one in answered(runs)}
    assert list(found) == ["sound", "intelligibility"]
    assert [(a.of, a.place) for a in found["intelligibility"].answers] == [("rvq-7", "behind"), ("9.2k", "best")]
    assert {name: bits.kbps for name, bits in bits_of(runs).items()} == {"a": 4.5, "b": 9.2}
    assert "9.2k at 9.2 kbit/s" in said(runs)[0] and said(runs)[0].startswith("b sounds best")


def test_bits_of_tokens_are_the_logarithms_of_their_codebooks() -> None:
    info = {"frame_rate": "75/2", "used_codes": 1, "n_frames": 1, "hours": 1.0}
    streams = {name: StreamInfo(codebook_size=n, **info) for name, n in (("x", 16), ("y", 1), ("x+y", 16))}
    runs = Runs((made_run("a", "pnmi", made_record("x.pnmi", 0.2), streams=streams),))
    assert bits_of(runs)["a"].kbps == pytest.approx(4 * 37.5 / 1000)
    assert bits_of(runs)["a"].of == "2 streams"


@pytest.mark.parametrize(
    ("fields", "null", "reason"),
    [
        ({"coverage": with_coverage(utterances={"counted": 4, "key": "same"})}, 0.1, "only 4 utterances"),
        ({"provenance": FITTED}, 0.1, "its units were fitted on the speech that they are scored on"),
        ({}, 0.55, TOO_LITTLE_SPEECH),
    ],
)
def test_what_cannot_be_ranked_is_shown_and_not_ranked(fields: dict[str, object], null: float, reason: str) -> None:
    best = made_run("a", "pnmi", made_record("units.pnmi", 0.9, null=null), **fields)
    runs = Runs((best, *systems(b=0.3, c=0.2).all))
    assert places(runs) == {"a": "not ranked", "b": "best", "c": "behind"}
    cell = table_of(answer_section(runs)).rows[0][1]
    assert (cell.mark, cell.text.split("\n")[2]) == ("", f"not ranked: {reason}")
    assert "not ranked: a (.900 ± " in said(runs)[0] and said(runs)[0].startswith(
        "b carries most information on phones"
    )
    assert any(line.startswith("a (pnmi") for line in distrusted(runs))


def test_what_to_distrust_is_named() -> None:
    cautions = {
        "intervals are over utterances, of this speaker alone": {"coverage": with_coverage(speakers=1)},
        "intervals are over utterances, of these two speakers alone": {"coverage": with_coverage(speakers=2)},
        "fewer than 10 utterances": {"coverage": with_coverage(utterances={"counted": 9})},
        "units fitted on the very speech": {"provenance": FITTED},
        "the run is partial": {"status": "partial"},
        "made by an older version, whose null kept": {"protocols": {"silence-kept": {"null": OVER_UTTERANCES}}},
    }
    sound = made_run("sound", "pnmi", made_record("units.pnmi", 0.2))
    for caution, fields in cautions.items():
        bad = made_run("bad", "pnmi", made_record("units.pnmi", 0.2), **fields)
        (line,) = distrusted(Runs((sound, bad)))
        assert line.startswith(f"bad (pnmi): {caution}"), line
    assert not list(distrusted(Runs((sound,))))
    alone = [
        made_run(name, "pnmi", made_record("units.pnmi", 0.2), coverage=with_coverage(speakers=1)) for name in "ab"
    ]
    assert [line.partition(":")[0] for line in distrusted(Runs(tuple(alone)))] == ["All numbers"]


def test_other_speech_is_not_compared() -> None:
    other = made_run(
        "b", "pnmi", made_record("units.pnmi", 0.2), coverage=with_coverage(utterances={"counted": 77, "key": "x"})
    )
    runs = Runs((*systems(a=0.4).all, other))
    (one,) = answered(runs)
    assert [(a.place, "other speech" in a.doubt) for a in one.answers] == [("not ranked", False), ("not ranked", True)]
    assert one.answers[0].doubt == "no other number could be tested against it"


def test_numbers_under_nulls_of_two_kinds_are_not_compared() -> None:
    old, new = (
        made_run(name, "pnmi", made_record("units.pnmi", value), protocols={"silence-kept": {"null": null}})
        for name, value, null in (("a", 0.4, OVER_SPEAKERS), ("b", 0.2, OVER_UTTERANCES))
    )
    (one,) = answered(Runs((old, new)))
    first, second = one.answers
    assert (first.place, second.place) == ("not ranked", "not ranked")
    assert "measured differently (null: 'circular-shift within each utterance" in second.doubt


def test_the_lead_says_on_how_much_speech() -> None:
    few = made_run("a", "words", coverage=with_coverage(utterances={"counted": 1}, speakers=1, hours={"counted": 0.02}))
    assert answer_section(Runs((*systems(a=0.2, b=0.1).all, few))).lead == (
        "2 systems, measured on 48 utterances, 1.50 h, 12 speakers, en (pnmi); 1 utterance, 1.2 min, 1 speaker, en "
        "(words)."
    )


# what may come in


def test_every_cell_and_link_leads_to_a_section_of_the_page(runs: Path) -> None:
    page = build_page(read_runs([runs]))
    ids = {one.id for section in page.sections for one in (section, *section.parts)}
    first = page.sections[0]
    assert first.id == "answer"
    cells = [cell for row in table_of(first).rows for cell in row if cell.links]
    assert len(cells) >= 6 and {cell.links for cell in cells} <= ids
    assert all(id in ids for section in page.sections for id, _ in section.links)
    shown = render(draw_page(page))
    anchors = re.findall(r'href="#([^"]+)"', shown)
    assert set(anchors) <= ids


def test_a_number_without_an_interval_is_not_ranked() -> None:
    bare = made_record("units.pnmi", 0.9, ci_low=math.nan, ci_high=math.nan, left_out=None, ci_method="none")
    runs = Runs((made_run("a", "pnmi", bare), *systems(b=0.3, c=0.2).all))
    assert places(runs) == {"a": "not ranked", "b": "best", "c": "behind"}


def test_a_stream_of_constants_is_shown_without_an_interval() -> None:
    none = made_record("units.pnmi", 0.0, 0.0)
    assert math.isnan(none.ci_low)
    runs = Runs((made_run("a", "pnmi", none), *systems(b=0.3).all))
    assert table_of(answer_section(runs)).rows[0][1].text == ".000\nunits\nnot ranked: no interval"


def test_a_number_that_is_not_defined_says_why() -> None:
    gone = made_record("units.pnmi", math.nan, value=math.nan, note="undefined: one label only", ci_low=math.nan)
    cell = table_of(answer_section(Runs((made_run("a", "pnmi", gone),)))).rows[0][1]
    assert cell.text == "not defined\nunits\none label only"
    assert not said(Runs((made_run("a", "pnmi", gone),)))


def test_systems_of_one_name_have_a_row_each(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "pnmi")
    for parent in ("one", "two"):
        write_results(results, tmp_path / parent / "pnmi" / "results.json")
    table = table_of(build_page(read_runs([tmp_path])).sections[0])
    assert [row[0].text for row in table.rows] == [f"{SYSTEMS[0]} (one)", f"{SYSTEMS[0]} (two)"]


def test_a_metric_of_a_later_version_is_left_alone(runs: Path, tmp_path: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "pnmi")
    first = results.metrics[0]
    later = Record.model_validate({**first.model_dump(), "id": f"{first.stream}.tomorrow[x]", "estimate": 0.5})
    write_results(results.model_copy(update={"metrics": [later, *results.metrics]}), tmp_path / "results.json")
    page = build_page(read_runs([tmp_path]))
    assert table_of(page.sections[0]).rows


def test_results_of_version_1_are_shown_without_rank(runs: Path, tmp_path: Path) -> None:
    record = {"id": "units.pnmi", "stream": "units", "value": 0.4, "null_mean": 0.1, "null_sd": 0.01, "n": 9,
              "protocol": "p", "ci_low": 0.2, "ci_high": 0.3, "ci_method": "cluster-bootstrap-basic",
              "corrected": 0.3333, "corrected_ci_low": 0.3, "corrected_ci_high": 0.32}  # fmt: skip
    for name in "ab":
        results = made_run(name, "pnmi", made_record("units.pnmi", 0.2)).results
        data = {**results.model_dump(mode="json", by_alias=True), "version": 1, "metrics": [record]}
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(data), encoding="utf-8")
    first = build_page(read_runs([tmp_path])).sections[0]
    assert [row[1].text for row in table_of(first).rows] == [".333\nunits\nnot ranked: no interval"] * 2
    assert any("made by an older version" in line for line in lines_of(first, "answer-distrust"))
    assert not lines_of(first, "answer-sentences")


def test_a_page_of_no_system_has_no_answer(tmp_path: Path, runs: Path) -> None:
    results = read_results(runs / SYSTEMS[0] / "pnmi")
    write_results(results.model_copy(update={"command": "ablate", "metrics": []}), tmp_path / "results.json")
    page = build_page(read_runs([tmp_path]))
    assert "answer" not in [section.id for section in page.sections]
    assert page.sections[-1].id == "absent"
    assert f'href="#{page.sections[0].id}">Skip to' in render(draw_page(page))


def test_answers_are_those_of_the_records(runs: Path) -> None:
    read = read_runs([runs])
    found: list[Answered] = answered(read)
    assert [one.question.name for one in found] == ["phones", "words", "leakage"]
    for one in found:
        for answer in one.answers:
            as_shares = {"is_corrected": True, "null_mean": 0.0} if answer.is_bound else {}
            assert answer.run.by_id[answer.record.id].model_copy(update=as_shares) == answer.record
    phones = found[0].answers
    assert [(a.system, a.place) for a in phones] == [(SYSTEMS[0], "best"), (SYSTEMS[1], "behind")]
    for answer in phones:  # streams together tell more than the best of them
        assert answer.of.startswith("phonetic..")
        assert answer.best_stream is not None and answer.best_stream.of == "phonetic"
        assert answer.best_stream.record.estimate < answer.record.estimate


def test_what_a_page_lacks_is_named_once_at_its_end() -> None:
    page = build_page(systems(a=0.3, b=0.2))
    assert all(section.parts for section in page.sections[:-1])
    absent = page.sections[-1]
    assert (absent.id, absent.parts, absent.missing) == ("absent", (), ())
    assert sum("hac-analyze words" in line for line in absent.notes) == 1
    text = render(draw_page(page))
    assert text.count("No run of hac-analyze words was given") == 1
    assert "(none)" not in text


def test_a_claim_that_rests_on_fitted_units_is_named_where_differences_are() -> None:
    fitted = made_run("a", "pnmi", made_record("units.pnmi", 0.9), provenance=FITTED)
    page = build_page(Runs((fitted, *systems(b=0.3).all)))
    (found,) = [section for section in page.sections if section.id == "differences"]
    assert found.missing == (
        "a, pnmi: its units were fitted on the speech that they are scored on, so no claim rests on its differences.",
    )
