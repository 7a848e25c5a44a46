"""Targets: computed once, kept, found again whatever happened meanwhile; live ones; and shuffled ones as a control."""

import errno
import itertools
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from hac.data.audio.audio import read_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from hac.files.output_lock import waited_for
from hac.teachers.targets import target_store as store_module
from hac.teachers.targets.controls import ShuffledTargets
from hac.teachers.targets.frame_grid import TargetError
from hac.teachers.targets.resampling import to_frame_rate
from hac.teachers.targets.speech_targets import LiveSpeechTargets, gigabytes_per_hour, projected_bytes, speech_targets
from hac.teachers.targets.text_targets import text_targets
from tests.waiting import WAIT_S, until

CODEC = {"sample_rate": 16000, "hop_length": 320}


class Teacher:
    """Frames of 20 ms whose features are sums of the samples; counts what it is asked."""

    name, sample_rate, frame_rate, first_centre_s, dim = "sums", 8000, Fraction(50), Fraction(1, 100), 3

    def __init__(self, weights="a"):
        self.weights = weights
        self.n_calls = 0

    def describe(self):
        return {"kind": "sums", "weights_sha256": self.weights}

    def extract(self, samples):
        self.n_calls += 1
        frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
        return np.stack([frames.sum(1), np.abs(frames).sum(1), frames[:, 0]], axis=1)


