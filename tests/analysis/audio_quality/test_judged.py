"""Verdicts become ratios: sums that are divided once, reasons where there are none, failures by utterance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.audio_quality.judged import Recordings, opinions_by_scale, scales_of, text_errors, voice_similarity
from analysis.audio_quality.pairs import NOT_MEASURED, compared
from hac.errors import Failure, FailureLog, HacError
from hac.judges import judge_files
from hac.judges.judge_files import Verdict
from probes.transcripts import char_edits, word_edits

SILENT: Verdict[Any] = Verdict(None, "silent", "there is nothing")
NO_TEXT: Verdict[Any] = Verdict(None, "no-text")
OWN = np.arange(3)


def test_errors_are_summed_and_divided_once() -> None:
    recognized = [Verdict("a b"), Verdict(""), Verdict("a b c x")]
    texts = [Verdict("a b"), Verdict("d"), Verdict("a b c")]
    found = compared(text_errors(word_edits, recognized, texts), OWN, [np.array([1, 2, 0]), np.array([1, -1, 0])])
    assert found.value.value() == pytest.approx((0 + 1 + 1) / (2 + 1 + 3))
    assert [null.value() for null in found.nulls] == pytest.approx([(2 + 3 + 2) / 6, (2 + 2) / 3])
    assert found.nulls[1].reasons == ("", NOT_MEASURED, "")
    characters = compared(text_errors(char_edits, recognized, texts), OWN)
    assert characters.value.value() == pytest.approx((0 + 1 + 2) / (3 + 1 + 5))
    assert characters.nulls == ()


def test_reasons_of_recordings_stand_before_those_of_references() -> None:
    recognized, texts = [SILENT, Verdict("a"), Verdict(None)], [NO_TEXT, NO_TEXT, Verdict("a")]
    value = compared(text_errors(word_edits, recognized, texts), OWN).value
    assert value.reasons == ("silent", "no-text", "not-judged")
    assert math.isnan(value.value())


def test_voices_are_compared_with_the_references_of_others_too() -> None:
    axes = [Verdict(np.eye(3, dtype=np.float32)[k]) for k in range(3)]
    similarity = voice_similarity(axes, [axes[0], axes[1], SILENT], lambda one, other: float(one @ other))
    found = compared(similarity, OWN, [np.array([1, 0, 0])])
    assert (found.value.value(), found.value.reasons) == (1, ("", "", "silent"))
    assert found.nulls[0].value() == 0


def test_opinions_have_the_scales_that_were_said() -> None:
    verdicts = [SILENT, Verdict({"overall": 4.0, "noise": 2.0}), Verdict({"overall": 3.0, "noise": 1.0})]
    assert scales_of(verdicts) == ["overall", "noise"]
    assert scales_of([SILENT]) == []
    found = opinions_by_scale(verdicts, scales_of(verdicts))
    assert {scale: value.value() for scale, value in found.items()} == {"overall": 3.5, "noise": 1.5}
    assert found["noise"].reasons == ("silent", "", "")


def name_of_file(
    files: Mapping[str, Path], judge: str, store: Path, *, device: str, jobs: int, failures: FailureLog
) -> dict[str, Verdict[str]]:
    """A judge whose verdict is the file's name; it has none of `bad`."""
    bad = [name for name, path in files.items() if path.name == "bad"]
    failures.extend(Failure(name, "silent", "there is nothing") for name in bad)
    return {name: SILENT if name in bad else Verdict(path.name) for name, path in files.items()}


def test_failures_are_of_utterances_and_name_the_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_files, "voices", name_of_file)
    files = {"a": {"u/1": Path("one"), "u 2": Path("bad")}, "b": {"u/1": Path("bad")}}
    recordings = Recordings(files, ("u 2", "u/1"), tmp_path)
    missing: Verdict[Any] = Verdict(None, "not-decoded")
    expected = {"a": [SILENT, Verdict("one")], "b": [missing, SILENT]}
    assert recordings.voices("judge") == expected
    failures = FailureLog()
    assert replace(recordings, failures=failures).voices("judge") == expected
    assert [(each.id, each.detail) for each in failures] == [
        ("u 2", "a: there is nothing"),
        ("u/1", "b: there is nothing"),
    ]
    with pytest.raises(HacError, match="there is nothing"):
        replace(recordings, failures=FailureLog(strict=True)).voices("judge")


def test_a_recognizer_is_not_asked_about_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_files, "transcripts", name_of_file)
    recordings = Recordings({"a": {"u": Path("One, two!"), "v": Path("bad")}}, ("u", "v", "w"), tmp_path)
    left_out: dict[str, Verdict[str]] = {"v": NO_TEXT, "w": NO_TEXT}
    found = recordings.transcripts("judge", "basic-1", left_out)["a"]
    assert found == [Verdict("one two"), NO_TEXT, Verdict(None, "not-decoded")]
    nobody = recordings.transcripts("judge", "basic-1", dict.fromkeys("uv", NO_TEXT))["a"]
    assert nobody[:2] == [NO_TEXT, NO_TEXT]
