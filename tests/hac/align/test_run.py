"""Aligning real speech with pocketsphinx, a small synthetic corpus with the hmm, and the command."""

import sys
from importlib import resources

import numpy as np
import pytest
from typer.testing import CliRunner

from hac.align import pocketsphinx
from hac.align.alignment_types import AlignmentFailure, Segment, close_gaps
from hac.align.hmm.aligner import HmmOptions
from hac.align.mfa import MfaOptions
from hac.align.run import Options, align_corpus
from hac.align.synthetic_test import NOT_MEASURED, measure_aligner, summary, with_error
from hac.cli import app
from hac.data.alignments.alignment import read_alignments, write_alignments
from hac.data.audio.audio import audio_info, read_audio, write_audio
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from hac.parallel import pool

BECKETT = "Ever tried? Ever failed? No matter. Try again. Fail again. Fail better."
FAST = Options("hmm", 1, None, HmmOptions(iterations=3, components=1))


@pytest.fixture(scope="module")
def beckett():
    with resources.as_file(resources.files("moonshine_voice") / "assets" / "beckett.wav") as path:
        return read_audio(path, pocketsphinx.SAMPLE_RATE).samples


def test_real_speech_is_aligned_word_by_word(beckett):
    found = pocketsphinx.align_utterance("b", beckett, BECKETT)
    assert (
        " ".join(word.label for word in found.words)
        == "ever tried ever failed no matter try again fail again fail better"
    )
    # the words are where the recording is loud, the pauses where it is quiet
    loudness = [np.sqrt(np.mean(np.square(_part(beckett, word)))) for word in found.words]
    pauses = [np.sqrt(np.mean(np.square(_part(beckett, p)))) for p in found.phones if p.label == "sil"]
    assert min(loudness) > 3 * np.median(pauses)
    edges = {t for phone in found.phones for t in (phone.onset_us, phone.offset_us)}
    assert all(word.onset_us in edges and word.offset_us in edges for word in found.words)


