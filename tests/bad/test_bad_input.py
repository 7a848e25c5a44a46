"""Bad input through the real command lines: one clear sentence, exit code 2, nothing half-written, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from analysis.shards.count_file import GROUPS
from hac.files.output_lock import LOCK
from tests.corpora import make_corpus, speech, textgrid

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A sound small corpus, to be spoilt by the test; the working folder."""
    make_corpus(tmp_path)
    return tmp_path


@pytest.fixture
def run(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `hac-analyze` or `hac` in process, in the corpus's folder: exit code and what it said on stderr."""
    import hac.cli
    import reports.cli

    def call(*words: str, program: str = "hac-analyze") -> tuple[int, str]:
        monkeypatch.chdir(corpus)
        monkeypatch.setattr(sys, "argv", [program, *words])
        main = reports.cli.main if program == "hac-analyze" else hac.cli.main
        try:
            main()
            code: object = 0
        except SystemExit as finished:
            code = finished.code or 0
        return int(str(code)), capsys.readouterr().err

    return call


PNMI = (
    "pnmi",
    "--tokens",
    "tokens.parquet",
    "--manifest",
    "manifest.jsonl",
    "-o",
    "out",
    "-j",
    "1",
)


def refused(run: Run, *words: str, says: tuple[str, ...], program: str = "hac-analyze", out: str = "out") -> None:
    """The command ends with 2, one sentence that holds all of `says`, and no result."""
    code, error = run(*words, program=program)
    assert code == 2, error
    assert error.startswith("error: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    for text in says:
        assert text in error, error
    assert not (Path(out) / "results.json").exists()
    assert not list(Path().rglob("*.part"))


def test_the_sound_corpus_gives_results(run: Run) -> None:
    code, error = run(*PNMI)
    assert code == 0, error
    results = json.loads(Path("out/results.json").read_text())
    ids = {record["id"] for record in results["metrics"] if not record["group"]}
    assert {"units.pnmi", "units.phone_purity", "units.cluster_purity", "units.h_phone"} <= ids


@pytest.mark.parametrize("missing", ["tokens.parquet", "manifest.jsonl", "alignments.parquet"])
def test_missing_files(run: Run, corpus: Path, missing: str) -> None:
    (corpus / missing).unlink()
    refused(run, *PNMI, says=(missing,))


@pytest.mark.parametrize("file", ["tokens.parquet", "alignments.parquet", "manifest.jsonl"])
@pytest.mark.parametrize("spoil", ["empty", "truncated", "garbage"])
def test_broken_files(run: Run, corpus: Path, file: str, spoil: str) -> None:
    path = corpus / file
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": data[: len(data) // 2], "garbage": b"\x00\xff\x17" * 50}[spoil])
    refused(run, *PNMI, says=(file,))


def write_jsonl(path: Path, *objects: object) -> None:
    path.write_text("\n".join(json.dumps(entry) for entry in objects) + "\n")


def token_lines(corpus: Path, **changes: object) -> list[dict[str, object]]:
    """The corpus's tokens as JSONL objects; `changes` replace keys of the first utterance."""
    rows = pq.read_table(corpus / "tokens.parquet").to_pylist()
    lines: list[dict[str, object]] = [{"codebook_size": {"units": 16}}]
    lines += [{"id": row["id"], "frame_rate": "50", "streams": {"units": row["units"]}} for row in rows]
    lines[1].update(changes)
    return lines


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"streams": {"units": [1, 2, 99]}}, ("utt-0", "99", "16")),
        ({"streams": {"units": [1, -1, 2]}}, ("utt-0", "-1")),
        ({"streams": {"units": [1, 2.5]}}, ("utt-0",)),
        ({"id": "utt-1"}, ("utt-1",)),
        ({"streams": {"units": [1] * 50, "more": [1] * 20}}, ("more",)),
        ({"frame_rate": "fast"}, ("fast",)),
        ({"frame_rate": 0}, ("0",)),
    ],
    ids=["beyond-codebook", "negative", "not-integer", "duplicate-id", "ragged", "no-rate", "zero-rate"],
)
def test_bad_token_files(run: Run, corpus: Path, changes: dict[str, object], says: tuple[str, ...]) -> None:
    write_jsonl(corpus / "tokens.jsonl", *token_lines(corpus, **changes))
    refused(run, "pnmi", "--tokens", "tokens.jsonl", *PNMI[3:], says=says)


def test_another_rate_than_declared(run: Run, corpus: Path) -> None:
    lines = token_lines(corpus)
    for line in lines[1:]:
        line["frame_rate"] = "75"
    write_jsonl(corpus / "tokens.jsonl", *lines)
    refused(run, "pnmi", "--tokens", "tokens.jsonl", *PNMI[3:], says=("75",))


def test_ids_that_match_nothing(run: Run, corpus: Path) -> None:
    lines = token_lines(corpus)
    for line in lines[1:]:
        line["id"] = f"other-{line['id']}"
    write_jsonl(corpus / "tokens.jsonl", *lines)
    refused(run, "pnmi", "--tokens", "tokens.jsonl", *PNMI[3:], says=("other-utt-0", "utt-0"))


