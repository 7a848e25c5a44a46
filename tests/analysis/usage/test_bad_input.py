"""Bad input through `hac-analyze usage` and `stability`: one clear sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hac.data.manifest.formats import read_manifest
from hac.features.mfcc import MfccFeatures
from hac.tokenizers import kmeans
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import Run, refused

corpus, run = bad.corpus, bad.run
USAGE = ("usage", *bad.PNMI[1:], "--nulls", "2")
STABILITY = ("stability", "--ckpt", "units", *bad.PNMI[3:], "--nulls", "2")


@pytest.fixture
def units(corpus: Path) -> Path:
    """A tokenizer of eight units that was fitted on the corpus."""
    fitted = kmeans.fit("mfcc-kmeans", read_manifest(corpus / "manifest.jsonl"), MfccFeatures(), 8, seed=0)
    kmeans.save(fitted, corpus / "units")
    return corpus / "units"


def results(corpus: Path) -> dict:
    return json.loads((corpus / "out" / "results.json").read_text())


def test_usage_of_a_sound_corpus_needs_no_alignments(run: Run, corpus: Path) -> None:
    (corpus / "alignments.parquet").unlink()
    code, error = run(*USAGE)
    assert code == 0, error
    ids = {record["id"] for record in results(corpus)["metrics"]}
    assert {"units.perplexity", "units.cross_entropy[2]", "units.bitrate[nominal]", "units.run_ms"} <= ids
    code, error = run("usage", "--tokens", "tokens.parquet", "-o", "out", "-j", "1", "--nulls", "2")
    assert code == 0, error
    assert "no manifest" in " ".join(results(corpus)["warnings"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*USAGE, "--streams", "lexical"), ("lexical", "units")),
        (("usage", "--manifest", "manifest.jsonl", "-o", "out"), ("--ckpt", "--tokens")),
        (("usage", "--ckpt", "units", "-o", "out"), ("--manifest",)),
        (("usage", "--tokens", "nothing.parquet", "-o", "out"), ("nothing.parquet",)),
        ((*STABILITY, "--perturb", "reverb"), ("reverb", "noise-white-20dB")),
        (("stability", "--ckpt", "units", "-o", "out"), ("--manifest",)),
        (("stability", "--manifest", "manifest.jsonl", "-o", "out"), ("--ckpt",)),
        (("stability", "--ckpt", "nothing", "--manifest", "manifest.jsonl", "-o", "out"), ("nothing",)),
    ],
    ids=["stream", "no-tokens", "no-manifest", "no-file", "perturbation", "no-audio", "no-tokenizer", "no-folder"],
)
def test_bad_options(run: Run, words: tuple[str, ...], says: tuple[str, ...]) -> None:
    refused(run, *words, says=says)


def test_ids_that_match_nothing(run: Run, corpus: Path) -> None:
    lines = (corpus / "manifest.jsonl").read_text().replace('"utt-', '"other-')
    (corpus / "manifest.jsonl").write_text(lines)
    refused(run, *USAGE, says=("utt-0", "other-0"))


def test_a_tokenizer_that_does_not_decode_is_not_reencoded(run: Run, corpus: Path, units: Path) -> None:
    code, error = run(*STABILITY, "--perturb", "reencode,gain-6dB")
    assert code == 0, error
    found = results(corpus)
    assert found["failures"] == {"perturbation-left-out": 1}
    assert found["failed"][0]["id"] == "reencode"
    assert found["coverage"]["perturbations"] == ["gain-6dB"]
    ids = {record["id"] for record in found["metrics"]}
    assert {"units.ued[gain-6dB]", "units.frame_agreement[gain-6dB]"} <= ids
    code, error = run(*STABILITY, "--perturb", "reencode")
    assert code == 0, error
    assert results(corpus)["metrics"] == []
    (corpus / "out" / "results.json").unlink()
    refused(run, *STABILITY, "--perturb", "reencode", "--strict", says=("reencode", "does not decode"))


def test_audio_that_cannot_be_read_is_counted_and_not_compared(run: Run, corpus: Path, units: Path) -> None:
    (corpus / "audio" / "utt-1.wav").write_bytes(b"nothing")
    code, error = run(*STABILITY, "--perturb", "gain+6dB")
    assert code == 0, error
    found = results(corpus)
    assert found["coverage"]["utterances"]["counted"] == 5
    assert sum(found["failures"].values()) >= 1


def test_a_stream_that_is_not_there(run: Run, corpus: Path, units: Path) -> None:
    refused(run, *STABILITY, "--perturb", "gain+6dB", "--streams", "lexical", says=("lexical", "units"))
