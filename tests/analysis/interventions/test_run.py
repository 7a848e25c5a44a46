"""Interventions, whole: a codec whose levels are known is found out, and what does nothing changes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.inputs.corpus import Labels
from analysis.interventions.compare import Protocol
from analysis.interventions.effects import CHANGE, EFFECTS
from analysis.interventions.measures import tiled_track
from analysis.interventions.plan import choose_utterances, make_plan
from analysis.interventions.run import Outcome
from analysis.results.schema import Record
from hac.data.alignments.alignment import Alignments
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import HacError
from probes.tokens.interventions import INTERVENTIONS, levels_of
from reports.interventions.files import intervene_files
from reports.interventions.tables import intervene_table
from reports.render.result_files import write_run
from tests.analysis.interventions.worlds import STREAMS, Village, Vowels, judges, village
from tests.analysis.laws import check

QUICK = Protocol(judges=judges(), n_nulls=2)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Village:
    return village(tmp_path_factory.mktemp("village"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def outcome(world: Village, folder: Path) -> Outcome:
    return world.run(folder, QUICK)


@pytest.fixture(scope="module")
def found(outcome: Outcome) -> Mapping[str, Record]:
    return {record.id: record for record in outcome.results.metrics if not record.group}


def test_a_level_that_the_decoder_ignores_does_exactly_nothing(found: Mapping[str, Record]) -> None:
    for intervention in ("drop", "shuffle", "swap"):
        for effect in EFFECTS:
            if f"lexical.{effect}[{intervention}]" not in found:
                continue
            change = found[f"lexical.{effect}{CHANGE}[{intervention}]"]
            assert change.value == 0, change.id
            assert math.isnan(change.ci_low), change.id
            if math.isfinite(change.null_mean):
                assert change.null_mean == change.null_sd == 0, change.id
            value, kept = found[f"lexical.{effect}[{intervention}]"], found[f"all.{effect}[keep]"]
            assert (value.value, value.null_mean, value.n) == (kept.value, kept.null_mean, kept.n)


def test_every_effect_is_there_beside_its_null(found: Mapping[str, Record]) -> None:
    assert {id.split("[")[0].rsplit(".", 1)[1] for id in found} == {*EFFECTS, *(e + CHANGE for e in EFFECTS)}
    for record in found.values():
        if "opinion" not in record.id:
            assert math.isfinite(record.null_mean), record.id
        assert math.isfinite(record.ci_low) or "the same number without each cluster" in record.note, record.id
    assert any(math.isfinite(record.ci_low) for record in found.values())


def test_every_record_holds(outcome: Outcome) -> None:
    check(outcome.results.metrics)


def test_the_reference_is_the_recording_here(found: Mapping[str, Record]) -> None:
    """The codec is exact, so what is kept is what was recorded, to a step of 16 bits."""
    assert found["all.own_wer[keep]"].value == found["all.own_wer[original]"].value == 0
    assert found["all.phone_kept[original]"].value == 1
    # a step of 16 bits may turn a guess or two
    assert found["all.phone_kept[keep]"].value == pytest.approx(1, abs=0.02)
    assert found["all.keep_stoi[keep]"].value == pytest.approx(1)
    assert found["all.keep_mel[keep]"].value == 0
    assert found["all.source_f0[keep]"].value == pytest.approx(1)
    assert found["all.source_voicing[keep]"].value == 0


def test_the_level_of_phones_carries_words_and_phones_and_no_pitch(found: Mapping[str, Record]) -> None:
    for intervention in INTERVENTIONS:
        values = {e: found.get(f"phonetic.{e}[{intervention}]") for e in EFFECTS}
        kept = intervention == "alone"
        wer, content, pitch = (values[e] for e in ("own_wer", "phone_kept", "source_f0"))
        assert wer is not None
        assert content is not None
        assert pitch is not None
        assert (wer.value < 0.1) == kept, intervention
        assert (content.value > 0.7) == kept, intervention
        if intervention in ("shuffle", "swap"):
            assert pitch.value > 0.8, intervention
    swap = found["phonetic.partner_wer[swap]"]
    assert swap.value < 0.25 < swap.null_mean
    assert found["all.partner_wer[keep]"].value > 0.4


def test_the_level_of_sound_carries_the_pitch_and_no_phones(found: Mapping[str, Record]) -> None:
    for intervention in ("shuffle", "swap"):
        assert abs(found[f"acoustic.source_f0[{intervention}]"].value) < 0.6
        assert found[f"acoustic.own_wer[{intervention}]"].value < 0.1
        assert found[f"acoustic.phone_kept[{intervention}]"].value > 0.7
    assert found["acoustic.partner_f0[swap]"].value > 0.8
    change = found[f"acoustic.partner_f0{CHANGE}[swap]"]
    assert change.ci_low > 0
    assert change.value == pytest.approx(found["acoustic.partner_f0[swap]"].value - found["all.partner_f0[keep]"].value)


def test_a_run_that_goes_on_decodes_and_measures_nothing_twice(
    world: Village, folder: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(Vowels, "decode", refuse)
    monkeypatch.setattr("analysis.interventions.signal.signal_scores", refuse)
    monkeypatch.setattr("tests.analysis.interventions.worlds.Reader.transcribe", refuse)
    monkeypatch.setattr("tests.analysis.interventions.worlds.Ear.embed", refuse)
    again = world.run(folder, QUICK)
    assert again.results.metrics == outcome.results.metrics or str(again.results) == str(outcome.results)


def test_files_rows_and_table(outcome: Outcome, tmp_path: Path) -> None:
    few = [record for record in outcome.results.metrics if "_wer" in record.id]
    small = replace(outcome, results=outcome.results.model_copy(update={"metrics": few}))
    written = write_run(small.results, intervene_files(small), tmp_path / "a")
    write_run(small.results, intervene_files(small), tmp_path / "b")
    for path in written:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    rows = pq.read_table(tmp_path / "a" / "rows.parquet").to_pylist()
    wer = [r for r in rows if (r["level"], r["intervention"], r["effect"]) == ("phonetic", "swap", "own_wer")]
    assert {r["id"] for r in wer} == set(outcome.ids)
    assert all(r["partner"] and r["partner"] != r["id"] for r in wer)
    value = sum(r["numerator"] for r in wer) / sum(r["denominator"] for r in wer)
    assert outcome.results.get("phonetic.own_wer[swap]").value == pytest.approx(value)
    assert intervene_table(outcome.results)
    assert json.loads((tmp_path / "a" / "results.json").read_text())["command"] == "intervene"


def test_one_speaker_swaps_with_his_own_and_is_told(tmp_path: Path) -> None:
    alone = village(tmp_path / "audio", n=3, speakers=("anna",), texts=False)
    protocol = replace(
        QUICK, levels=("phonetic",), interventions=("swap",), judges=judges(speaker=None, mos=None, pitch=False)
    )
    made = alone.run(tmp_path / "run", protocol, labels=Labels(alone.manifest, Alignments({}, {})))
    said = " ".join(made.results.warnings)
    assert "no utterance could be swapped with one of a speaker known to be another" in said
    assert "3 x the same speaker, same language" in said
    assert "word error rates are left out: the manifest has no transcripts" in said
    assert "phone content is left out: no alignments" in said
    effects = {record.id.split("[")[0].rsplit(".", 1)[1].removesuffix(CHANGE) for record in made.results.metrics}
    assert effects == {"keep_stoi", "keep_mel"}


def test_what_a_recognizer_does_not_know_is_left_out_with_a_reason(world: Village, tmp_path: Path) -> None:
    rows = tuple(replace(row, language="de" if i else "en") for i, row in enumerate(world.manifest.utterances))
    german = Manifest(world.manifest.root, rows)
    protocol = replace(
        QUICK, levels=("phonetic",), interventions=("drop",), judges=judges(speaker=None, mos=None, pitch=False)
    )
    made = world.run(tmp_path, protocol, labels=Labels(german, Alignments({}, {})))
    record = made.results.get("phonetic.own_wer[drop]")
    assert "left out: 3 x asr-language" in record.note
    assert record.n == len((rows[0].text or "").split())


class Residual(Vowels):
    """Hears its streams together, or the first few of them, as residual codecs do."""

    def choose(self, present: object, levels: object = None, n_quantizers: int | None = None) -> tuple[str, ...]:
        if levels is not None:
            raise HacError("streams are heard together")
        return tuple(STREAMS)[:n_quantizers]


def test_a_codec_that_cannot_silence_a_level_says_so_and_swaps_it_still() -> None:
    plan = make_plan(Residual(), tuple(STREAMS), levels_of(tuple(STREAMS)), INTERVENTIONS)
    assert [condition.name for condition in plan.conditions] == [
        "keep",
        "acoustic.alone",
        "acoustic.shuffle",
        "acoustic.swap",
        "phonetic.shuffle",
        "phonetic.swap",
        "lexical.drop",
        "lexical.shuffle",
        "lexical.swap",
    ]
    assert plan.conditions[1].n_quantizers == 1
    assert "without the other streams" in plan.left_out["acoustic.drop"]
    whole = make_plan(Vowels(), tuple(STREAMS), {"everything": tuple(STREAMS)}, ("drop", "alone"))
    assert whole.left_out == {"everything.drop": "nothing would be heard"}


def test_utterances_are_chosen_from_all_speakers_in_turn() -> None:
    rows = [Utterance(f"a{i:02d}", "x.wav", 1.0, "anna", "en") for i in range(20)]
    rows += [Utterance(f"b{i}", "x.wav", 1.0, "ben", "en") for i in range(2)]
    rows += [Utterance("c0", "x.wav", 1.0)]
    manifest = Manifest(Path(), tuple(rows))
    chosen = choose_utterances(manifest, manifest.ids, 8)
    assert [sum(id.startswith(first) for id in chosen) for first in "abc"] == [5, 2, 1]
    assert chosen == tuple(sorted(chosen)) == choose_utterances(manifest, manifest.ids[::-1], 8)
    assert set(choose_utterances(manifest, manifest.ids, 3)) < set(chosen)
    assert choose_utterances(manifest, manifest.ids, None) == tuple(sorted(manifest.ids))
    assert choose_utterances(manifest, manifest.ids, 8, seed=1) != chosen


def test_a_track_begins_anew_when_its_tokens_do() -> None:
    track = np.arange(5.0)
    assert tiled_track(track, 9, 40_000).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert tiled_track(track, 9, 60_000)[[4, 6]].tolist() == [4, 0]
    assert math.isnan(tiled_track(track, 9, 60_000)[5])
    assert tiled_track(track, 3, 60_000).tolist() == [0, 1, 2]