def _part(samples, segment):
    return samples[segment.onset_us * 16 // 1000 : segment.offset_us * 16 // 1000]


def test_an_utterance_does_not_depend_on_those_before_it(beckett):
    alone = pocketsphinx.align_utterance("b", beckett, BECKETT)
    pocketsphinx.align_utterance("x", 0.3 * beckett[::-1][: 8 * 16_000].copy(), "xylofrob no")
    assert pocketsphinx.align_utterance("b", beckett, BECKETT) == alone


def test_a_text_that_cannot_fit_is_a_failure(beckett):
    with pytest.raises(AlignmentFailure) as caught:
        pocketsphinx.align_utterance("b", beckett[:8_000], BECKETT * 4)
    assert caught.value.reason == "no-path"
    with pytest.raises(AlignmentFailure, match="too short"):
        pocketsphinx.align_utterance("b", beckett[:100], "ever")


def test_gaps_are_closed_to_the_edges_and_pauses_joined():
    phones = [
        Segment("a", 8, 20),
        Segment("sil", 20, 30),
        Segment("sil", 30, 40),
        Segment("b", 40, 90),
        Segment("c", 90, 95),
    ]
    assert close_gaps(phones, 60) == (Segment("a", 0, 20), Segment("sil", 20, 40), Segment("b", 40, 60))


@pytest.fixture
def corpus(tmp_path, beckett):
    write_audio(tmp_path / "b.wav", beckett, 16_000)
    write_audio(tmp_path / "quiet.wav", np.zeros(16_000, np.float32), 16_000)
    duration = audio_info(tmp_path / "b.wav").duration_us / 1e6
    utterances = (
        Utterance("quiet", "quiet.wav", 1.0, "s", "en", "nothing"),
        Utterance("b", "b.wav", duration, "s", "en", BECKETT),
        Utterance("mute", "b.wav", duration, "s", "en", None),
        Utterance("gone", "gone.wav", 1.0, "s", "es", "uno"),
    )
    return Manifest(tmp_path, utterances)


def test_failures_are_counted_and_the_rest_is_aligned(corpus):
    failures = FailureLog()
    found = align_corpus(corpus, failures=failures)
    assert found.phones.ids == found.words.ids == ("b",)
    assert failures.by_reason() == {"audio-missing": 1, "audio-silent": 1, "text-missing": 1}
    assert found.provenance["aligners"]["pocketsphinx"]["utterances"] == 2
    with pytest.raises(HacError, match="has no transcript"):
        align_corpus(corpus)


def test_a_snippet_is_a_failure_of_the_hmm_too(tmp_path, beckett):
    write_audio(tmp_path / "s.wav", beckett[20_000:20_040], 16_000)
    manifest = Manifest(tmp_path, (Utterance("s", "s.wav", 40 / 16_000, "s", "es", "uno"),))
    with pytest.raises(HacError, match="too short"):
        align_corpus(manifest, FAST)


def test_the_command_writes_a_store_and_a_list_of_failures(corpus, tmp_path):
    write_manifest(corpus, tmp_path / "m.jsonl")
    out = tmp_path / "a.parquet"
    result = CliRunner().invoke(app, ["align", str(tmp_path / "m.jsonl"), "-o", str(out), "-j", "1"])
    assert result.exit_code == 0, result.output
    assert read_alignments(out).words.ids == ("b",)
    assert len((tmp_path / "a.failures.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--aligner", "mfa"], "conda create"),
        (["--dictionary", "x"], "are for --aligner mfa"),
        (["--strict"], "nothing but digital silence|has no transcript"),
    ],
)
def test_the_command_explains_what_is_wrong(corpus, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.setenv("PATH", "")
    write_manifest(corpus, tmp_path / "m.jsonl")
    out = tmp_path / "a.parquet"
    result = CliRunner().invoke(app, ["align", str(tmp_path / "m.jsonl"), "-o", str(out), "-j", "1", *arguments])
    assert isinstance(result.exception, HacError)
    assert any(part in str(result.exception) for part in sentence.split("|"))
    assert not out.exists()


@pytest.mark.slow
def test_an_aligner_is_measured_on_speech_whose_truth_is_known():
    texts = ["uno dos tres cuatro", "la casa de mi madre", "buenos días a todos", "…"]
    figures = measure_aligner("es", texts, FAST, minutes=0.2)
    for condition in ("clean", "light"):
        tiers = figures["conditions"][condition]["tiers"]
        assert tiers["words"]["n_reference"] > 20
        assert 0.3 < tiers["phones"]["f1_50ms"] <= 1.0
    assert figures == measure_aligner("es", texts, FAST, minutes=0.2)
    assert len(set(figures["voices"])) == 2


@pytest.mark.slow
def test_the_error_travels_with_the_alignments(corpus, tmp_path):
    english = corpus.subset(["b"])
    found = with_error(align_corpus(english), english, Options(), minutes=0.1)
    error = found.provenance["aligner_error"]["en"]
    assert abs(error["conditions"]["clean"]["tiers"]["phones"]["mean_error_ms"]) < 10
    write_alignments(found, tmp_path / "a.parquet")
    assert read_alignments(tmp_path / "a.parquet").provenance["aligner_error"]["en"] == error
    assert summary({"en": error})[0].startswith("measured on synthetic en, clean, phones: boundary F1 0.")


def test_what_cannot_be_measured_says_why(corpus, monkeypatch):
    english = corpus.subset(["b"])
    alignments = align_corpus(english)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    error = with_error(alignments, english, Options()).provenance["aligner_error"]["en"]
    assert error.startswith(NOT_MEASURED)
    assert "espeakng-loader" in error
    assert summary({"en": error}) == [f"en: {error}"]


def test_texts_without_a_word_cannot_be_measured():
    with pytest.raises(HacError, match="nothing to say"):
        measure_aligner("es", ["…", "!"], FAST, minutes=0.1)


class Elsewhere:
    """A cluster whose processes must not be asked for."""

    def results(self, call, tasks, *, ordered, single_thread):
        raise AssertionError("went to the cluster")


def test_mfa_stays_on_one_machine(corpus):
    options = Options("mfa", mfa=MfaOptions("d", "m"))
    with pool.using(Elsewhere()), pytest.raises(HacError, match="one machine"):
        align_corpus(corpus, options, failures=FailureLog())


def test_work_on_files_of_this_machine_stays_here(corpus):
    with pool.using(Elsewhere()):
        with pool.here():
            assert not pool.on_cluster()
            assert align_corpus(corpus, failures=FailureLog()).words.ids == ("b",)
        assert pool.on_cluster()
        with pytest.raises(AssertionError, match="went to the cluster"):
            align_corpus(corpus, failures=FailureLog())
