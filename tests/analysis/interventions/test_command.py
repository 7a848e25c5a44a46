"""Bad input to `hac-analyze intervene`: one clear sentence, exit code 2, nothing decoded."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import reports.cli
from analysis.inputs.corpus import Labels
from analysis.inputs.request import Request
from analysis.interventions.run import Machine, run
from hac.data.manifest.formats import write_manifest
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import HacError
from tests.analysis.interventions.test_run import QUICK
from tests.analysis.interventions.worlds import Village, Vowels, judges, village

Command = Callable[..., str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Village:
    folder = tmp_path_factory.mktemp("village")
    made = village(folder, n=2)
    write_manifest(made.manifest, folder / "manifest.jsonl")
    write_tokens(made.tokens, folder / "tokens.parquet")
    (folder / "kmeans").mkdir()
    (folder / "kmeans" / "config.json").write_text(json.dumps({"model_type": "mfcc-kmeans"}))
    return made


@pytest.fixture
def refused(world: Village, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*words: str) -> str:
        monkeypatch.chdir(world.manifest.root)
        monkeypatch.setattr(sys, "argv", ["hac-analyze", "intervene", *words])
        with pytest.raises(SystemExit) as ended:
            reports.cli.main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert said.count("\n") == 1, said
        assert not Path("intervene").exists()
        return said

    return call


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tokens", "tokens.parquet"), "needs --manifest"),
        (("--manifest", "manifest.jsonl"), "give --ckpt"),
        (("--manifest", "manifest.jsonl", "--ckpt", "mfcc-kmeans:km"), "tokens of 'mfcc-kmeans' cannot be turned into"),
        (("--manifest", "manifest.jsonl", "--ckpt", "kmeans"), "kmeans"),
        (("--manifest", "manifest.jsonl", "--tokens", "tokens.parquet"), "say with --ckpt"),
        (("--manifest", "manifest.jsonl", "--interventions", "drop,swoop"), "'swoop': there is none of that name"),
        (("--manifest", "manifest.jsonl", "--normalizer", "basic"), "text normalizer 'basic' is unknown"),
    ],
)
def test_bad_words_are_refused(refused: Command, words: tuple[str, ...], says: str) -> None:
    assert says in refused(*words)


def test_an_unknown_level_is_named_before_anything_is_decoded(world: Village, tmp_path: Path) -> None:
    with pytest.raises(HacError, match="no level or stream 'semantic'; the levels are acoustic, phonetic, lexical"):
        world.run(tmp_path, replace(QUICK, levels=("semantic",)))
    assert not any(tmp_path.iterdir())


def test_tokens_of_another_model_or_corpus_are_refused(world: Village, tmp_path: Path) -> None:
    other = {"tokenizer": "fake:vowels", "tokenizer_provenance": {"weights_sha256": "c" * 64}}
    with pytest.raises(HacError, match="made by fake:vowels with weights cccc"):
        replace(world, tokens=replace(world.tokens, provenance=other)).run(tmp_path, QUICK)
    renamed = TokenStore(("x", "y"), world.tokens.streams, {})
    with pytest.raises(HacError, match=r"no utterance of the tokens \('x'"):
        replace(world, tokens=renamed).run(tmp_path, QUICK)
    without = Request(world.tokens, Labels(None, world.labels.alignments), QUICK)
    with pytest.raises(HacError, match="need --manifest"):
        run(without, Vowels(), Machine(tmp_path))
    assert not any(tmp_path.iterdir())


def test_one_utterance_has_nobody_to_be_swapped_with(world: Village, tmp_path: Path) -> None:
    with pytest.raises(HacError, match="cannot be swapped with another"):
        world.run(tmp_path, replace(QUICK, limit=1))


def test_one_utterance_has_no_null_and_is_told(world: Village, tmp_path: Path) -> None:
    few = judges(asr=None, mos=None, pitch=False)
    made = world.run(
        tmp_path, replace(QUICK, limit=1, levels=("phonetic",), interventions=("shuffle",), judges=few)
    ).results
    assert any("there is no null" in warning for warning in made.warnings)
    assert math.isnan(made.get("phonetic.source_similarity[shuffle]").null_mean)
