"""Encoding a corpus: resumed after any death, the same bytes however it is divided, bad audio left out."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from hac.coding import encode_shard
from hac.coding.encode import encode_corpus
from hac.commands.encode import encode
from hac.data.audio.audio import write_audio
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import FailureLog, HacError
from hac.tokenizers.base import Tokenizer
from tests.hac.loudness import RATE, Loudness
from tests.waiting import WAIT_S, until

assert isinstance(Loudness(Path()), Tokenizer)


def batches(tokenizer: Loudness) -> list[int]:
    return [int(line) for line in tokenizer.log.read_text().split()] if tokenizer.log.exists() else []


def make_corpus(folder: Path, n: int = 12, seconds: float = 1.0) -> Manifest:
    rng = np.random.default_rng(7)
    utterances = []
    for i in range(n):
        n_samples = int(RATE * seconds * rng.uniform(0.5, 1.5))
        write_audio(folder / f"{i}.wav", rng.uniform(-0.9, 0.9, n_samples).astype(np.float32), RATE)
        utterances.append(Utterance(f"u{i}", f"{i}.wav", n_samples / RATE))
    return Manifest(folder, tuple(utterances))


@pytest.fixture
def corpus(tmp_path: Path) -> Manifest:
    return make_corpus(tmp_path / "audio")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Loudness:
    return Loudness(tmp_path / "log.txt")


def test_every_utterance_gets_the_tokens_it_gets_alone(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    from hac.data.audio.audio import read_audio

    store = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "t.parquet", shard_s=4))
    assert store.ids == corpus.ids
    for row, utterance in enumerate(corpus.utterances):
        alone = tokenizer.encode([read_audio(corpus.audio_path(utterance), RATE).samples])[0]
        for name, codes in alone.items():
            assert store[name].utterance(row).tolist() == codes.tolist()
    assert store["units"].frame_rate == 100
    assert store.provenance["tokenizer"] == "loudness:test"
    assert store.provenance["tokenizer_provenance"] == {"seed": 1}


def test_bytes_depend_on_neither_processes_nor_batches(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    plain = encode_corpus(corpus, tokenizer, tmp_path / "a").read_bytes()
    for name, options in {"b": {"jobs": 2, "shard_s": 2}, "c": {"batch_s": 0.1}, "d": {"batch_s": 3}}.items():
        assert encode_corpus(corpus, tokenizer, tmp_path / name, **options).read_bytes() == plain


def test_finished_shards_are_never_made_again(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    encode_corpus(corpus, tokenizer, out, shard_s=3)
    whole, work = out.read_bytes(), sum(batches(tokenizer))
    assert work == len(corpus)
    encode_corpus(corpus, tokenizer, out, shard_s=3, jobs=1, batch_s=1)
    assert (out.read_bytes(), sum(batches(tokenizer))) == (whole, work)
    victim = sorted((tmp_path / "t.shards").iterdir())[0]
    lost = len(read_tokens(victim))
    victim.write_bytes(victim.read_bytes()[:100])
    encode_corpus(corpus, tokenizer, out, shard_s=3)
    assert (out.read_bytes(), sum(batches(tokenizer))) == (whole, work + lost)


def test_what_changed_is_made_anew(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    def work(manifest: Manifest = corpus, **changes: Any) -> int:
        before = sum(batches(tokenizer))
        encode_corpus(manifest, replace(tokenizer, **changes), tmp_path / "t.parquet", shard_s=0.1)
        return sum(batches(tokenizer)) - before

    assert work() == len(corpus)
    assert work() == 0
    assert work(provenance={"seed": 2}) == len(corpus)
    longer = replace(corpus.utterances[0], id="new")
    assert work(Manifest(corpus.root, (*corpus.utterances, longer))) == 1
    path = corpus.audio_path(corpus.utterances[3])
    os.utime(path, ns=(1, 1))
    assert work() == 1


def test_chosen_streams_only(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    store = read_tokens(encode_corpus(corpus, tokenizer, tmp_path, streams=["lexical"]))
    assert list(store.streams) == ["lexical"]
    with pytest.raises(HacError, match="no stream 'words'; there are units, lexical"):
        encode_corpus(corpus, tokenizer, tmp_path, streams=["words"])


def test_long_audio_goes_in_chunks_and_streamed_audio_is_the_same(
    tokenizer: Loudness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path / "audio", n=2, seconds=20)
    whole = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "a"))
    chunked = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "b", chunk_s=5))
    assert max(batches(tokenizer)) == 2
    assert len(batches(tokenizer)) > 4
    monkeypatch.setattr("hac.coding.encode_shard.STREAMED_S", 1.0)
    streamed = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "c", chunk_s=5))
    for name in ("units", "lexical"):
        assert np.array_equal(whole[name].codes, chunked[name].codes)
        assert np.array_equal(whole[name].codes, streamed[name].codes)


def spoil(corpus: Manifest) -> dict[str, str]:
    """Damage some files of a corpus; the reason expected for each."""
    paths = [corpus.audio_path(utterance) for utterance in corpus.utterances]
    paths[2].unlink()
    paths[4].write_bytes(b"")
    paths[5].write_bytes(b"this is no audio at all")
    paths[7].write_bytes(paths[7].read_bytes()[:2000])
    write_audio(paths[9], np.zeros(round(corpus.utterances[9].duration * RATE), dtype=np.float32), RATE)
    return {
        "u2": "audio-missing",
        "u4": "audio-empty",
        "u5": "audio-unreadable",
        "u7": "audio-truncated",
        "u9": "audio-silent",
    }


def test_the_first_failure_stops_all_processes_where_that_is_asked_for(
    corpus: Manifest, tokenizer: Loudness, tmp_path: Path
) -> None:
    spoil(corpus)
    with pytest.raises(HacError, match="--strict stops at the first failure"):
        encode_corpus(corpus, tokenizer, tmp_path / "o", shard_s=1, jobs=2, failures=FailureLog(strict=True))
    assert not (tmp_path / "o" / "tokens.parquet").exists()


@pytest.mark.parametrize("streamed_s", [0.0, 600.0])
def test_bad_audio_is_counted_and_left_out(
    streamed_s: float, corpus: Manifest, tokenizer: Loudness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hac.coding.encode_shard.STREAMED_S", streamed_s)
    good = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "good", shard_s=4))
    expected = spoil(corpus)
    for _ in range(2):  # the second time from finished shards
        failures = FailureLog()
        store = read_tokens(encode_corpus(corpus, tokenizer, tmp_path / "bad", shard_s=4, failures=failures))
        assert [failure.id for failure in failures] == list(expected)
        assert {failure.id: failure.reason for failure in failures} == expected
        assert store.ids == tuple(id for id in corpus.ids if id not in expected)
        assert np.array_equal(store["units"].codes, good.select(store.ids)["units"].codes)
        assert store.provenance["failures"] == dict(sorted((reason, 1) for reason in expected.values()))
    with pytest.raises(HacError, match=r"u2: .*--strict stops at the first failure"):
        encode_corpus(corpus, tokenizer, tmp_path / "bad", shard_s=4, failures=FailureLog(strict=True))
    with pytest.raises(HacError, match="--strict stops at the first failure"):
        encode_corpus(corpus, tokenizer, tmp_path / "strict", shard_s=4, failures=FailureLog(strict=True))


def test_paths_out_of_the_root_and_other_durations_are_failures(
    corpus: Manifest, tokenizer: Loudness, tmp_path: Path
) -> None:
    first, second, *rest = corpus.utterances
    rows = (replace(first, path="../secret.wav"), replace(second, duration=9.0), *rest)
    failures = FailureLog()
    encode_corpus(Manifest(corpus.root, rows), tokenizer, tmp_path / "o", failures=failures)
    assert failures.by_reason() == {"audio-duration": 1, "audio-path": 1}


def test_an_utterance_that_the_tokenizer_refuses_does_not_take_its_batch_along(
    corpus: Manifest, tokenizer: Loudness, tmp_path: Path
) -> None:
    lengths = {u.id: round(u.duration * RATE) for u in corpus.utterances}
    limit = sorted(lengths.values())[3]
    failures = FailureLog()
    picky = replace(tokenizer, refuse_below=limit)
    store = read_tokens(encode_corpus(corpus, picky, tmp_path / "o", failures=failures))
    assert set(store.ids) == {id for id, length in lengths.items() if length >= limit}
    assert failures.by_reason() == {"tokenizer-refused": 3}


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    corpus: Manifest, tokenizer: Loudness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(table: object, path: Path, **options: object) -> None:
        path.write_bytes(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", write_half)
    with pytest.raises(HacError, match="no space left on the disk"):
        encode_corpus(corpus, tokenizer, tmp_path / "t.parquet", shard_s=4)
    assert list((tmp_path / "t.shards").iterdir()) == []
    assert not (tmp_path / "t.parquet").exists()


def test_impossible_requests_are_refused(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    with pytest.raises(HacError, match=r"t\.jsonl: token stores are written as \.parquet"):
        encode_corpus(corpus, tokenizer, tmp_path / "t.jsonl")
    with pytest.raises(HacError, match="0 jobs were asked for"):
        encode_corpus(corpus, tokenizer, tmp_path / "t.parquet", jobs=0)


def test_a_corpus_without_one_good_file_is_an_error(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    for utterance in corpus.utterances:
        corpus.audio_path(utterance).write_bytes(b"")
    with pytest.raises(HacError, match=r"none of the 12 utterances could be encoded; the first: .*/0\.wav"):
        encode_corpus(corpus, tokenizer, tmp_path / "t.parquet", shard_s=4)
    assert not (tmp_path / "t.parquet").exists()


def test_a_tokenizer_that_breaks_its_promises_is_named(corpus: Manifest, tokenizer: Loudness, tmp_path: Path) -> None:
    loud = replace(tokenizer, max_code=1000)
    with pytest.raises(HacError, match=r"tokenizer loudness:test: utterance 'u.*is beyond the codebook of 64"):
        encode_corpus(corpus, loud, tmp_path / "a")
    more = (*tokenizer.streams, StreamSpec("words", 2, Fraction(1)))

    class Forgetful(Loudness):
        def _one(self, samples: NDArray[np.float32]) -> dict[str, NDArray[np.int32]]:
            return Loudness(self.log)._one(samples)

    forgetful = Forgetful(tokenizer.log, streams=more)
    with pytest.raises(HacError, match="promised stream 'words', but made none for 'u0'"):
        encode_corpus(corpus, forgetful, tmp_path / "b")
    assert not (tmp_path / "a" / "tokens.parquet").exists()


@given(durations=st.lists(st.floats(0.01, 200), min_size=1, max_size=30), batch_s=st.floats(0, 300))
def test_batches_hold_every_utterance_once_within_the_bound(durations: list[float], batch_s: float) -> None:
    utterances = [Utterance(f"u{i}", "x", seconds) for i, seconds in enumerate(durations)]
    planned = encode_shard.plan_batches(utterances, batch_s)
    assert sorted(u.id for batch in planned for u in batch) == sorted(u.id for u in utterances)
    for batch in planned:
        assert len(batch) == 1 or max(u.duration for u in batch) * len(batch) <= batch_s


SCRIPT = """
import signal, sys
# a shell may have switched SIGINT off for its background jobs
signal.signal(signal.SIGINT, signal.default_int_handler)
from dataclasses import replace
from pathlib import Path
from typing import Any
from hac.data.manifest.formats import read_manifest
from hac.coding.encode import encode_corpus
from tests.hac.loudness import Loudness
folder = Path(sys.argv[1])
tokenizer = Loudness(folder / "log.txt", delay_s=1.0, n_quick=4)
encode_corpus(read_manifest(folder / "m.jsonl"), tokenizer, folder / "t.parquet", shard_s=0.1, jobs=int(sys.argv[2]))
"""


@pytest.mark.parametrize(("sign", "jobs"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGINT, 2)])
def test_a_run_that_was_stopped_goes_on_where_it_was(sign: signal.Signals, jobs: int, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "audio", n=20, seconds=0.2)
    write_manifest(corpus, tmp_path / "m.jsonl")
    tokenizer = Loudness(tmp_path / "log.txt")
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(jobs)],
        cwd=root,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: len(batches(tokenizer)) >= 5)
    process.send_signal(sign)
    assert process.wait(WAIT_S) != 0
    assert not (tmp_path / "t.parquet").exists()
    done = [path for path in (tmp_path / "t.shards").glob("*.parquet") if pq.read_metadata(path)]
    assert len(done) >= 5 - jobs
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlive their parent
    before = len(batches(tokenizer))
    finished = len(list((tmp_path / "t.shards").glob("*.parquet")))
    out = encode_corpus(corpus, tokenizer, tmp_path / "t.parquet", shard_s=0.1)
    assert len(batches(tokenizer)) - before == len(corpus) - finished
    assert out.read_bytes() == encode_corpus(corpus, tokenizer, tmp_path / "fresh").read_bytes()
    assert not list((tmp_path / "t.shards").glob(".*"))


@pytest.fixture
def command(tokenizer: Loudness, monkeypatch: pytest.MonkeyPatch) -> Iterator[typer.Typer]:
    """The command, its tokenizers being the fake one."""
    import hac.tokenizers.registry

    monkeypatch.setattr(hac.tokenizers.registry, "load_tokenizer", lambda name, device: replace(tokenizer, name=name))
    app = typer.Typer()
    app.command()(encode)
    yield app
    encode_shard._load.cache_clear()


def test_the_command_reports_and_lists_what_it_left_out(corpus: Manifest, command: typer.Typer, tmp_path: Path) -> None:
    expected = spoil(corpus)
    write_manifest(corpus, tmp_path / "m.jsonl")
    call = [str(tmp_path / "m.jsonl"), "-t", "fake:x", "-o", str(tmp_path / "t.parquet"), "-j", "1"]
    result = CliRunner().invoke(command, [*call, "--streams", "units"])
    assert result.exit_code == 0, result.output
    assert "t.parquet: 7 utterances" in result.output
    assert "units: " in result.output
    assert "lexical" not in result.output
    assert "left out 5 utterances (1 audio-empty, 1 audio-missing" in result.output
    listed = [json.loads(line) for line in (tmp_path / "t.failures.jsonl").read_text().splitlines()]
    assert {entry["id"]: entry["reason"] for entry in listed} == expected
    strict = CliRunner().invoke(command, [*call, "--strict"])
    assert isinstance(strict.exception, HacError)
