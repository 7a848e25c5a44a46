"""What can be wrong with a sweep: one sentence, exit code 2, nothing begun."""

from __future__ import annotations

import sys

import pytest
import yaml

from tests.analysis.sweeps.worlds import make_files, write_sweep


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = make_files(tmp_path_factory.mktemp("world"))
    (folder / "plain.yaml").write_text("base: full.yaml\nmodel: {phonetic: false, lexical_input: parallel}\n")
    (folder / "small.yaml").write_text("base: full.yaml\nmodel: {phonetic_codebook_size: 4}\n")
    (folder / "typo.yaml").write_text("base: full.yaml\nstepz: 3\n")
    other = folder / "train" / "other.jsonl"
    other.write_text("".join((folder / "train" / "manifest.jsonl").read_text().splitlines(keepends=True)[:-1]))
    return folder


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run the command, which must end with 2 and one sentence that holds all that it is called with."""
    import reports.cli

    def call(*words: object) -> str:
        output = tmp_path / "out"
        monkeypatch.setattr(sys, "argv", ["hac-analyze", "ablate", *map(str, words), "-o", str(output)])
        with pytest.raises(SystemExit) as ended:
            reports.cli.main()
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1, said
        assert not output.exists()
        return said

    return call


BAD = {
    "two variants of one name": (
        {"variants": ["full.yaml", {"name": "Full", "config": "untaught.yaml"}]},
        ["two variants are called 'Full'", "full.yaml and", "untaught.yaml", "give one another name"],
    ),
    "an unknown key": ({"seedz": [0]}, ["unknown key 'seedz'; did you mean 'seeds'?"]),
    "an unknown key of a variant": (
        {"variants": [{"config": "full.yaml", "sets": {}}]},
        ["variants: unknown key 'sets'; did you mean 'set'?"],
    ),
    "an unknown key of a configuration": (
        {"variants": ["full.yaml", "typo.yaml"]},
        ["typo.yaml: unknown key 'stepz'; did you mean 'steps'?"],
    ),
    "an unknown key of what is laid over": ({"set": {"optimiser": {}}}, ["'optimiser'; did you mean 'optimizer'?"]),
    "an unknown analysis": ({"analyses": {"pnmy": {}}}, ["analyses: unknown key 'pnmy'; did you mean 'pnmi'?"]),
    "an unknown option": (
        {"analyses": {"pnmi": {"null": 3}}},
        ["analyses.pnmi: unknown key 'null'; did you mean 'nulls'?"],
    ),
    "an option of ours": ({"analyses": {"pnmi": {"tokens": "x"}}}, ["analyses.pnmi: tokens cannot be given"]),
    "options that are none": ({"analyses": {"pnmi": 3}}, ["analyses.pnmi: expected options such as", "found 3"]),
    "an unknown metric": ({"metrics": ["pnmy"]}, ["metrics: unknown key 'pnmy'; did you mean 'pnmi'?"]),
    "an unknown reference": ({"reference": "ful"}, ["reference: unknown key 'ful'; did you mean 'full'?"]),
    "codebooks that differ in number": (
        {"variants": ["full.yaml", "plain.yaml"]},
        ["plain has 4 codebooks and full 5", "insist with --allow-codebooks"],
    ),
    "codebooks that differ in size": (
        {"variants": ["full.yaml", "small.yaml"]},
        ["small has 4 codes in phonetic and full 16", "insist with --allow-codebooks"],
    ),
    "other data": (
        {"variants": ["full.yaml", {"name": "less", "config": "full.yaml", "set": {"data": {"train": "OTHER"}}}]},
        ["less and full train on different data (data.train is", "insist with --allow-data"],
    ),
    "no variants": ({"variants": []}, ["variants: expected a list of training configurations, found []"]),
    "no configuration": ({"variants": ["none.yaml"]}, ["none.yaml: no such training configuration"]),
    "a name that is no folder's": (
        {"variants": [{"name": "../x", "config": "full.yaml"}]},
        ["'../x' is no name of a folder"],
    ),
    "one seed twice": ({"seeds": [0, 0]}, ["seeds: expected different whole numbers", "found [0, 0]"]),
    "no seed": ({"seeds": ["a"]}, ["seeds: expected different whole numbers"]),
    "nothing to analyse": ({"evaluation": None}, ["evaluation: no manifest of held-out speech"]),
    "no such speech": ({"evaluation": {"manifest": "none.jsonl"}}, ["none.jsonl"]),
    "no such training speech": ({"train": "none.jsonl"}, ["none.jsonl"]),
    "a checkpoint that is neither": ({"checkpoint": "lats"}, ["checkpoint: unknown key 'lats'; did you mean 'last'?"]),
    "no device": ({"devices": "gpu0"}, ["device 'gpu0' is none; expected auto, cpu or cuda:N"]),
    "a throughput of nothing": ({"throughput": 0}, ["throughput is 0; expected seconds of audio per second"]),
    "a negative count": ({"at_once": -1}, ["at_once: expected a whole number from 0, found -1"]),
    "what may not differ": (
        {"allow": ["everything"]},
        ["allow: unknown key 'everything'; known keys: codebooks, data"],
    ),
    "keys that are none": ({"set": [1]}, ["set: expected keys and values, found [1]"]),
    "texts that are none": ({"train": 3}, ["train: expected a text or a list of texts, found 3"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_sweep_is_one_sentence(world, tmp_path, refused, case):
    changes, says = BAD[case]
    text = yaml.safe_dump(changes).replace("OTHER", str(world / "train" / "other.jsonl"))
    said = refused(write_sweep(world, "bad.yaml", **yaml.safe_load(text)))
    for part in says:
        assert part in said, said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--only", "full/seed-1"], "--only: unknown key 'full/seed-1'; did you mean 'full/seed-0'?"),
        (["--index", "7"], "--index 7: the sweep has 2 trainings, 0 to 1"),
        (["--plan", "--throughput", "-1"], "--throughput -1.0 is no number above 0"),
        (["--devices", "cuda:99"], "device cuda:99 was asked for, but"),
    ],
)
def test_bad_words_are_one_sentence(world, refused, words, says):
    assert says in refused(write_sweep(world, "good.yaml"), *words)


def test_a_sweep_that_is_no_file(refused, tmp_path):
    assert "no such sweep" in refused(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "expected a YAML mapping, a sweep, found list" in refused(tmp_path / "list.yaml")


def test_a_folder_of_something_else_is_left_alone(world, tmp_path, monkeypatch, capsys):
    import reports.cli

    (tmp_path / "sweep.json").write_text('{"mine": 1}')
    words = ["ablate", str(write_sweep(world, "good.yaml")), "-o", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["hac-analyze", *words])
    with pytest.raises(SystemExit) as ended:
        reports.cli.main()
    assert ended.value.code == 2 and "is no hac-sweep of version 1" in capsys.readouterr().err
    assert (tmp_path / "sweep.json").read_text() == '{"mine": 1}'
