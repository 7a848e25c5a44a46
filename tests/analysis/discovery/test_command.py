"""`hac-analyze discovery` as it is called: files in, files out, and one sentence for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hac.data.alignments.alignment import Alignments, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from tests.analysis.discovery.worlds import World, make_world, perfect
from tests.strategies import bounds

ROOT = Path(__file__).parents[3]
Run = Callable[..., tuple[int, str]]
IDS = tuple(f"{who} \"{i}\" '東京' ñ" for who in ("Lisa", "Class", "u0") for i in range(4))
COMMAND = ("discovery", "--segments", "found.class", "--manifest", "manifest.jsonl", "-o", "out", "-j", "1")
QUICK = ("--nulls", "2", "--phones", "none")


def class_file(world: World) -> str:
    """The field's format, with the ids as they are."""
    rows: dict[str, list[str]] = {}
    for id, speech in zip(world.ids, world.speeches, strict=True):
        for label, onset, offset in speech.segments:
            rows.setdefault(label, []).append(f"{id} {onset / 1000} {offset / 1000}\n")
    return "".join(f"Class {i} {label}\n{''.join(lines)}\n" for i, (label, lines) in enumerate(sorted(rows.items())))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A sound corpus with its words as segments, to be spoilt by the test; the working folder."""
    world = replace(perfect(make_world(n_utterances=len(IDS))), ids=IDS)
    write_manifest(replace(world.manifest, root=tmp_path), tmp_path / "manifest.jsonl")
    write_alignments(world.labels.alignments, tmp_path / "alignments.parquet")
    # an id that begins with the word Class cannot be told from a class: those go by CSV
    (tmp_path / "found.class").write_text(class_file(world).replace('Class "', 'klass "'))
    lines = ["id,onset,offset,cluster\n"]
    for id, label, onset, offset in world.tier("segments").rows():
        quoted = id.replace('"', '""')
        lines.append(f'"{quoted}",{onset / 1e6},{offset / 1e6},{label}\n')
    (tmp_path / "found.csv").write_text("".join(lines))
    lengths = [int(speech.end / 20) for speech in world.speeches]
    codes = np.random.default_rng(0).integers(0, 4, sum(lengths)).astype(np.int32)
    stream = Stream("units", 4, Fraction(50), codes, bounds(lengths))
    write_tokens(TokenStore(IDS, {"units": stream}, {"tokenizer": "made up"}), tmp_path / "tokens.parquet")
    return tmp_path


@pytest.fixture
def run(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `hac-analyze` in process, in the corpus's folder: exit code and what it said on stderr."""
    import reports.cli

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.chdir(corpus)
        monkeypatch.setattr(sys, "argv", ["hac-analyze", *words])
        try:
            reports.cli.main()
            code: object = 0
        except SystemExit as finished:
            code = finished.code or 0
        return int(str(code)), capsys.readouterr().err

    return call


def refused(run: Run, *words: str, says: tuple[str, ...]) -> None:
    """The command ends with 2, one sentence that holds all of `says`, and no result."""
    code, error = run(*words, *QUICK)
    assert code == 2, error
    last = error.splitlines()[-1]
    assert last.startswith("error: ")
    assert sum(line.startswith("error: ") for line in error.splitlines()) == 1
    assert "Traceback" not in error
    for text in says:
        assert text in last, error
    assert not Path("out").exists() or not list(Path("out").iterdir())
    assert not list(Path().rglob("*.part"))


def results(folder: str = "out") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "results.json").read_text())
    return found


def value(found: dict[str, Any], id: str) -> float:
    return float(next(record["value"] for record in found["metrics"] if record["id"] == id))


def test_the_words_as_csv_score_one(run: Run) -> None:
    code, error = run(*[word.replace("found.class", "found.csv") for word in COMMAND], *QUICK)
    assert code == 0, error
    found = results()
    for score in ("token_f1", "type_f1", "boundary_f1", "coverage"):
        assert value(found, f"found.discovery_{score}") == 1
    assert value(found, "found.discovery_ned") == 0
    assert found["failures"] == {}
    assert found["provenance"]["inputs"]["segments"]["path"] == "found.csv"
    assert sorted(path.name for path in Path("out").iterdir()) == ["jackknife.parquet", "metrics.csv", "results.json"]
    assert "4 classes" in error


