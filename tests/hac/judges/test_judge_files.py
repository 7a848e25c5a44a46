"""Judging many files: every file once, resumably, with a reason where there is no verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf

import hac.parallel.resumable
from hac.errors import FailureLog, HacError
from hac.judges.judge_files import Verdict, languages_of, opinions, transcripts, voices
from tests.hac.ruled_judges import Counting, Opinion, Voice

RATE = 8000


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Five recordings of noise, 1000 to 1400 samples; the last two have the same bytes."""
    paths = {}
    rng = np.random.default_rng(0)
    for i in range(5):
        paths[f"u{i}"] = tmp_path / f"u{i}.wav"
        sf.write(paths[f"u{i}"], rng.uniform(-0.5, 0.5, 1000 + 100 * i), RATE)
    paths["u4"].write_bytes(paths["u3"].read_bytes())
    return paths


@pytest.fixture
def judge(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "calls")


def test_every_file_gets_its_verdict_and_equal_bytes_are_judged_once(
    files: dict[str, Path], judge: Counting, tmp_path: Path
) -> None:
    found = transcripts(files, judge, tmp_path / "store.parquet")
    assert list(found) == list(files)
    assert [found[id].value for id in files] == [f"{n} samples" for n in (1000, 1100, 1200, 1300, 1300)]
    assert judge.n_calls == 4
    assert not (tmp_path / "store.parts").exists()