def test_a_pickled_npz_is_refused(run: Run, corpus: Path) -> None:
    np.savez(corpus / "tokens.npz", **{"utt-0": np.array([{"a": 1}], dtype=object)})
    refused(run, "pnmi", "--tokens", "tokens.npz", *PNMI[3:], "--frame-rate", "50", "--codebook-size", "16", says=())


def test_neither_tokens_nor_tokenizer(run: Run) -> None:
    refused(run, "pnmi", "--manifest", "manifest.jsonl", "-o", "out", says=("--ckpt", "--tokens"))


@pytest.mark.parametrize(
    ("option", "value"),
    [("--convention", "nearest"), ("--shard", "3/2"), ("--streams", "lexical"), ("--phones", "klingon")],
)
def test_bad_options(run: Run, option: str, value: str) -> None:
    refused(run, *PNMI, option, value, says=(value.split("/")[0],))


def manifest_with(corpus: Path, **changes: object) -> None:
    lines = (corpus / "manifest.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    first = next(row for row in rows if "id" in row)
    first.update(changes)
    write_jsonl(corpus / "manifest.jsonl", *rows)


def encode(run: Run, *more: str) -> tuple[int, str]:
    return run(
        "encode", "manifest.jsonl", "-t", "mfcc-kmeans:units", "-o", "new.parquet", "-j", "1", *more, program="hac"
    )


@pytest.fixture
def units(run: Run, corpus: Path) -> Path:
    """A fitted tokenizer folder `units`."""
    code, error = run(
        "tokenizer", "fit", "mfcc-kmeans", "--manifest", "manifest.jsonl", "-k", "8", "-o", "units", program="hac"
    )
    assert code == 0, error
    return corpus / "units"


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("path", ["../outside.wav", "/etc/passwd", "audio/../../outside.wav"])
def test_a_path_that_climbs_out_of_the_root(run: Run, corpus: Path, path: str) -> None:
    manifest_with(corpus, path=path)
    words = ("encode", "manifest.jsonl", "-t", "mfcc-kmeans:units", "-o", "new.parquet")
    refused(run, *words, "--strict", program="hac", says=("root",), out=".")
    code, error = encode(run)
    assert code == 0, error
    assert "manifest-path-outside" in error
    assert pq.read_table(corpus / "new.parquet").num_rows == 5


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "silent", "nan", "not-audio"])
def test_one_bad_recording_is_counted_and_strict_stops(run: Run, corpus: Path, kind: str) -> None:
    path = corpus / "audio" / "utt-0.wav"
    data = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "silent":
        sf.write(path, np.zeros(16_000, np.float32), 16_000)
    elif kind == "nan":
        sf.write(path, np.full(16_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    else:
        path.write_bytes({"empty": b"", "truncated": data[: len(data) // 2], "not-audio": b"hello " * 500}[kind])
    code, error = encode(run)
    assert code == 0, error
    assert "utt-0" in error
    assert pq.read_table(corpus / "new.parquet").num_rows == 5
    code, error = run(
        "encode",
        "manifest.jsonl",
        "-t",
        "mfcc-kmeans:units",
        "-o",
        "strict.parquet",
        "-j",
        "1",
        "--strict",
        program="hac",
    )
    assert code == 2
    assert "utt-0" in error
    assert not (corpus / "strict.parquet").exists()


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("kind", ["stereo", "other-rate"])
def test_odd_but_legal_recordings_are_encoded(run: Run, corpus: Path, kind: str) -> None:
    path = corpus / "audio" / "utt-0.wav"
    mono = speech(1.0)
    if kind == "stereo":
        sf.write(path, np.stack([mono, mono], axis=1), 16_000)
    else:
        sf.write(path, mono[::2], 8_000)
    code, error = encode(run)
    assert code == 0, error
    assert pq.read_table(corpus / "new.parquet").num_rows == 6


def test_a_tokenizer_folder_without_weights(run: Run, corpus: Path) -> None:
    (corpus / "empty").mkdir()
    words = ("encode", "manifest.jsonl", "-t", "dac:empty", "-o", "new.parquet", "-j", "1")
    refused(run, *words, program="hac", says=("empty",), out=".")


def grids(corpus: Path, first: bytes) -> None:
    """TextGrids for all utterances, the first one's bytes given."""
    folder = corpus / "grids"
    folder.mkdir()
    for i in range(6):
        good = textgrid([(0.0, 0.5, "AA1"), (0.5, 1.0, "S")])
        (folder / f"utt-{i}.TextGrid").write_bytes(first if i == 0 else good.encode())


GOOD = textgrid([(0.0, 0.5, "AA1"), (0.5, 1.0, "S")])


def test_utf16_is_legal(run: Run, corpus: Path) -> None:
    grids(corpus, GOOD.encode("utf-16"))
    code, error = run(*PNMI, "--alignments", "grids")
    assert code == 0, error
    assert json.loads(Path("out/results.json").read_text())["coverage"]["utterances"]["counted"] == 6


@pytest.mark.parametrize(
    "first",
    [
        GOOD.encode("latin-1").replace(b"AA1", b"\xe9\xff\xfe"),
        textgrid([(0.0, 1.0, "AA1")], tier="syllables").encode(),
        GOOD.encode()[:200],
        b"",
    ],
    ids=["encoding", "missing-tier", "truncated", "empty"],
)
def test_one_bad_textgrid_is_counted_and_strict_stops(run: Run, corpus: Path, first: bytes) -> None:
    grids(corpus, first)
    refused(run, *PNMI, "--alignments", "grids", "--strict", says=("utt-0",))
    code, error = run(*PNMI, "--alignments", "grids")
    assert code == 0, error
    results = json.loads(Path("out/results.json").read_text())
    assert sum(results["failures"].values()) == 1
    assert results["failed"][0]["id"].startswith("utt-0")
    assert results["coverage"]["utterances"]["counted"] == 5


def test_swapped_times_are_counted(run: Run, corpus: Path) -> None:
    grids(corpus, textgrid([(0.0, 0.5, "AA1"), (0.5, 0.2, "S")]).encode())
    refused(run, *PNMI, "--alignments", "grids", "--strict", says=("utt-0",))
    code, error = run(*PNMI, "--alignments", "grids")
    assert code == 0, error
    assert json.loads(Path("out/results.json").read_text())["failures"] == {"alignment-swapped-times": 1}


def test_an_unknown_phone_is_named(run: Run, corpus: Path) -> None:
    (corpus / "few.yaml").write_text("name: few\nstrip_stress: true\nphone_set: [AA, B, S, N]\n")
    refused(run, *PNMI, "--phones", "few.yaml", says=("IY",))


def test_no_space_left(run: Run, corpus: Path) -> None:
    code, error = subprocess_run(corpus, "-o", "out", limit_bytes=2_000)
    assert code == 2, error
    assert "Traceback" not in error
    assert not (corpus / "out" / "results.json").exists()


def subprocess_run(folder: Path, *words: str, limit_bytes: int) -> tuple[int, str]:
    """`hac-analyze pnmi` in a process whose files may not grow beyond `limit_bytes`, as on a full disk."""
    code = (
        "import resource, signal, errno, sys, reports.cli\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.argv = ['hac-analyze', *sys.argv[1:]]\n"
        "reports.cli.main()\n"
    )
    command = [sys.executable, "-c", code, *PNMI, *words]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return done.returncode, done.stderr


def _interrupted(process: subprocess.Popen[str]) -> str:
    """What a process says on stderr after Ctrl-C; pressed again, as people do, where an import swallowed the first."""
    try:
        for _ in range(120):
            process.send_signal(signal.SIGINT)
            try:
                return process.communicate(timeout=5)[1]
            except subprocess.TimeoutExpired:
                continue
        pytest.fail("the command did not end after ten minutes of Ctrl-C")
    finally:
        process.kill()
        process.wait()


def test_ctrl_c_says_so_and_leaves_nothing_half_written(corpus: Path) -> None:
    # a shell may have switched SIGINT off for its background jobs
    code = (
        "import signal, sys, reports.cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('ready', flush=True)\n"
        "sys.argv = ['hac-analyze', *sys.argv[1:]]\n"
        "reports.cli.main()\n"
    )
    command = [sys.executable, "-c", code, *PNMI, "--nulls", "400000"]
    process = subprocess.Popen(
        command,
        cwd=corpus,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    # the output's lock is taken when the command itself begins
    while not (corpus / "out" / LOCK).exists():
        assert process.poll() is None
        time.sleep(0.02)
    error = _interrupted(process)
    assert process.returncode == 130, error
    assert error.splitlines()[-1].startswith("error: interrupted")
    assert not (corpus / "out" / "results.json").exists()
    assert not list(corpus.rglob("*.part"))


def test_own_stores_say_which_part_they_hold(run: Run) -> None:
    refused(run, *PNMI, "--own-stores", says=("--own-stores needs --shard", "7/1000"))


def test_counts_of_labels_that_a_shard_does_not_name_are_refused(run: Run, corpus: Path) -> None:
    words = [word if word != "out" else "shard" for word in PNMI]
    assert run(*words, "--shard", "1/1", "--nulls", "2")[0] == 0
    file = corpus / "shard" / "counts.parquet"
    with pq.ParquetFile(file) as shard:
        groups = [shard.read_row_group(g) for g in range(shard.num_row_groups)]
        described = shard.metadata.metadata[GROUPS]
    for column, says in (("b", "counts of phones or codes"), ("row", "counts in rows")):
        with pq.ParquetWriter(file, groups[0].schema) as writer:
            for group in groups:
                place = group.schema.names.index(column)
                wild = pa.array([1 << 20] * len(group), group.schema.field(column).type)
                writer.write_table(group.set_column(place, group.schema.field(column), wild), row_group_size=1 << 62)
            writer.add_key_value_metadata({GROUPS: described})
        refused(run, "merge", "shard", "-o", "out", "-j", "1", says=("counts.parquet", says))
