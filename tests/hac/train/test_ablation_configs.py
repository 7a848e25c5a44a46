"""The ablations that ship: each is a row of the table, and changes what its name says and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hac.train.config import TrainConfig, model_config, read_train_config

FOLDER = Path(__file__).parents[3] / "configs" / "ablation"

CHANGES: dict[str, dict[str, Any]] = {
    "full": {},
    "no_phonetic_teacher": {"speech": None},
    "no_lexical_teacher": {"text": None},
    "no_teachers": {"speech": None, "text": None},
    "shuffled_phonetic_teacher": {"speech": "shuffled"},
    "shuffled_lexical_teacher": {"text": "shuffled"},
    "acoustic_only": {"speech": None, "text": None, "phonetic": False, "lexical": False},
    "phonetic_acoustic": {"text": None, "lexical": False},
    "lexical_acoustic": {"speech": None, "phonetic": False, "lexical_input": "parallel"},
    "parallel_lexical": {"lexical_input": "parallel"},
}


def read(name: str, *changes: str) -> TrainConfig:
    return read_train_config(FOLDER / f"{name}.yaml", ["data.train=x.jsonl", *changes])


def facts(config: TrainConfig) -> dict[str, Any]:
    model = model_config(config).to_dict()
    teachers = {
        kind: teacher and ("shuffled" if teacher.shuffled else "taught")
        for kind, teacher in (("speech", config.teachers.speech), ("text", config.teachers.text))
    }
    rest = config.model_dump(exclude={"model", "teachers"})
    return {**model, **teachers, "rest": rest}


def test_every_row_has_a_file_and_every_file_is_a_row():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("size", ["small", "nano"])
def test_a_row_changes_what_its_name_says_and_nothing_else(name, size):
    model = [] if size == "small" else [f"model={FOLDER.parent}/model/hac-nano.yaml"]
    full, row = facts(read("full", *model)), facts(read(name, *model))
    differs = {key: row[key] for key in full | row if full[key] != row[key]}
    assert differs == CHANGES[name]
    assert full["acoustic_codebooks"] == 7 and full["phonetic"] and full["lexical"]