def test_what_is_judged_is_never_judged_again(files: dict[str, Path], judge: Counting, tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    some = {id: files[id] for id in ("u0", "u2")}
    transcripts(some, judge, store)
    found = transcripts(files, judge, store)
    assert judge.n_calls == 4
    before = store.read_bytes()
    assert transcripts(files, judge, store) == found
    assert judge.n_calls == 4
    assert store.read_bytes() == before
    # fewer files than the store has: the others stay
    assert list(transcripts(some, judge, store)) == ["u0", "u2"]
    assert store.read_bytes() == before


def test_the_store_depends_neither_on_order_nor_on_processes(
    files: dict[str, Path], judge: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (tmp_path / name for name in ("one.parquet", "two.parquet", "three.parquet"))
    verdicts = transcripts(files, judge, one)
    transcripts(dict(reversed(files.items())), judge, two)
    assert one.read_bytes() == two.read_bytes()
    monkeypatch.setattr(hac.parallel.resumable, "PART_S", 0.1)
    assert transcripts(files, judge, three, jobs=2) == verdicts
    assert one.read_bytes() == three.read_bytes()
    assert judge.n_calls == 12


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_killed_run_goes_on(
    files: dict[str, Path], judge: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr(hac.parallel.resumable, "PART_S", 0.01)  # a part a file
    store, unbroken = tmp_path / "store.parquet", tmp_path / "unbroken.parquet"
    judge.stop_after = stop_after
    with pytest.raises(KeyboardInterrupt):
        transcripts(files, judge, store)
    assert not store.exists()
    part = next((tmp_path / "store.parts").iterdir())
    judge.stop_after = None
    if stop_after == 3:
        part.write_bytes(part.read_bytes()[:100])  # a crash of the machine: this one must be made again
    transcripts(files, judge, store)
    assert judge.n_calls == 4 + (stop_after == 3)
    transcripts(files, judge, unbroken)
    assert store.read_bytes() == unbroken.read_bytes()


def test_files_without_a_verdict_have_reasons_and_are_counted(
    files: dict[str, Path], judge: Counting, tmp_path: Path
) -> None:
    store = tmp_path / "store.parquet"
    files = {"gone": tmp_path / "gone.wav", "text": tmp_path / "text.wav", "short": tmp_path / "short.wav"} | files
    files["text"].write_text("no audio")
    sf.write(files["short"], np.full(700, 0.5), RATE)
    log = FailureLog()
    found = transcripts(files, judge, store, failures=log)
    assert {id: v.reason for id, v in found.items() if v.value is None} == {
        "gone": "audio-missing",
        "text": "audio-unreadable",
        "short": "too-short",
    }
    assert [item.id for item in log] == ["gone", "text", "short"]
    assert all(item.detail for item in log)
    assert found["u0"] == Verdict("1000 samples")
    calls = judge.n_calls
    again = FailureLog()
    assert transcripts(files, judge, store, failures=again) == found
    assert (judge.n_calls, again.items) == (calls, log.items)
    for bad in ("gone", "text", "short"):
        with pytest.raises(HacError, match=bad):
            transcripts({bad: files[bad]}, judge, tmp_path / "other.parquet", failures=FailureLog(strict=True))
        with pytest.raises(HacError, match=bad):
            transcripts({bad: files[bad]}, judge, store, failures=FailureLog(strict=True))


def test_a_failure_that_may_pass_is_tried_again(tmp_path: Path, judge: Counting) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, np.full(4444, 0.5), RATE)
    for n_calls in (1, 2):
        found = transcripts({"a": path}, judge, tmp_path / "store.parquet")["a"]
        assert found.reason == "judge-error"
        assert "out of memory" in found.detail
        assert judge.n_calls == n_calls


def test_a_store_keeps_several_judges_apart(files: dict[str, Path], tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    first, second = Counting(tmp_path / "first", version="1"), Counting(tmp_path / "second", version="2")
    transcripts(files, first, store)
    transcripts(files, second, store)
    transcripts(files, first, store)
    assert (first.n_calls, second.n_calls) == (4, 4)
    assert pq.read_table(store).num_rows == 8
    # where a model's folder lies makes no other judge
    moved = Counting(tmp_path / "moved", version="1", where="/elsewhere")
    transcripts(files, moved, store)
    assert moved.n_calls == 0


def test_digital_silence_is_no_words_and_no_voice(tmp_path: Path, judge: Counting) -> None:
    path = tmp_path / "zeros.wav"
    sf.write(path, np.zeros(4000), RATE)
    assert transcripts({"z": path}, judge, tmp_path / "t.parquet")["z"] == Verdict("")
    assert judge.n_calls == 0


def test_voices_and_opinions_come_back_as_given(files: dict[str, Path], tmp_path: Path) -> None:
    for _ in range(2):  # made, and read again
        voice = voices(files, Voice(), tmp_path / "voices.parquet")["u1"].value
        assert voice is not None and voice.dtype == np.float32
        assert voice.tolist() == [np.float32(0.6), np.float32(0.8), 0.0]
        opinion = opinions(files, Opinion(), tmp_path / "opinions.parquet")["u1"].value
        assert opinion == {"good": 4.5, "loud": 2.0}
        assert list(opinion) == ["good", "loud"]
    unknown = opinions(files, Opinion(good=float("nan"), loud=1.0), tmp_path / "nan.parquet")["u1"]
    assert (unknown.value, unknown.reason) == (None, "not-finite")


def test_only_a_change_of_rate_may_overshoot(tmp_path: Path) -> None:
    square = np.tile(np.repeat([1.0, -1.0], 30), 200)
    for rate in (RATE, 3 * RATE):
        sf.write(tmp_path / f"square-{rate}.wav", square, rate, subtype="FLOAT")
    sf.write(tmp_path / "loud.wav", 1.5 * square, RATE, subtype="FLOAT")
    files = {path.stem: path for path in sorted(tmp_path.glob("*.wav"))}
    found = opinions(files, Opinion(), tmp_path / "opinions.parquet")
    assert {id: verdict.reason for id, verdict in found.items()} == {
        "loud": "audio-clipped",
        "square-24000": None,
        "square-8000": None,
    }


def test_judges_that_break_their_promises_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(HacError, match=r"judge voice: gave a vector"):
        voices(files, Voice(2.0), tmp_path / "voices.parquet")
    with pytest.raises(HacError, match="judge opinion: gave"):
        opinions(files, Opinion(nice=3.0), tmp_path / "opinions.parquet")


def test_another_file_is_not_taken_for_a_store(files: dict[str, Path], judge: Counting, tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    transcripts(files, judge, store)
    with pytest.raises(HacError, match="holds transcripts where voices were expected"):
        voices(files, Voice(), store)
    store.write_bytes(store.read_bytes()[:200])
    with pytest.raises(HacError, match=r"store\.parquet: cannot be read as transcripts"):
        transcripts(files, judge, store)
    with pytest.raises(HacError, match="0 jobs"):
        transcripts(files, judge, tmp_path / "new.parquet", jobs=0)


def test_a_caller_can_ask_for_languages(judge: Counting) -> None:
    assert languages_of(judge) == {"en"}
