"""YAML files that include others, and changes from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.errors import HacError
from hac.files.yaml_config import check_key, merged, parse_changes, read_yaml

WHAT = "training configuration"

mappings = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.none() | st.lists(st.integers(0, 3), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(0, 9)),
    max_leaves=8,
)


def paths(values: dict[str, Any], prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every leaf by its path; an empty mapping is a leaf."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in values.items():
        found |= paths(value, (*prefix, key)) if isinstance(value, dict) and value else {(*prefix, key): value}
    return found


@given(values=mappings, changes=mappings)
def test_every_leaf_of_the_changes_wins_and_the_rest_stays(values, changes):
    before = repr((values, changes))
    result = paths(merged(values, changes))
    for path, value in paths(changes).items():
        # an empty mapping changes nothing where there is a mapping already
        if value != {}:
            assert result[path] == value
    touched = set(paths(changes))
    for path, value in paths(values).items():
        covers = any(path[: len(other)] == other or other[: len(path)] == path for other in touched)
        if not covers:
            assert result[path] == value
    assert repr((values, changes)) == before


@given(values=mappings)
def test_merging_with_nothing_or_itself_changes_nothing(values):
    assert merged(values, {}) == merged({}, values) == merged(values, values) == values


def test_base_is_read_first_and_mappings_merge(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "root.yaml").write_text("a: {x: 1, y: [1, 2], z: {k: 1}}\nb: 2\nc: 3\n")
    (tmp_path / "deep" / "middle.yaml").write_text("base: ../root.yaml\na: {z: {l: 2}}\nb: {now: mapping}\n")
    (tmp_path / "top.yaml").write_text("base: deep/middle.yaml\na: {y: [9], x: null}\nc: null\n")
    assert read_yaml(tmp_path / "top.yaml", WHAT) == {
        "a": {"x": None, "y": [9], "z": {"k": 1, "l": 2}},
        "b": {"now": "mapping"},
        "c": None,
    }


def test_each_file_is_localized_where_it_lies(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "base.yaml").write_text("here: 1\n")
    (tmp_path / "top.yaml").write_text("base: deep/base.yaml\nthere: 1\n")
    folders = read_yaml(
        tmp_path / "top.yaml", WHAT, lambda values, folder: {k: v if k == "base" else folder for k, v in values.items()}
    )
    assert {key: folder.resolve() for key, folder in folders.items()} == {
        "here": (tmp_path / "deep").resolve(),
        "there": tmp_path.resolve(),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such training configuration"),
        ("- 1\n- 2\n", "expected a YAML mapping, a training configuration, found list"),
        ("", "found NoneType"),
        ("a: [1\n", "cannot be read as YAML"),
        ('{"a": ["\\ud800"]}', "half of a surrogate pair"),
        ("base: config.yaml\n", "includes itself through base: config.yaml"),
        ("base: other.yaml\n", "other.yaml: no such training configuration"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HacError, match=words) as error:
        read_yaml(path, WHAT)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(HacError, match="cannot be read as YAML"):
        read_yaml(tmp_path / "config.yaml", WHAT)


def test_a_circle_of_files(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"base: {base}.yaml\n")
    with pytest.raises(HacError, match=r"c\.yaml: includes itself through base: a\.yaml"):
        read_yaml(tmp_path / "a.yaml", WHAT)


def test_the_same_base_twice_is_no_circle(tmp_path):
    (tmp_path / "root.yaml").write_text("a: 1\n")
    (tmp_path / "left.yaml").write_text("base: root.yaml\nb: 1\n")
    (tmp_path / "top.yaml").write_text("base: left.yaml\n")
    assert read_yaml(tmp_path / "top.yaml", WHAT) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1E3", 1000.0),
        ("-2e+1", -20.0),
        (".5e1", 5.0),
        ("0.25", 0.25),
        ("7", 7),
        ("true", True),
        ("null", None),
        ("", None),
        ("[2, 3.5, x]", [2, 3.5, "x"]),
        ("{a: 1}", {"a": 1}),
        ("dac:some/where", "dac:some/where"),
        ("train.jsonl", "train.jsonl"),
        ("2.files", "2.files"),
        ("'3e-4'", 3e-4),
        ("a=b", "a=b"),
    ],
)
def test_values_are_read_as_yaml(text, value):
    read = parse_changes([f"key={text}"])["key"]
    assert read == value and type(read) is type(value)


def test_changes_nest_and_the_later_wins():
    assert parse_changes(["a.b=1", "a.c.d=2", "a.b=3", " e =4"]) == {"a": {"b": 3, "c": {"d": 2}}, "e": 4}
    assert parse_changes([]) == {}
    assert parse_changes(["a.b=1", "a=null"]) == {"a": None}
    assert parse_changes(["a=1", "a.b=2"]) == {"a": {"b": 2}}


@pytest.mark.parametrize("assignment", ["steps", "=1", "a..b=1", ".a=1", "a.=1", ""])
def test_changes_without_a_key_or_value(assignment):
    with pytest.raises(HacError, match=r"expected KEY\.KEY=VALUE"):
        parse_changes([assignment])


def test_a_value_that_is_no_yaml():
    with pytest.raises(HacError, match=r"--set a=\[1: '\[1' cannot be read as a YAML value"):
        parse_changes(["a=[1"])


def test_unknown_keys():
    check_key("steps", ["steps"], "here")
    with pytest.raises(HacError, match=r"^here: unknown key 'stpes'; did you mean 'steps'\?$"):
        check_key("stpes", ["seed", "steps"], "here")
    with pytest.raises(HacError, match=r"^here: unknown key 'xyz'; known keys: seed, steps$"):
        check_key("xyz", ["steps", "seed"], "here")


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "{a: 1, a: 3}", "x: {y: [{a: 1, a: 3}]}"])
def test_a_key_that_stands_twice_is_refused(text, tmp_path):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(
        HacError, match=r"t\.yaml: cannot be read as YAML \(line \d: the key 'a' stands twice, first in"
    ):
        read_yaml(tmp_path / "t.yaml", WHAT)


def test_a_key_may_stand_over_one_that_is_merged_in(tmp_path):
    (tmp_path / "t.yaml").write_text("x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}\n")
    assert read_yaml(tmp_path / "t.yaml", WHAT)["y"] == {"a": 3, "b": 2}
