"""Bad input through `hac-analyze boundaries`: one clear sentence, exit code 2, nothing half-written, no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.boundaries.shards import merge
from hac.data.alignments.alignment import Alignments, read_alignments, write_alignments
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import Run, refused

corpus, run = bad.corpus, bad.run
BOUNDARIES = ("boundaries", *bad.PNMI[1:], "--nulls", "2", "--tolerances", "20")


def drop_words(corpus: Path) -> None:
    path = corpus / "alignments.parquet"
    write_alignments(Alignments({"phones": read_alignments(path).phones}, {}), path)


def ids(corpus: Path) -> set[str]:
    return {record["id"] for record in json.loads((corpus / "out" / "results.json").read_text())["metrics"]}


def test_the_sound_corpus_gives_results(run: Run, corpus: Path) -> None:
    code, error = run(*BOUNDARIES)
    assert code == 0, error
    assert {"units.boundary_f1[phones,greedy,20ms]", "units.boundary_f1[words,midpoint,20ms]"} <= ids(corpus)
    assert "units.run_ms" in ids(corpus)


def test_without_words_the_phones_are_scored(run: Run, corpus: Path) -> None:
    drop_words(corpus)
    code, error = run(*BOUNDARIES)
    assert code == 0, error
    assert not any("words" in id for id in ids(corpus))


def test_words_asked_for_and_not_there(run: Run, corpus: Path) -> None:
    drop_words(corpus)
    refused(run, *BOUNDARIES, "--tiers", "words", says=("no tier 'words'", "phones"))


def test_only_what_was_asked_for(run: Run, corpus: Path) -> None:
    code, error = run(*BOUNDARIES, "--tiers", "words", "--rule", "nearest", "--rule", "midpoint", "--edges", "in")
    assert code == 0, error
    found = {id for id in ids(corpus) if "boundary_f1" in id}
    assert found == {f"units.boundary_f1[words,{rule},20ms]" for rule in ("nearest", "midpoint")}


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--tolerances", "10,fast", "'fast'"),
        ("--tolerances", "12.5", "'12.5'"),
        ("--tolerances", "", "''"),
        ("--tolerances", "-20", "'-20'"),
        ("--tolerances", "20,5000", "5000 ms"),
        ("--rule", "best", "greedy, nearest, maximum, midpoint"),
        ("--edges", "both", "out, in"),
        ("--tiers", "syllables", "phones, words"),
        ("--streams", "lexical", "lexical"),
        ("--shard", "3/2", "3/2"),
    ],
)
def test_bad_options(run: Run, option: str, value: str, says: str) -> None:
    refused(run, *BOUNDARIES, option, value, says=(says,))


@pytest.mark.parametrize("missing", ["tokens.parquet", "manifest.jsonl", "alignments.parquet"])
def test_missing_files(run: Run, corpus: Path, missing: str) -> None:
    (corpus / missing).unlink()
    refused(run, *BOUNDARIES, says=(missing,))


def test_shards_through_the_command_line_are_the_whole(run: Run, corpus: Path) -> None:
    for i in (1, 2):
        code, error = run(*BOUNDARIES, "--shard", f"{i}/2", "-o", f"shard-{i}")
        assert code == 0, error
    code, error = run(*BOUNDARIES)
    assert code == 0, error
    merged = merge([corpus / "shard-1", corpus / "shard-2"], jobs=1).results.model_dump(mode="json")
    assert merged["metrics"] == json.loads((corpus / "out" / "results.json").read_text())["metrics"]
