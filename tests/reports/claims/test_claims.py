"""Verdicts mean what they say: by p over the whole page, by size, and only of what rests on enough."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.comparison.differences import holm
from analysis.metrics.registry import METRICS, metric_name
from analysis.results.records import TOO_LITTLE_SPEECH
from analysis.results.schema import Record
from analysis.statistics.jackknife import p_value, student_t
from reports.claims.claims import claims_of
from reports.claims.section import verdict_section
from reports.document.claim_rule import LEAST, RULES, Claim, chance_claim, judged, size_of
from reports.document.parts import Table
from reports.document.runs import ReportRun, Runs, read_runs
from tests.analysis.worlds import make_world, scored_whole
from tests.reports.made_runs import FITTED, made_record, made_run, with_coverage


def one_claim(record: Record, run: ReportRun | None = None) -> Claim:
    (claim,) = judged([chance_claim(run or made_run("a", "pnmi", record), "it carries information on phones", record)])
    return claim


@pytest.mark.parametrize("n", [3, 4, 12, 100])
@pytest.mark.parametrize("distance", [0.0, 0.5, 0.999, 1.001, 3.0])
def test_p_is_below_a_twentieth_where_the_interval_does_not_reach(n: int, distance: float) -> None:
    p = p_value(distance, 1.0, n)
    assert (p < 0.05) == (distance > 1)
    assert p == p_value(-distance, 1.0, n)
    assert p_value(distance, 1.0, 2) == p_value(distance, 1.0, 3)


def test_p_is_students() -> None:
    assert p_value(1.0, student_t(11), 12) == pytest.approx(0.33880, abs=1e-5)
    assert math.isnan(p_value(1.0, math.nan, 9)) and math.isnan(p_value(math.nan, 1.0, 9))
    assert math.isnan(p_value(1.0, 0.0, 9))


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [(0.4, "supported"), (0.051, "supported"), (0.045, "small effect"), (0.005, "not supported"),
     (-0.2, "not supported")],
)  # fmt: skip
def test_what_is_trivial_is_called_slight(estimate: float, verdict: str) -> None:
    claim = one_claim(made_record("units.pnmi", estimate))
    assert (claim.verdict, claim.size) == (verdict, estimate)


def test_the_size_of_what_is_not_corrected_is_its_share_of_the_way_from_chance_to_the_best() -> None:
    wer = made_record("rvq-1.wer", 0.2, is_corrected=False, value=0.2, null_mean=1.0)
    assert size_of(wer, "lower") == pytest.approx(0.8)
    change = made_record("phonetic.own_wer_change[drop]", 0.3, is_corrected=False, value=0.3, null_mean=0.02)
    assert size_of(change, "higher", zero=True) == pytest.approx(0.28)
    below = change.model_copy(update={"null_mean": -0.02})
    assert size_of(below, "higher", zero=True) == pytest.approx(0.3)


def test_p_is_corrected_for_all_claims_of_the_page() -> None:
    """Alone a claim stands; among thirty others, which are of nothing, it does not."""
    doubtful = made_record("units.pnmi", 0.1, 0.05, seed=1)
    claim = chance_claim(made_run("a", "pnmi", doubtful), "x", doubtful)
    assert 0.002 < claim.p < 0.05
    assert judged([claim])[0].verdict == "supported"
    noise = replace(claim, p=0.9)
    assert judged([claim, *[noise] * 30])[0].verdict == "not supported"
    # what cannot be judged is no claim, and costs the others nothing
    assert judged([claim, *[replace(noise, doubt="one utterance")] * 30])[0].verdict == "supported"


@pytest.mark.parametrize(
    ("fields", "null", "why"),
    [
        ({"coverage": with_coverage(utterances={"counted": 4})}, 0.1, "only 4 utterances"),
        ({"coverage": with_coverage(utterances={"counted": 1})}, 0.1, "only 1 utterance"),
        ({"provenance": FITTED}, 0.1, "its units were fitted on the speech that they are scored on"),
        ({}, 0.6, TOO_LITTLE_SPEECH),
    ],
)
def test_no_verdict_is_given_on_what_rests_on_too_little(fields: dict[str, object], null: float, why: str) -> None:
    record = made_record("phonetic.pnmi", 0.4, null=null)
    run = made_run("a", "pnmi", record, made_record("acoustic.0.pnmi", 0.2, null=0.1), **fields)
    claim = one_claim(record, run)
    assert (claim.verdict, claim.why) == ("not judged", why)
    good = made_run("b", "pnmi", made_record("phonetic.pnmi", 0.1), made_record("acoustic.0.pnmi", 0.05))
    found = {(claim.system, claim.text): claim for claim in claims_of(Runs((run, good)))}
    within, between = (
        "phonetic carries more information on phones than acoustic.0",
        "phonetic carries more information on phones than phonetic of a",
    )
    assert found["b", within].verdict == "supported"
    for claim in (found["a", within], found["b", between]):
        assert (claim.verdict, claim.why) == ("not judged", f"a: {why}")


@pytest.mark.parametrize(
    "provenance",
    [{}, {"tokenizer": "x"}, {"tokenizer": {"tokenizer_provenance": ["abc"]}}, {"inputs": None, "tokenizer": None},
     {**FITTED, "inputs": {"manifest": {"content_sha256": "other"}}}],
)  # fmt: skip
def test_units_that_were_fitted_elsewhere_or_nobody_knows_where_are_judged(provenance: dict[str, object]) -> None:
    record = made_record("units.pnmi", 0.4)
    assert one_claim(record, made_run("a", "pnmi", record, provenance=provenance)).verdict == "supported"


@pytest.mark.parametrize(
    ("n", "unit", "ends"),
    [(1, "utterance", "in speech of this speaker alone"), (2, "utterance", "in speech of these two speakers alone"),
     (None, "utterance", "in speech of these speakers alone"), (12, "speaker", "it carries information on phones")],
)  # fmt: skip
def test_a_claim_says_whose_speech_it_is_of(n: int | None, unit: str, ends: str) -> None:
    record = made_record("units.pnmi", 0.4, note=f"clusters: 12 ({unit})")
    run = made_run("a", "pnmi", record, coverage=with_coverage(speakers=n))
    assert one_claim(record, run).text.endswith(ends)


def test_differences_say_whose_speech_they_are_of() -> None:
    records = [made_record(f"{stream}.pnmi", e, note="clusters: 12 (utterance)")
               for stream, e in (("phonetic", 0.4), ("acoustic.0", 0.3))]  # fmt: skip
    runs = [made_run(name, "pnmi", *records, coverage=with_coverage(speakers=1)) for name in "ab"]
    texts = [claim.text for claim in claims_of(Runs(tuple(runs))) if "more" in claim.text]
    assert len(texts) == 4 and all(text.endswith("in speech of this speaker alone") for text in texts)


def test_every_verdict_of_the_made_up_worlds_is_what_the_records_say(runs: Path) -> None:
    """Each claim against chance again from its record, with nothing of the rule's own code but p and Holm."""
    read = read_runs([runs])
    found = claims_of(read)
    assert len({claim.verdict for claim in found}) >= 3
    known = [claim for claim in found if claim.verdict != "not judged"]
    assert holm(np.array([claim.p for claim in known])) == pytest.approx([claim.p_holm for claim in known])
    records = {(run.system, record.id): record for run in read.all for record in run.by_id.values()}
    for claim in found:
        assert (claim.verdict == "supported") <= (claim.p_holm < 0.05 and claim.size >= claim.least and claim.is_clear)
        assert math.isfinite(claim.p_holm) == (claim.verdict != "not judged") == (not claim.doubt)
        if claim.how:
            assert claim.least == 0
            continue
        same = [r for (system, _), r in records.items() if system == claim.system and r.estimate == claim.value]
        assert any((r.ci_low, r.ci_high, r.null_mean) == (claim.low, claim.high, claim.null_mean) for r in same)
        record = next(r for r in same if r.ci_low == claim.low or math.isnan(claim.low))
        if claim.verdict == "supported" and METRICS[metric_name(record.id)].better != "lower":
            assert claim.low > (0 if record.is_corrected else record.null_mean)
            assert record.value > record.null_mean + 2 * record.null_sd and record.estimate >= LEAST


