"""A whole reconstruction run: values, nulls, judges, warnings, and what is done only once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from analysis.audio_quality import signal
from analysis.audio_quality.signal import Pair, SignalSettings, measure
from analysis.metrics.registry import metric_of
from analysis.reconstruction import run
from analysis.reconstruction.inputs import Condition, material
from analysis.reconstruction.pairs import null_pairs, other_voices
from analysis.results.schema import Results
from hac.errors import FailureLog
from probes.signal import signal_metrics
from tests.analysis.reconstruction.worlds import RATE, corpus_with, decode, fake_judges, world


def audio(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32")[0]


def without_run(results: Results) -> str:
    data = results.model_dump(mode="json", by_alias=True)
    data["provenance"].pop("run")
    return json.dumps(data)


def test_corpus_values_are_means_of_the_library(tmp_path: Path) -> None:
    request = world(tmp_path, {"rvq-1": 0.5, "rvq-2": 0.1})
    outcome = run.run(request, jobs=1)
    for condition in request.material.conditions:
        values = [
            signal_metrics.si_sdr(audio(request.material.references[id]), audio(condition.files[id])).value
            for id in request.material.manifest.ids
        ]
        record = outcome.results.get(f"{condition.name}.si_sdr")
        assert record.value == pytest.approx(np.mean(values))
        assert record.n == 6
        assert record.ci_low < record.value < record.ci_high
        assert record.null_mean < record.value - 5
        assert not record.is_corrected and record.estimate == record.value
    better, worse = (outcome.results.get(f"rvq-{k}.stoi") for k in (2, 1))
    assert better.value > worse.value > worse.null_mean
    assert worse.estimate == pytest.approx((worse.value - worse.null_mean) / (1 - worse.null_mean))
    groups = {record.group for record in outcome.results.metrics}
    assert groups == {"", "language=en", "speaker=speaker-0", "speaker=speaker-1"}
    assert outcome.results.get("rvq-1.stoi", "speaker=speaker-0").n == 3
    for record in outcome.results.metrics:
        metric_of(record.id)


def test_processes_change_no_byte(tmp_path: Path) -> None:
    request = world(tmp_path, {"a": 0.2, "b": 0.4})
    one = run.run(request, jobs=1)
    two = run.run(replace(request, folder=tmp_path / "again"), jobs=2)
    assert without_run(one.results) == without_run(two.results)
    assert json.dumps(one.rows) == json.dumps(two.rows)


def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world(tmp_path, {"a": 0.2, "b": 0.4})
    expected = run.run(request, jobs=1)
    seen: list[str] = []
    made = signal._row

    def counted(job: signal._Job, settings: SignalSettings) -> signal.Row:
        seen.append(job.pair.estimate.parent.name)
        return made(job, settings)

    monkeypatch.setattr(signal, "_row", counted)
    assert without_run(run.run(request, jobs=1).results) == without_run(expected.results)
    assert not seen
    decode(request.material.manifest, tmp_path / "c", 0.8)
    third = Condition("c", {id: tmp_path / "c" / f"{id}.wav" for id in request.material.manifest.ids}, (), 3)
    more = replace(request, material=replace(request.material, conditions=(*request.material.conditions, third)))
    run.run(more, jobs=1)
    assert set(seen) == {"c"}
    seen.clear()
    run.run(replace(more, protocol=replace(more.protocol, sample_rate=8000)), jobs=1)
    assert set(seen) == {"a", "b", "c"}


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world(tmp_path, {"a": 0.2, "b": 0.4})
    expected = run.run(replace(request, folder=tmp_path / "whole"), jobs=1)
    made, seen = signal._row, []

    def stopped(job: signal._Job, settings: SignalSettings) -> signal.Row:
        seen.append(job.key)
        if len(seen) == 9:
            raise KeyboardInterrupt
        return made(job, settings)

    monkeypatch.setattr(signal, "TASK_PAIRS", 4)
    monkeypatch.setattr(signal, "_row", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.run(request, jobs=1)
    assert len(list((request.folder / "signal").glob("*.json"))) == 2
    outcome = run.run(request, jobs=1)
    assert len(set(seen)) == len(seen) - 1  # only the one that was interrupted was begun twice
    assert without_run(outcome.results) == without_run(expected.results)
    assert json.dumps(outcome.rows) == json.dumps(expected.rows)


def test_a_broken_part_is_measured_anew(tmp_path: Path) -> None:
    manifest = corpus_with(tmp_path, {"a": 0.3}, n=2)
    pairs = [Pair(manifest.audio_path(u), tmp_path / "a" / f"{u.id}.wav") for u in manifest.utterances]
    settings = SignalSettings(RATE, ("si_sdr",), "cut-to-shorter")
    rows = measure(pairs, settings, tmp_path / "m")
    for path in (tmp_path / "m").glob("*.json"):
        path.write_text(path.read_text()[:50])
    assert measure(pairs, settings, tmp_path / "m") == rows


def test_judges_are_asked_once_and_their_sums_are_divided_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world(
        tmp_path,
        {"a": 0.2, "b": 0.4},
        metrics=run.METRICS[-4:],
        recognizer="fake",
        encoder="fake",
        predictor="fake",
    )
    utterances = request.material.manifest.utterances
    texts = ["one two three four", "five six", "seven eight nine", None, "  ", "ten"]
    spoken = [replace(u, text=t) for u, t in zip(utterances, texts, strict=True)]
    spoken[2] = replace(spoken[2], language="fr")
    manifest = replace(request.material.manifest, utterances=tuple(spoken))
    request = replace(request, material=replace(request.material, manifest=manifest))
    calls = fake_judges(monkeypatch, manifest)
    outcome = run.run(request, jobs=1)
    results = outcome.results
    assert calls == ["transcripts 9", "voices 18", "opinions 18"]
    wer = results.get("a.wer")
    assert (wer.value, wer.n) == (pytest.approx(3 / 7), 7)
    assert "1 x language-unknown-to-recognizer, 2 x text-missing" in wer.note
    assert wer.null_mean > 0.9
    assert results.get("reference.wer").value == 0
    assert results.get("a.cer").value == pytest.approx((5 + 4 + 3) / (18 + 8 + 3))
    voice = results.get("a.speaker_similarity")
    assert voice.value == pytest.approx(0.5)
    assert voice.null_mean != pytest.approx(0.5)
    assert "other speakers" in voice.note
    assert results.get("a.mos[ovrl]").value == 3
    assert results.get("reference.mos[ovrl]").value == 4
    assert math.isnan(results.get("a.mos[ovrl]").null_mean)
    assert "no null" in results.get("a.mos[ovrl]").note
    row = next(row for row in outcome.rows if row["id"] == "utt-0" and row["condition"] == "a")
    assert (row["heard"], row["wer"], row["wer.numerator"], row["wer.denominator"]) == ("one two three", 0.25, 1, 4)
    silent = next(row for row in outcome.rows if row["id"] == "utt-3" and row["condition"] == "a")
    assert math.isnan(silent["wer"])
    assert silent["wer.reason"] == "text-missing"


def test_one_voice_alone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world(tmp_path, {"a": 0.2}, metrics=("speaker_similarity",), encoder="fake")
    spoken = tuple(replace(u, speaker="speaker-0") for u in request.material.manifest.utterances)
    manifest = replace(request.material.manifest, utterances=spoken)
    fake_judges(monkeypatch, manifest)
    results = run.run(replace(request, material=replace(request.material, manifest=manifest)), jobs=1).results
    assert results.get("a.speaker_similarity").null_mean == pytest.approx(0.5)
    assert any("same voice" in warning for warning in results.warnings)


def test_more_quantizers_that_make_it_worse_are_flagged(tmp_path: Path) -> None:
    fine = run.run(world(tmp_path / "fine", {"rvq-1": 0.5, "rvq-2": 0.1}), jobs=1).results
    assert not [w for w in fine.warnings if "worse with more" in w]
    bad = run.run(world(tmp_path / "bad", {"rvq-1": 0.1, "rvq-2": 0.5, "rvq-3": 0.5}), jobs=1).results
    flagged = [w for w in bad.warnings if "worse with more" in w]
    assert len(flagged) == 2
    assert all("rvq-2 minus rvq-1" in w for w in flagged)


@pytest.mark.parametrize("policy", ["cut-to-shorter", "pad", "refuse"])
def test_unequal_lengths_are_counted_and_told(tmp_path: Path, policy: str) -> None:
    request = world(tmp_path, {"a": 0.2}, policy=policy)
    decode(request.material.manifest, tmp_path / "a", 0.2, longer=-4000)
    results = run.run(request, jobs=1).results
    if policy == "refuse":
        assert results.failures == {"lengths-differ": 6}
        assert math.isnan(results.get("a.stoi").value)
        assert "6 x lengths-differ" in results.get("a.stoi").note
        return
    assert results.coverage["lengths"]["a"] == {
        "equal": 0,
        "shorter": 6,
        "longer": 0,
        "largest_difference_s": 0.25,
    }
    assert any("6 of 6 reconstructions differ" in warning for warning in results.warnings)
    if policy == "cut-to-shorter":
        assert results.get("a.si_sdr").value > 10


def test_audio_that_cannot_be_read_is_a_failure_and_not_a_score(tmp_path: Path) -> None:
    request = world(tmp_path, {"a": 0.2})
    (tmp_path / "a" / "utt-1.wav").write_bytes(b"RIFF")
    results = run.run(request, jobs=1).results
    assert sum(results.failures.values()) == 1
    assert results.get("a.stoi").n == 5
    assert "left out: 1 x audio-" in results.get("a.stoi").note


def test_silence_has_reasons_and_is_left_out(tmp_path: Path) -> None:
    request = world(tmp_path, {"a": 0.2}, metrics=("pesq_wb", "stoi", "si_sdr"))
    sf.write(tmp_path / "a" / "utt-0.wav", np.zeros(RATE), RATE)
    results = run.run(request, jobs=1).results
    assert "1 x estimate-silent" in results.get("a.pesq_wb").note
    assert "1 x estimate-silent" in results.get("a.si_sdr").note
    assert results.get("a.stoi").n == 6


def test_an_exact_copy_is_perfect(tmp_path: Path) -> None:
    pytest.importorskip("parselmouth")
    request = world(tmp_path, {"a": 0.0}, metrics=run.METRICS[:11])
    for id, path in request.material.references.items():
        (tmp_path / "a" / f"{id}.wav").write_bytes(path.read_bytes())
    results = run.run(request, jobs=1).results
    assert results.get("a.pesq_wb").value == pytest.approx(4.644, abs=1e-3)
    assert results.get("a.stoi").value == pytest.approx(1)
    assert "6 x exact" in results.get("a.si_sdr").note
    for metric in ("mel_distance", "stft_distance", "f0_rmse_cents", "gross_pitch_error", "voicing_error"):
        assert results.get(f"a.{metric}").value == 0, metric
        assert results.get(f"a.{metric}").null_mean > 0, metric
    assert results.get("a.f0_corr").value == pytest.approx(1)


def test_no_null_pairs_no_null(tmp_path: Path) -> None:
    results = run.run(world(tmp_path, {"a": 0.2}, null_pairs=0), jobs=1).results
    assert math.isnan(results.get("a.stoi").null_mean)
    assert not results.get("a.stoi").is_corrected
    assert math.isfinite(results.get("a.stoi").value)


def test_one_utterance_has_a_value_and_neither_null_nor_interval(tmp_path: Path) -> None:
    manifest = corpus_with(tmp_path, {"a": 0.2}, n=1)
    request = world(tmp_path / "other", {"a": 0.2})
    files = {id: tmp_path / "a" / f"{id}.wav" for id in manifest.ids}
    alone = material(manifest, [Condition("a", files)], FailureLog())
    results = run.run(replace(request, material=alone, folder=tmp_path / "m"), jobs=1).results
    record = results.get("a.stoi")
    assert math.isfinite(record.value)
    assert math.isnan(record.null_mean)
    assert math.isnan(record.ci_low)


# pairs


def test_pairs_are_shared_out_over_the_draws() -> None:
    ids = [f"utt-{i}" for i in range(200)]
    assert [(draw >= 0).sum() for draw in null_pairs(ids, 3, 0, 100)] == [33, 33, 34]
    assert [(draw >= 0).sum() for draw in null_pairs(ids, 3, 0)] == [200] * 3
    assert [(draw >= 0).sum() for draw in null_pairs(ids[:5], 3, 0, 100)] == [5] * 3


def test_other_voices_are_of_others() -> None:
    ids = [f"utt-{i}" for i in range(30)]
    speakers = [None if i == 7 else f"s{i % 3}" for i in range(30)]
    draws, note = other_voices(ids, speakers, 4, 0)
    assert "other speakers" in note
    for draw in draws:
        assert draw[7] == -1
        for i in np.flatnonzero(draw >= 0):
            assert speakers[i] != speakers[draw[i]]
            assert speakers[draw[i]] is not None
    assert len({tuple(draw) for draw in draws}) == 4
