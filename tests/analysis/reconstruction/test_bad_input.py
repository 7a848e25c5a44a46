"""Bad input through `hac-analyze recon`: one clear sentence, exit code 2, nothing half-written, no traceback."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from hac.data.manifest.formats import read_manifest
from hac.data.tokens.formats import read_tokens
from tests.analysis.reconstruction.worlds import decode
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import Run, refused

corpus, run = bad.corpus, bad.run
RECON = (
    *("recon", "--decoded", "theirs", "--manifest", "manifest.jsonl", "-o", "out", "-j", "1"),
    *("--nulls", "2", "--null-pairs", "2", "--metrics", "stoi,si_sdr,wer", "--asr", "none"),
)


@pytest.fixture(autouse=True)
def _decoded(corpus: Path) -> None:
    decode(read_manifest(corpus / "manifest.jsonl"), corpus / "theirs", 0.2)


def results() -> dict[str, object]:
    found: dict[str, object] = json.loads(Path("out/results.json").read_text())
    return found


def test_sound_input_gives_all_files_and_the_same_bytes_twice(run: Run) -> None:
    code, error = run(*RECON)
    assert code == 0, error
    files = ("rows.parquet", "metrics.csv", "figures/quality.png")
    first = [Path("out", name).read_bytes() for name in files]
    run(*(word if word != "out" else "again" for word in RECON))
    assert first == [Path("again", name).read_bytes() for name in files]
    ids = {record["id"] for record in results()["metrics"]}  # type: ignore[attr-defined]
    assert ids == {"theirs.stoi", "theirs.si_sdr"}
    rows = pq.read_table("out/rows.parquet").to_pylist()
    assert len(rows) == 6
    assert {"stoi", "stoi.reason", "reference_samples", "estimate_samples"} <= rows[0].keys()
    assert Path("out/figures/quality.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--decoded": "nowhere"}, ("nowhere", "no such folder or manifest")),
        ({"--manifest": "nowhere.jsonl"}, ("nowhere.jsonl", "no such manifest")),
        ({"--metrics": "stoi,loudness"}, ("'loudness'", "pesq_wb")),
        ({"--metrics": ""}, ("''",)),
        ({"--metrics": "wer"}, ("nothing to measure",)),
        ({"--lengths": "stretch"}, ("'stretch'", "cut-to-shorter")),
        ({"--normalizer": "basic-9"}, ("'basic-9'", "basic-1")),
        ({"--n-quantizers": "1,many"}, ("'many'", "1,4,8")),
        ({"--n-quantizers": "0"}, ("'0'",)),
        ({"--decoded": "reference=theirs"}, ("'reference'",)),
        ({"--versa": "nowhere.txt"}, ("nowhere.txt", "no such file")),
        ({"--asr": "whispers", "--metrics": "wer"}, ("'whispers'", "moonshine")),
        ({"--speaker": "nobody", "--metrics": "speaker_similarity"}, ("'nobody'", "resemblyzer")),
        ({"--mos": "nobody", "--metrics": "mos"}, ("'nobody'", "dnsmos")),
    ],
)
def test_bad_options(run: Run, change: dict[str, str], says: tuple[str, ...]) -> None:
    words = list(RECON)
    for option, value in change.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    refused(run, *words, says=says)


@pytest.mark.parametrize(
    ("gone", "says"),
    [("--manifest", "recon needs --manifest"), ("--decoded", "give --ckpt (a codec), --tokens")],
)
def test_missing_options(run: Run, gone: str, says: str) -> None:
    place = RECON.index(gone)
    refused(run, *RECON[:place], *RECON[place + 2 :], says=(says,))


def test_tokens_that_cannot_be_decoded(run: Run) -> None:
    place = RECON.index("--decoded")
    alone = (*RECON[:place], *RECON[place + 2 :])
    refused(run, *alone, "--tokens", "tokens.parquet", says=("made-up", "--ckpt"))
    refused(
        run, *RECON, "--ckpt", "mfcc-kmeans:km", "--tokens", "tokens.parquet", says=("cannot be turned into audio",)
    )


def rates() -> dict[str, float]:
    return {
        record["id"]: record["value"]
        for record in results()["metrics"]  # type: ignore[attr-defined]
        if "kbps" in record["id"] and not record["group"]
    }


def test_bit_rates_of_what_others_decoded(run: Run) -> None:
    assert run(*RECON, "--kbps", "6")[0] == 0
    assert rates() == {"theirs.kbps[nominal]": 6.0}
    assert run(*RECON, "--tokens", "tokens.parquet")[0] == 0
    found = rates()
    store = read_tokens(Path("tokens.parquet"))
    nominal = sum(math.log2(one.codebook_size) * float(one.frame_rate) for one in store.streams.values()) / 1000
    assert found["theirs.kbps[nominal]"] == pytest.approx(nominal)
    assert 0 < found["theirs.kbps[order-0]"] <= found["theirs.kbps[order-0,held-out]"]
    near = f"theirs={nominal * 1.009}"
    assert run(*RECON, "--tokens", "theirs=tokens.parquet", "--kbps", near)[0] == 0
    assert rates() == found


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--kbps", "-3"), ("theirs has -3 kbit/s", "above 0")),
        (("--kbps", "0"), ("theirs has 0 kbit/s",)),
        (("--kbps", "nan"), ("theirs has nan kbit/s",)),
        (("--kbps", "theirs=inf"), ("theirs has inf kbit/s",)),
        (("--kbps", "theirs=six"), ("'theirs=six'", "theirs=1.5")),
        (("--kbps", ""), ("''", "NUMBER")),
        (("--kbps", "ours=6"), ("--kbps", "no --decoded 'ours'", "theirs")),
        (("--kbps", "6", "--kbps", "theirs=6"), ("theirs has two rates",)),
        (("--kbps", "6", "--decoded", "other=theirs"), ("--kbps 6", "theirs, other", "NAME=6")),
        (("--tokens", "tokens.parquet", "--decoded", "other=theirs"), ("--tokens tokens.parquet", "NAME=")),
        (("--tokens", "ours=tokens.parquet"), ("--tokens", "no --decoded 'ours'", "theirs")),
        (("--tokens", "theirs=nowhere.parquet"), ("nowhere.parquet", "no such token file")),
        (("--tokens", "theirs=tokens.parquet", "--kbps", "9"), ("theirs has 9 kbit/s", "of its tokens take")),
        (("--frame-rate", "50"), ("--frame-rate", "--tokens beside --decoded")),
    ],
)
def test_bit_rates_that_are_none(run: Run, options: tuple[str, ...], says: tuple[str, ...]) -> None:
    refused(run, *RECON, *options, says=says)


def test_two_conditions_of_one_name(run: Run) -> None:
    refused(run, *RECON, "--decoded", "theirs", says=("two are called 'theirs'",))


def test_no_utterance_in_common(run: Run, corpus: Path) -> None:
    for path in (corpus / "theirs").glob("*.wav"):
        path.rename(path.with_stem(f"x-{path.stem}"))
    refused(run, *RECON, says=("no utterance of the manifest ('utt-0', ...)", "theirs"))


def test_a_folder_without_audio(run: Run, corpus: Path) -> None:
    (corpus / "empty").mkdir()
    (corpus / "empty" / "notes.txt").touch()
    refused(run, *RECON, "--decoded", "empty", says=("empty", "holds no audio"))


def test_missing_reconstructions_are_counted_and_strict_stops(run: Run, corpus: Path) -> None:
    (corpus / "theirs" / "utt-3.wav").unlink()
    assert run(*RECON)[0] == 0
    assert results()["failures"] == {"reconstruction-missing": 1}
    refused(run, *RECON[:6], "strict", *RECON[7:], "--strict", says=("utt-3", "--strict"), out="strict")


def test_files_that_are_not_audio(run: Run, corpus: Path) -> None:
    for path in (corpus / "theirs").glob("*.wav"):
        path.write_bytes(b"not audio")
    code, error = run(*RECON)
    assert code == 0, error
    assert sum(results()["failures"].values()) == 6  # type: ignore[attr-defined]
    assert all(record["value"] is None for record in results()["metrics"])  # type: ignore[attr-defined]


def test_clips_too_short_have_reasons(run: Run, corpus: Path) -> None:
    for folder in ("audio", "theirs"):
        for path in (corpus / folder).glob("*.wav"):
            sf.write(path, np.full(400, 0.1), 16_000)
    words = list(RECON)
    words[words.index("--metrics") + 1] = "pesq_wb,pesq_nb,stoi,mel_distance"
    code, error = run(*words)
    assert code == 0, error
    whole = [record for record in results()["metrics"] if not record["group"]]  # type: ignore[attr-defined]
    notes = {record["id"]: record["note"] for record in whole}
    assert "6 x pesq-too-short" in notes["theirs.pesq_wb"]
    assert "6 x stoi-too-short" in notes["theirs.stoi"]
    assert "6 x spectrum-too-short" in notes["theirs.mel_distance"]