def test_every_record_of_the_made_up_worlds_lies_in_its_interval(runs: Path) -> None:
    for run in read_runs([runs]).all:
        for record in run.results.metrics:
            if math.isfinite(record.ci_low):
                assert record.ci_low <= record.estimate <= record.ci_high, record.id
                assert record.half_width > 0


def test_tokens_that_know_nothing_have_no_claim_that_stands() -> None:
    """Pages of three systems: at most one in twenty has a claim beyond chance, slight ones too."""
    wrong = 0
    for page in range(20):
        claims = []
        for seed in range(3 * page, 3 * page + 3):
            world = make_world(n_speakers=12, n_utterances=24, seed=seed)
            record = scored_whole(world.request(world.independent(32, seed=1000 + seed)))["units.pnmi"]
            claims.append(chance_claim(made_run("a", "pnmi", record), "x", record))
        assert all(claim.verdict != "not judged" for claim in judged(claims))
        wrong += any(claim.verdict in ("supported", "small effect") for claim in judged(claims))
    assert wrong <= 1


def test_tokens_that_know_phones_stand() -> None:
    world = make_world(n_speakers=12, n_utterances=24)
    record = scored_whole(world.request(world.knowing()))["units.pnmi"]
    assert one_claim(record).verdict == "supported"


def test_the_lead_has_sizes_and_ranks_and_the_rule_stands_beneath() -> None:
    made = {"a": 0.2, "b": 0.4, "c": 0.01}
    runs = Runs(tuple(made_run(name, "pnmi", made_record("units.pnmi", e, seed=3)) for name, e in made.items()))
    section = verdict_section(runs)
    assert section.lead.startswith(
        "Supported, by size: PNMI, chance-corrected: b units .400, a units .200. Each verdict"
    )
    assert section.notes[-len(RULES) :] == RULES
    assert all(len(rule) <= 400 for rule in RULES)
    (table,) = section.parts
    assert isinstance(table, Table) and table.cards
    assert not any("of 3 claims stand" in text for text in (section.lead, *section.notes))