def test_ids_that_are_not_in_the_corpus_are_counted_and_strict_stops(run: Run) -> None:
    """A third of the class file's ids are spelt in another way: their segments fall out, their words stay unfound."""
    refused(run, *COMMAND, "--strict", says=("klass", "without words and phones"))
    code, error = run(*COMMAND, *QUICK)
    assert code == 0, error
    found = results()
    assert found["failures"] == {"segments-unknown-id": 4}
    assert value(found, "found.discovery_token_precision") == 1
    assert value(found, "found.discovery_token_recall") == pytest.approx(2 / 3, abs=0.01)
    assert found["coverage"]["utterances"]["counted"] == 12


def test_tokens_instead_of_segments(run: Run) -> None:
    words = ("discovery", "--tokens", "tokens.parquet", "--manifest", "manifest.jsonl", "-o", "out", "-j", "1")
    code, error = run(*words, *QUICK, "--silence", "drop")
    assert code == 0, error
    found = results()
    assert found["system"] == "made up"
    assert found["streams"]["units"]["used_codes"] == 4
    assert 0 < value(found, "units.discovery_boundary_recall") < 1
    assert found["protocols"]["tde"]["silence"] == "drop"


@pytest.mark.parametrize("missing", ["found.class", "manifest.jsonl", "alignments.parquet"])
def test_missing_files(run: Run, corpus: Path, missing: str) -> None:
    (corpus / missing).unlink()
    refused(run, *COMMAND, says=(missing,))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ("found.class", "empty")),
        ("Class 1\nx 0 eins\n\n", ("line 2", "'eins'")),
        ("Class 1\nnobody 0 1\n\n", ("nobody", "東京")),
        ("\x00\xff", ("found.class",)),
    ],
)
def test_bad_segments(run: Run, corpus: Path, text: str, says: tuple[str, ...]) -> None:
    (corpus / "found.class").write_text(text)
    refused(run, *COMMAND, says=says)


def test_swapped_times_are_counted_and_strict_stops(run: Run, corpus: Path) -> None:
    path = corpus / "found.class"
    path.write_text(path.read_text() + f"Class 99\n{IDS[0]} 0.5 0.2\n\n")
    refused(run, *COMMAND, "--strict", says=("0.5 to 0.2",))
    code, error = run(*COMMAND, *QUICK)
    assert code == 0, error
    assert results()["failures"]["segment-times"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("discovery", "--manifest", "manifest.jsonl"), ("--segments", "--tokens", "--ckpt")),
        ((*COMMAND, "--tokens", "tokens.parquet"), ("not both",)),
        ((*COMMAND, "--streams", "units"), ("not both",)),
        ((*COMMAND, "--silence", "maybe"), ("'maybe'", "keep or drop")),
        ((*COMMAND[:3], "-o", "out"), ("alignments.parquet", "--manifest")),
        (("discovery", "--tokens", "tokens.parquet", *COMMAND[3:], "--streams", "lexical"), ("'lexical'", "units")),
    ],
)
def test_bad_options(run: Run, words: tuple[str, ...], says: tuple[str, ...]) -> None:
    refused(run, *words, says=says)


def test_alignments_without_words(run: Run, corpus: Path) -> None:
    world = replace(make_world(n_utterances=len(IDS)), ids=IDS)
    write_alignments(Alignments({"phones": world.tier("phones")}, {}), corpus / "alignments.parquet")
    refused(run, *COMMAND, says=("no tier 'words'",))


def test_without_the_package(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tde"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tde", None)
    refused(run, *COMMAND, says=("zerospeech-tde", "pip install 'hac-codec[discovery]'"))


@pytest.mark.slow
def test_the_order_of_hashes_changes_nothing(corpus: Path) -> None:
    """The package keeps sets of text, whose order changes from process to process; the numbers must not."""
    said = []
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "reports", *COMMAND, *QUICK, "-o", seed]
        path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        subprocess.run(command, cwd=corpus, check=True, capture_output=True, env=environment)
        said.append((corpus / seed / "metrics.csv").read_bytes())
    assert said[0] == said[1]