class Words:
    """A vector of lengths and letters; counts the texts it is asked."""

    name, dim = "letters", 4

    def __init__(self):
        self.texts = []

    def describe(self):
        return {"kind": "letters"}

    def embed(self, texts):
        if any("refuse" in text for text in texts):
            raise HacError("refused")
        self.texts += texts
        vectors = np.array([[len(t), t.count("a"), t.count("b"), 1] for t in texts], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write_corpus(root, durations_s=(0.5, 0.733, 1.1, 0.31, 0.9, 0.6), rates=(16000, 8000, 22050)):
    utterances = []
    for i, (duration_s, rate) in enumerate(zip(durations_s, itertools.cycle(rates), strict=False)):
        n = round(duration_s * rate)
        soundfile.write(root / f"{i}.wav", np.random.default_rng(i).normal(0, 0.1, n), rate)
        utterances.append(Utterance(f"u{i}", f"{i}.wav", round(n / rate, 6), text=f"text {'ab' * i}"))
    return Manifest(root, tuple(utterances))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def make(manifest, cache, teacher=None, failures=None, **options):
    failures = FailureLog(strict=True) if failures is None else failures
    return speech_targets(manifest, teacher or Teacher(), cache=cache, failures=failures, **{**CODEC, **options})


def expected(manifest, id, resample="linear"):
    """The definition: the teacher on the utterance alone, at ceil(n / hop) frames."""
    path = manifest.audio_path(manifest.by_id[id])
    n_frames = -(-len(read_audio(path, 16000).samples) // 320)
    states = Teacher().extract(read_audio(path, 8000).samples)
    return to_frame_rate(states, Fraction(50), Fraction(1, 100), n_frames, Fraction(50), resample).astype(np.float16)


def check(targets, manifest):
    for id in targets.ids:
        np.testing.assert_array_equal(targets[id], expected(manifest, id))
        assert targets.n_frames(id) == len(targets[id])


# the cache of a speech teacher


def test_targets_are_the_teachers_frames_at_the_codecs(corpus, cache):
    steps, words = [], []
    teacher = Teacher()
    targets = make(corpus, cache, teacher, advance=steps.append, announce=words.append)
    assert targets.ids == corpus.ids and targets.dim == 3 and targets.folder == cache
    check(targets, corpus)
    assert targets["u0"].dtype == np.float16 and targets["u0"].flags.writeable
    assert "u0" in targets and "nobody" not in targets
    with pytest.raises(KeyError):
        targets["nobody"]
    assert sum(steps) == len(corpus) == teacher.n_calls
    assert len(words) == 1 and "targets of sums for 6 recordings" in words[0] and str(cache) in words[0]
    for resample in ("nearest", "linear"):
        other = make(corpus, cache.with_name(resample), resample=resample)
        np.testing.assert_array_equal(other["u2"], expected(corpus, "u2", resample))


def test_nothing_is_computed_twice(corpus, cache, tmp_path):
    first = make(corpus, cache)
    again, steps, words = Teacher(), [], []
    targets = make(corpus, cache, again, advance=steps.append, announce=words.append)
    assert again.n_calls == 0 and sum(steps) == len(corpus) and words == []
    check(targets, corpus)
    # moved, renamed, in another order, and grown by one
    for path in corpus.root.iterdir():
        shutil.copy(path, tmp_path / f"moved-{path.name}")
    rows = [Utterance(f"v{u.id}", f"moved-{u.path}", u.duration) for u in corpus.utterances[::-1]]
    soundfile.write(tmp_path / "new.wav", np.full(5000, 0.1), 16000)
    moved = Manifest(tmp_path, (*rows, Utterance("new", "new.wav", 0.3125)))
    targets = make(moved, cache, again)
    assert again.n_calls == 1
    check(targets, moved)
    np.testing.assert_array_equal(targets["vu1"], first["u1"])


def test_unchanged_files_are_not_even_read(corpus, cache, monkeypatch):
    make(corpus, cache)
    monkeypatch.setattr("hac.teachers.targets.file_hashes.sha256_file", lambda path: pytest.fail(f"{path} was read"))
    check(make(corpus, cache), corpus)


def test_a_changed_file_is_computed_anew(tmp_path, cache):
    corpus = write_corpus(tmp_path, (0.5, 0.4))
    before = make(corpus, cache)["u0"]
    soundfile.write(tmp_path / "0.wav", np.random.default_rng(9).normal(0, 0.1, 8000), 16000)
    os.utime(tmp_path / "0.wav", ns=(1, 1))
    teacher = Teacher()
    targets = make(corpus, cache, teacher)
    assert teacher.n_calls == 1
    assert not np.array_equal(targets["u0"], before)
    check(targets, corpus)


def test_the_same_audio_under_two_names_is_computed_once(corpus, tmp_path, cache):
    shutil.copy(corpus.root / "0.wav", tmp_path / "a.wav")
    shutil.copy(corpus.root / "0.wav", tmp_path / "b.wav")
    rows = (Utterance("a", "a.wav", 0.5), Utterance("b", "b.wav", 0.5), Utterance("c", "a.wav", 0.5))
    teacher = Teacher()
    targets = make(Manifest(tmp_path, rows), cache, teacher)
    assert teacher.n_calls == 1
    np.testing.assert_array_equal(targets["a"], targets["b"])
    assert targets.content("a") == targets.content("b") == targets.content("c")


def test_what_cannot_be_read_is_counted(corpus, tmp_path, cache):
    soundfile.write(tmp_path / "short.wav", np.full(100, 0.1), 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(9000), 16000)
    soundfile.write(tmp_path / "loud.wav", np.full(9000, 1e5), 16000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "out.wav").symlink_to(corpus.root / "1.wav")
    shutil.copy(corpus.root / "0.wav", tmp_path / "good.wav")
    names = {"short": 0.00625, "silent": 0.5625, "loud": 0.5625, "text": 1.0, "out": 0.733, "gone": 1.0, "good": 0.5}
    manifest = Manifest(tmp_path, tuple(Utterance(n, f"{n}.wav", d) for n, d in names.items()))
    failures = FailureLog()
    targets = make(manifest, cache, failures=failures)
    assert targets.ids == ("good",)
    assert {failure.id: failure.reason for failure in failures} == {
        "short": "audio-short",
        "silent": "audio-silent",
        "loud": "teacher-not-finite",
        "text": "audio-unreadable",
        "out": "audio-path",
        "gone": "audio-missing",
    }
    with pytest.raises(HacError, match="too few for one frame"):
        make(manifest, cache)
    with pytest.raises(HacError, match="none of the manifest's 1 recordings has targets"):
        make(manifest.subset(["gone"]), cache, failures=FailureLog())


@pytest.mark.parametrize(
    ("error", "reason"), [(MemoryError(), "teacher-memory"), (RuntimeError("CUDA out of memory"), "teacher-memory")]
)
def test_an_utterance_longer_than_memory_is_counted(corpus, cache, error, reason):
    class Greedy(Teacher):
        def extract(self, samples):
            if len(samples) > 8000:
                raise error
            return super().extract(samples)

    failures = FailureLog()
    assert "u2" not in make(corpus, cache, Greedy(), failures)
    assert failures.by_reason() == {reason: 1}
    assert "memory" in failures.items[0].detail


def test_a_broken_teacher_is_not_a_bad_recording(corpus, cache):
    class Broken(Teacher):
        def extract(self, samples):
            if len(samples) > 8000:
                raise RuntimeError("shapes do not match")
            return super().extract(samples)

    with pytest.raises(RuntimeError, match="shapes"):
        make(corpus, cache, Broken())
    # what was done before is kept
    teacher = Teacher()
    check(make(corpus, cache, teacher), corpus)
    assert teacher.n_calls == len(corpus) - 2


@pytest.mark.parametrize("change", [{"teacher": Teacher("b")}, {"hop_length": 160}, {"resample": "nearest"}])
def test_a_folder_keeps_teachers_apart(corpus, cache, change):
    make(corpus, cache)
    text = text_targets(corpus, Words(), cache=cache, failures=FailureLog())
    teacher = change.get("teacher", Teacher())
    n_before = teacher.n_calls
    other = make(corpus, cache, **{**change, "teacher": teacher})
    assert teacher.n_calls == n_before + len(corpus)
    alone = make(corpus, cache.with_name("alone"), **change)
    for id in corpus.ids:
        np.testing.assert_array_equal(other[id], alone[id])
    assert text.ids == corpus.ids and text["u0"].shape == (4,)
    again = Teacher()
    check(make(corpus, cache, again), corpus)
    assert again.n_calls == 0


def test_what_is_no_cache_is_passed_over_or_refused(corpus, cache, tmp_path):
    # of version 1
    cache.mkdir()
    for name in ("rows.f16", "index.bin"):
        (cache / name).write_bytes(b"1234")
    (cache / "meta.json").write_text('{"format": "hac-teacher-targets", "version": 1}')
    teacher = Teacher()
    check(make(corpus, cache, teacher), corpus)
    assert teacher.n_calls == len(corpus)
    assert (cache / "rows.f16").read_bytes() == b"1234"
    (tmp_path / "file").write_text("x")
    with pytest.raises(HacError, match=r"file: cannot be written .*; choose another folder"):
        make(corpus, tmp_path / "file")


def test_each_teacher_has_a_folder_of_its_own_by_default(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folders = {make(corpus, None, Teacher(w), hop_length=h).folder for w in "ab" for h in (320, 160)}
    folders.add(text_targets(corpus, Words(), cache=None, failures=FailureLog()).folder)
    assert len(folders) == 5
    assert {folder.parent for folder in folders} == {tmp_path / "hac" / "teachers"}
    assert all(folder.name.startswith(("sums-", "letters-")) for folder in folders)


# stopped at any moment


def parts(folder):
    return sorted(folder.glob("*.safetensors"))


def n_there(folder):
    """Sources in the parts that are whole."""
    maker = {"teacher": Teacher().describe(), **CODEC, "resample": "linear"}
    return len(store_module.RowStore(folder, 3, maker).places)


@settings(max_examples=20)
@given(st.data())
def test_a_cache_cut_anywhere_is_made_whole(corpus, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "COMMIT_BYTES", data.draw(st.sampled_from([1, 400, 1 << 20]), label="part"))
        make(corpus, folder)
    n_parts = len(parts(folder))
    for path in [*parts(folder), folder / "files.tsv"]:
        size = path.stat().st_size
        os.truncate(path, data.draw(st.sampled_from([size, size, 0]) | st.integers(0, size), label=path.name))
    n_kept = n_there(folder)
    teacher = Teacher()
    check(make(corpus, folder, teacher), corpus)
    assert teacher.n_calls == len(corpus) - n_kept
    assert n_there(folder) == len(corpus)
    assert len(parts(folder)) <= 2 * n_parts
    again = Teacher()
    check(make(corpus, folder, again), corpus)
    assert again.n_calls == 0


STUCK = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from hac.data.manifest.formats import read_manifest
from hac.errors import FailureLog
from hac.teachers.targets import target_store as store
from hac.teachers.targets.speech_targets import speech_targets
from tests.hac.teachers.targets.test_target_store import CODEC, Teacher
class Stuck(Teacher):
    def extract(self, samples):
        print("call", flush=True)
        if self.n_calls == 3:
            time.sleep(3600)  # never ends with the fourth
        return super().extract(samples)
store.COMMIT_S = 0.0
manifest = read_manifest(Path(sys.argv[1]))
speech_targets(manifest, Stuck(), cache=Path(sys.argv[2]), failures=FailureLog(strict=True), **CODEC)
"""


def test_a_killed_process_loses_no_finished_target(corpus, cache, tmp_path):
    from hac.data.manifest.formats import write_manifest

    write_manifest(corpus, tmp_path / "manifest.jsonl")
    repository = str(Path(__file__).parents[4])
    command = [sys.executable, "-c", STUCK, str(tmp_path / "manifest.jsonl"), str(cache), repository]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    for _ in range(4):
        assert process.stdout.readline() == b"call\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    teacher = Teacher()
    check(make(corpus, cache, teacher), corpus)
    # three were finished when the fourth began
    assert teacher.n_calls == len(corpus) - 3
    assert not list(cache.glob(".*.part"))


def test_a_full_disk_stops_and_what_was_made_stays(corpus, cache, monkeypatch):
    sync, n_left = os.fsync, [3]

    def full(descriptor):
        if n_left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        n_left[0] -= 1
        sync(descriptor)

    monkeypatch.setattr(store_module, "COMMIT_S", 0.0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HacError, match="no space left on the disk for a teacher's targets; what was made is kept"):
        make(corpus, cache)
    assert not list(cache.glob(".*.part"))
    monkeypatch.setattr(os, "fsync", sync)
    teacher = Teacher()
    check(make(corpus, cache, teacher), corpus)
    assert teacher.n_calls == len(corpus) - 3


def test_a_folder_that_cannot_be_written(corpus, cache, monkeypatch):
    make(corpus.subset(["u0"]), cache)

    def denied(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("fcntl.flock", denied)
    # what is there needs no writing
    assert make(corpus.subset(["u0"]), cache).ids == ("u0",)
    with pytest.raises(HacError, match="cannot be written"):
        make(corpus, cache)


# several processes


def test_a_second_process_waits_and_then_computes_nothing(corpus, cache):
    make(corpus.subset(["u0"]), cache)
    said, done, teacher = [], [], Teacher()
    with waited_for(cache / "lock"):
        thread = threading.Thread(target=lambda: done.append(make(corpus, cache, teacher, announce=said.append)))
        thread.start()
        until(lambda: any("another process fills this cache" in sentence for sentence in said))
        assert not done and teacher.n_calls == 0
        assert "another process fills this cache; waiting" in said[-1]
    thread.join(WAIT_S)
    check(done[0], corpus)


def test_two_at_once_compute_each_target_once(corpus, cache):
    teachers, results = [Teacher(), Teacher()], []
    threads = [threading.Thread(target=lambda t=t: results.append(make(corpus, cache, t))) for t in teachers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert sum(teacher.n_calls for teacher in teachers) == len(corpus)
    for targets in results:
        check(targets, corpus)


def test_two_teachers_at_once_in_one_folder(tmp_path):
    def fill(folder, name, barrier):
        barrier.wait()
        with store_module.RowStore(folder, 2, {"teacher": name}).writing() as writer:
            writer.append("00" * 32, np.full((1, 2), ord(name), np.float16))

    for i in range(50):
        for names in ("aa", "ab"):
            folder, barrier = tmp_path / f"{i}-{names}", threading.Barrier(2)
            with ThreadPoolExecutor(2) as pool:
                for future in [pool.submit(fill, folder, name, barrier) for name in names]:
                    future.result(WAIT_S)
            assert len(parts(folder)) == len(set(names))
            for name in names:
                store = store_module.RowStore(folder, 2, {"teacher": name})
                np.testing.assert_array_equal(store_module.StoredTargets(store, {"u": "00" * 32}).rows("u"), ord(name))


def test_targets_go_to_other_processes(corpus, cache):
    speech = make(corpus, cache)
    text = text_targets(corpus, Words(), cache=cache.with_name("text"), failures=FailureLog())
    shuffled = ShuffledTargets(speech, seed=1)
    speech["u0"]  # opens the file
    assert len(pickle.dumps(speech)) < 4000
    for targets in (speech, text, shuffled, pickle.loads(pickle.dumps(speech)), pickle.loads(pickle.dumps(text))):
        with multiprocessing.get_context("spawn" if targets is shuffled else "fork").Pool(1) as pool:
            for id, found in zip(targets.ids, pool.map(targets.__getitem__, targets.ids), strict=True):
                np.testing.assert_array_equal(found, targets[id])


def test_reading_a_cache_needs_no_torch():
    modules = "controls, live_targets, resampling, speech_targets, text_targets"
    program = (
        f"import sys; from hac.teachers import base; from hac.teachers.targets import {modules}; "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# sizes and statistics


def test_sizes_are_said_beforehand(corpus, cache):
    frames = sum(-(-us * 50 // 1_000_000) for us in corpus.durations_us.values())
    assert projected_bytes(corpus, 3, Fraction(50)) == 2 * 3 * frames
    make(corpus, cache)
    assert sum(len(load_file(path)["rows"].tobytes()) for path in parts(cache)) == projected_bytes(
        corpus, 3, Fraction(50)
    )
    # 3600 s x 50 Hz x 768 features x 2 bytes
    assert gigabytes_per_hour(768, Fraction(50)) == pytest.approx(0.27648)


def test_statistics_are_those_of_the_frames(corpus, cache):
    targets = make(corpus, cache)
    frames = np.concatenate([targets[id].astype(np.float64) for id in targets.ids])
    mean, deviation = targets.statistics()
    assert mean.dtype == deviation.dtype == np.float32
    np.testing.assert_allclose(mean, frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(deviation, frames.std(axis=0), rtol=1e-5)
    # a sample: drawn from the seed, whatever the order of the manifest
    turned = make(Manifest(corpus.root, corpus.utterances[::-1]), cache)
    assert np.array_equal(targets.statistics(3, seed=1), turned.statistics(3, seed=1))
    assert not np.array_equal(targets.statistics(3, seed=1), targets.statistics(3, seed=2))


# on the fly


@pytest.mark.parametrize("resample", ["linear", "nearest"])
def test_live_targets_are_the_cached_ones(corpus, cache, resample):
    live = LiveSpeechTargets(corpus, Teacher(), failures=FailureLog(strict=True), resample=resample, **CODEC)
    cached = make(corpus, cache, resample=resample)
    assert live.ids == cached.ids and live.dim == cached.dim and "u1" in live and "nobody" not in live
    for id in live.ids:
        np.testing.assert_array_equal(live[id], cached[id])
        assert live.n_frames(id) == cached.n_frames(id)
    assert np.array_equal(live.statistics(4), cached.statistics(4))
    with pytest.raises(KeyError):
        live["nobody"]


def test_live_targets_count_what_they_see_in_headers(corpus, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.full(100, 0.1), 16000)
    rows = (Utterance("gone", "gone.wav", 1.0), Utterance("short", "short.wav", 0.00625))
    failures = FailureLog()
    live = LiveSpeechTargets(Manifest(tmp_path, rows), Teacher(), failures=failures, **CODEC)
    assert failures.by_reason() == {"audio-missing": 1} and live.ids == ("short",)
    with pytest.raises(TargetError, match="too few for one frame"):
        live["short"]
    with pytest.raises(HacError, match="none of the manifest's 1 recordings"):
        LiveSpeechTargets(Manifest(tmp_path, rows[:1]), Teacher(), failures=failures, **CODEC)


def test_a_codec_without_frames_is_refused(corpus):
    with pytest.raises(HacError, match="0 samples a frame"):
        LiveSpeechTargets(corpus, Teacher(), failures=FailureLog(), sample_rate=16000, hop_length=0)
    with pytest.raises(HacError, match="'cubic' is unknown"):
        LiveSpeechTargets(corpus, Teacher(), failures=FailureLog(), resample="cubic", **CODEC)


# text


def texts(*lines):
    return Manifest(Path("nowhere"), tuple(Utterance(f"u{i}", f"{i}.wav", 1.0, text=t) for i, t in enumerate(lines)))


def test_each_text_is_embedded_once(cache):
    teacher, steps = Words(), []
    manifest = texts("ab", "b", "ab", " ab\n", "aab")
    targets = text_targets(manifest, teacher, cache=cache, failures=FailureLog(strict=True), advance=steps.append)
    assert teacher.texts == ["ab", "b", "aab"] and sum(steps) == 5
    assert targets.ids == manifest.ids and targets.dim == 4 and "u0" in targets and "u9" not in targets
    for id, text in zip(manifest.ids, ["ab", "b", "ab", "ab", "aab"], strict=True):
        assert targets[id].dtype == np.float32
        np.testing.assert_allclose(targets[id], Words().embed([text])[0], atol=1e-3)
        assert np.linalg.norm(targets[id]) == pytest.approx(1, abs=1e-6)
    assert targets.content("u0") == targets.content("u3") != targets.content("u1")
    more = text_targets(texts("b", "new"), teacher, cache=cache, failures=FailureLog())
    assert teacher.texts == ["ab", "b", "aab", "new"]
    np.testing.assert_array_equal(more["u0"], targets["u1"])


def test_utterances_without_text_are_counted(cache):
    failures = FailureLog()
    targets = text_targets(texts("ab", None, "", " \n", "b"), Words(), cache=cache, failures=failures)
    assert targets.ids == ("u0", "u4") and failures.by_reason() == {"text-missing": 3}
    with pytest.raises(HacError, match="u1: it has no transcript"):
        text_targets(texts("ab", None), Words(), cache=cache, failures=FailureLog(strict=True))
    with pytest.raises(HacError, match="none of the manifest's 2 utterances has a transcript"):
        text_targets(texts(None, ""), Words(), cache=cache, failures=FailureLog())


def test_a_text_that_the_teacher_refuses_is_counted(cache):
    failures = FailureLog()
    targets = text_targets(texts("ab", "refuse me", "b", "\ud800"), Words(), cache=cache, failures=failures)
    assert targets.ids == ("u0", "u2", "u3")
    assert [(failure.id, failure.reason) for failure in failures] == [("u1", "teacher-refused")]
    with pytest.raises(HacError, match="refused every text"):
        text_targets(texts("refuse"), Words(), cache=cache, failures=failures)


# shuffled


class Given:
    """Targets of given contents: the target of u<i> is its number."""

    dim = 1

    def __init__(self, contents):
        self.contents = {f"u{i}": content for i, content in contents.items()}
        self.ids = tuple(self.contents)

    def __contains__(self, id):
        return id in self.contents

    def __getitem__(self, id):
        return np.array([float(id[1:])])

    def content(self, id):
        return self.contents[id]


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.integers(0, 5), st.randoms())
def test_everyone_gets_anothers_target(contents, seed, random):
    commonest = max(contents.count(content) for content in contents)
    items = list(enumerate(contents))
    if len(set(contents)) < 2 or 2 * commonest > len(contents):
        with pytest.raises(HacError, match=r"cannot be shuffled|same content"):
            ShuffledTargets(Given(dict(items)), seed)
        return
    targets = Given(dict(items))
    shuffled = ShuffledTargets(targets, seed)
    assert sorted(shuffled.other(id) for id in targets.ids) == sorted(targets.ids)
    for id in targets.ids:
        assert targets.content(shuffled.other(id)) != targets.content(id)
        assert shuffled[id] == targets[shuffled.other(id)]
        assert shuffled.content(id) == targets.content(shuffled.other(id))
    random.shuffle(items)
    turned = ShuffledTargets(Given(dict(items)), seed)
    assert all(turned.other(id) == shuffled.other(id) for id in targets.ids)


def test_another_seed_shuffles_otherwise():
    targets = Given(dict(enumerate(range(40))))
    pairs = [[ShuffledTargets(targets, seed).other(id) for id in targets.ids] for seed in (0, 0, 1)]
    assert pairs[0] == pairs[1] != pairs[2]
    with pytest.raises(HacError, match="at least two"):
        ShuffledTargets(Given({0: 0}))


def test_shuffled_speech_keeps_its_own_length(corpus, cache):
    targets = make(corpus, cache)
    shuffled = ShuffledTargets(targets)
    assert shuffled.ids == targets.ids and shuffled.dim == 3 and "u0" in shuffled
    longer = 0
    for id in targets.ids:
        other = targets[shuffled.other(id)]
        n_frames = shuffled.n_frames(id)
        assert n_frames == targets.n_frames(id) == len(shuffled[id])
        longer += n_frames > len(other)
        for frame, found in enumerate(shuffled[id]):
            np.testing.assert_array_equal(found, other[frame % len(other)])
    assert 0 < longer < len(targets.ids)
    assert np.array_equal(shuffled.statistics(), targets.statistics())


def test_shuffled_text(cache):
    targets = text_targets(texts("a", "ab", "ab", "b"), Words(), cache=cache, failures=FailureLog())
    shuffled = ShuffledTargets(targets)
    for id in targets.ids:
        assert not np.array_equal(shuffled[id], targets[id])
