"""Parts of a corpus: languages, speakers, phones against the rest, classes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from scipy.sparse import csr_matrix

from analysis.statistics import groups
from probes.clusters import Row
from tests.strategies import tables

ROWS = (Row("", "", 0), Row("de", "anna", 0), Row("de", "anna", 1), Row("en", "anna", 0), Row("en", "ben", 0))


def test_parts_are_named_and_hold_their_rows() -> None:
    assert [(part.name, part.rows.tolist()) for part in groups.languages(ROWS)] == [
        ("language=de", [1, 2]),
        ("language=en", [3, 4]),
    ]
    assert [(part.name, part.rows.tolist()) for part in groups.speakers(ROWS)] == [
        ("speaker=de/anna", [1, 2]),
        ("speaker=en/anna", [3]),
        ("speaker=ben", [4]),
    ]


def test_groups_of_speakers_are_no_speakers() -> None:
    assert groups.speakers((Row("en", "group 1", 0, grouped=True),)) == []


def test_each_phone_and_class_stands_against_the_rest() -> None:
    labels = ("AA", "B", "T", "sil")
    classes = {"manner": {"AA": "vowel", "B": "stop", "T": "stop", "sil": None}, "height": {"AA": "low"}}
    made = {r.name: r for r in groups.relabellings(labels, classes)}
    assert list(made) == [
        "phone=AA",
        "phone=B",
        "phone=T",
        "phone=sil",
        "classes=manner",
        "manner=stop",
        "manner=vowel",
    ]
    assert [g.tolist() for g in made["manner=stop"].groups(labels)] in ([[0, 3], [1, 2]], [[1, 2], [0, 3]])
    # what has no class of a kind is left out of the whole kind
    assert sorted(g.tolist() for g in made["classes=manner"].groups(labels)) == [[0], [1, 2]]


@given(table=tables())
def test_merged_labels_are_sums_of_rows(table: np.ndarray) -> None:
    n_labels = len(table)
    matrix = csr_matrix(np.stack([table.T.ravel(), 2 * table.T.ravel()]))
    split = [np.arange(0, n_labels, 2), np.arange(1, n_labels, 2)]
    merged = groups.ByLabel(matrix, n_labels).tables(split)
    expected = np.stack([table[part].sum(axis=0) for part in split], axis=-1)
    assert np.array_equal(merged, np.stack([expected, 2 * expected]))
