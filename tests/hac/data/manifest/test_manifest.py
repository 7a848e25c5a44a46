"""Manifests: both formats, every bad row named, nothing outside the root, quick when large."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
utterances = st.builds(
    Utterance,
    id=text,
    path=st.from_regex(r"[a-zé ]{1,6}(/[a-zé ]{1,6}){0,2}\.wav", fullmatch=True),
    duration=st.integers(1, 10**10).map(lambda us: round(us / 1e6, 6)),
    speaker=st.none() | text,
    language=st.none() | st.sampled_from(["en", "de"]),
    text=st.none() | text,
    alignment=st.none() | st.just("a/b.TextGrid"),
)
ENDINGS = pytest.mark.parametrize("ending", [".jsonl", ".parquet"])

GOOD = {"id": "a", "path": "a.wav", "duration": 1.5}


def written(folder: Path, *rows: object, name: str = "m.jsonl") -> Path:
    """A JSONL manifest with these lines."""
    path = folder / name
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def parquet(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "m.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


@ENDINGS
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(utterances, min_size=1, max_size=6, unique_by=lambda u: u.id))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[Utterance]) -> None:
    folder = tmp_path_factory.mktemp("m")
    manifest = Manifest(folder, tuple(rows))
    write_manifest(manifest, folder / f"m{ending}")
    read = read_manifest(folder / f"m{ending}")
    assert read == manifest
    assert read.sha256 == manifest.sha256
    assert Manifest(Path("elsewhere"), tuple(reversed(rows))).sha256 == manifest.sha256


def test_the_hash_is_that_of_canonical_lines_and_sees_every_field() -> None:
    row = Utterance("a", "a.wav", 1.5, text="é")
    line = '{"alignment":null,"duration":1.5,"id":"a","language":null,"path":"a.wav","speaker":null,"text":"é"}\n'
    digests = {Manifest(Path(), (row,)).sha256}
    assert digests == {hashlib.sha256(line.encode()).hexdigest()}
    for change in (
        Utterance("b", "a.wav", 1.5, text="é"),
        Utterance("a", "b.wav", 1.5, text="é"),
        Utterance("a", "a.wav", 1.500001, text="é"),
        Utterance("a", "a.wav", 1.5, "s", text="é"),
        Utterance("a", "a.wav", 1.5, None, "en", "é"),
        Utterance("a", "a.wav", 1.5),
        Utterance("a", "a.wav", 1.5, text="é", alignment="a.TextGrid"),
    ):
        digests.add(Manifest(Path(), (change,)).sha256)
    assert len(digests) == 8


@ENDINGS
def test_roots_move_with_the_manifest_where_one_holds_the_other(tmp_path: Path, ending: str) -> None:
    rows = (Utterance("a", "a.wav", 1.0),)
    for root, file in (("x/corpus", "x/m"), ("x", "x/lists/m"), ("x/corpus", "x/corpus/m")):
        before, after = tmp_path / "old", tmp_path / "new"
        write_manifest(Manifest(before / root, rows), (before / file).with_suffix(ending))
        before.rename(after)
        assert read_manifest((after / file).with_suffix(ending)).root == after / root
        after.rename(tmp_path / file.replace("/", "-"))
    write_manifest(Manifest(tmp_path / "here", rows), tmp_path / "there" / f"m{ending}")
    assert read_manifest(tmp_path / "there" / f"m{ending}").root == tmp_path / "here"
    assert read_manifest(tmp_path / "there" / f"m{ending}", root=tmp_path / "given").root == tmp_path / "given"


def test_a_header_is_optional_and_its_root_counts_from_the_file(tmp_path: Path) -> None:
    assert read_manifest(written(tmp_path, GOOD)).root == tmp_path
    assert read_manifest(written(tmp_path, {"hac_manifest": 1, "root": "../c"}, GOOD)).root == tmp_path.parent / "c"
    assert read_manifest(written(tmp_path, {"hac_manifest": 1, "root": "/c"}, "", GOOD)).root == Path("/c")


def test_what_a_manifest_knows() -> None:
    manifest = Manifest(
        Path("r"),
        (
            Utterance("a", "a.wav", 0.1, "s2", "en"),
            Utterance("b", "b.wav", 0.2, "s1", None),
            Utterance("c", "c.wav", 3600.0, None, "de", alignment="c.TextGrid"),
        ),
    )
    assert manifest.ids == ("a", "b", "c") and len(manifest) == 3
    assert manifest.durations_us == {"a": 100_000, "b": 200_000, "c": 3_600_000_000}
    assert manifest.duration_us == 3_600_300_000
    assert manifest.hours == pytest.approx(1.00008333)
    assert manifest.speakers == ("s1", "s2") and manifest.languages == ("de", "en")
    assert manifest.by_id["b"].speaker == "s1"
    assert manifest.subset(["c", "a"]).ids == ("a", "c")
    assert manifest.audio_path(manifest.by_id["a"]) == Path("r/a.wav")
    with pytest.raises(HacError, match="utterance 'x' and 1 more not in the manifest of 3"):
        manifest.subset(["a", "y", "x"])


BAD_ROWS = {
    "climbs out": ({**GOOD, "path": "../x.wav"}, "path '../x.wav' leads out of the root"),
    "climbs out later": ({**GOOD, "path": "a/../../x.wav"}, "leads out of the root"),
    "absolute": ({**GOOD, "path": "/etc/passwd"}, "leads out of the root"),
    "the root itself": ({**GOOD, "path": "a/.."}, "leads out of the root"),
    "null byte": ({**GOOD, "path": "a\0.wav"}, "leads out of the root"),
    "alignment climbs out": ({**GOOD, "alignment": "../x.TextGrid"}, "alignment '../x.TextGrid' leads out"),
    "no duration": ({"id": "a", "path": "a.wav"}, "no field 'duration'; found id, path"),
    "misspelt": ({**GOOD, "speakr": "s"}, "unknown field 'speakr'; did you mean 'speaker'"),
    "misspelt, required": ({"id": "a", "path": "a.wav", "durration": 1}, "did you mean 'duration'"),
    "another tool's name": ({"id": "a", "audio_filepath": "a.wav", "duration": 1}, "did you mean 'path'"),
    "negative": ({**GOOD, "duration": -1.0}, "duration is -1.0; expected a positive number"),
    "zero": ({**GOOD, "duration": 0}, "duration is 0; expected a positive"),
    "text duration": ({**GOOD, "duration": "1.5"}, "duration is '1.5'; expected seconds as a number"),
    "true": ({**GOOD, "duration": True}, "duration is True; expected seconds"),
    "NaN": ({**GOOD, "duration": float("nan")}, "duration is nan; expected a positive"),
    "infinite": ({**GOOD, "duration": float("inf")}, "duration is inf"),
    "beyond any float": ({**GOOD, "duration": 10**400}, r"duration is 1000+\.\.\.; expected a positive"),
    "null": ({**GOOD, "duration": None}, "duration is None; expected seconds"),
    "number as id": ({**GOOD, "id": 17}, "id is 17; expected text"),
    "empty id": ({**GOOD, "id": ""}, "id is empty"),
    "list as speaker": ({**GOOD, "speaker": ["s"]}, r"speaker is \['s'\]; expected text"),
    "no object": ([1, 2], r"expected an object with id, path, duration.*found \[1, 2\]"),
    "half a character": ('{"id": "a", "path": "a.wav", "duration": 1, "text": "\\ud800"}', "half a character"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_or_counted(tmp_path: Path, name: str) -> None:
    bad, words = BAD_ROWS[name]
    path = written(tmp_path, {**GOOD, "id": "first"}, bad)
    with pytest.raises(HacError, match=f"m.jsonl: line 2: .*{words}"):
        read_manifest(path)
    failures = FailureLog()
    assert read_manifest(path, failures=failures).ids == ("first",)
    assert [failure.id for failure in failures] == ["m.jsonl: line 2"]
    with pytest.raises(HacError, match="--strict"):
        read_manifest(path, failures=FailureLog(strict=True))


def test_duplicate_ids_name_both_rows(tmp_path: Path) -> None:
    path = written(tmp_path, {"hac_manifest": 1}, GOOD, {**GOOD, "id": "b"}, GOOD)
    with pytest.raises(HacError, match="line 4: id 'a' was already given in line 2"):
        read_manifest(path)
    failures = FailureLog()
    assert read_manifest(path, failures=failures).ids == ("a", "b")
    assert failures.by_reason() == {"manifest-duplicate-id": 1}


BAD_FILES = {
    "broken JSON": (b'{"id": "a", "path": "a.wav", "duration": 1}\n{"id": \n', r"line 2: broken JSON \(Expecting"),
    "deep JSON": (b"[" * 200_000, "line 1: broken JSON"),
    "a number of 5,000 digits": (b'{"id": "a", "duration": ' + b"9" * 5000 + b"}", "line 1: broken JSON"),
    "empty": (b"", "no utterances"),
    "a header alone": (b'{"hac_manifest": 1}\n', "no utterances"),
    "a later version": (b'{"hac_manifest": 2}\n{}', "gives format 2; this version of hac reads 1"),
    "a root of numbers": (b'{"hac_manifest": 1, "root": 5}\n', "root is 5; expected a folder"),
    "a root that is no path": (b'{"hac_manifest": 1, "root": "\\ud800"}\n', "expected a folder"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "not UTF-8"),
    "all bad": (b'{"id": "a"}\n{"id": "b"}\n', "line 1: no field 'path'"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file(tmp_path: Path, name: str) -> None:
    content, words = BAD_FILES[name]
    path = tmp_path / "m.jsonl"
    path.write_bytes(content)
    for failures in (None, FailureLog()):
        with pytest.raises(HacError, match=words):
            read_manifest(path, failures=failures)


def test_a_byte_order_mark_and_other_fields_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({**GOOD, "age": 30, "speaker": "s", "speaker_id": 4}).encode())
    assert read_manifest(path).utterances == (Utterance("a", "a.wav", 1.5, "s"),)


def test_an_absolute_path_inside_the_root_becomes_relative(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "path": str(tmp_path / "clips" / "a.wav")})
    assert read_manifest(path).utterances[0].path == "clips/a.wav"


def test_symbolic_links_may_not_leave_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.wav").touch()
    (root / "b.wav").touch()
    (root / "folder").symlink_to(outside)
    (root / "file.wav").symlink_to(outside / "a.wav")
    (root / "inside.wav").symlink_to(root / "b.wav")
    (tmp_path / "root-link").symlink_to(root)
    rows = [{**GOOD, "id": name, "path": name} for name in ("folder/a.wav", "file.wav", "inside.wav")]
    for base in (root, tmp_path / "root-link"):
        manifest = read_manifest(written(root, *rows), root=base)
        for utterance in manifest.utterances[:2]:
            with pytest.raises(HacError, match=f"utterance '{utterance.id}': path .* leads out of the root"):
                manifest.audio_path(utterance)
        assert manifest.audio_path(manifest.utterances[2]) == base / "inside.wav"


def test_bad_parquet(tmp_path: Path) -> None:
    with pytest.raises(HacError, match=r"row 1: duration is -2\.0"):
        read_manifest(parquet(tmp_path, GOOD, {**GOOD, "id": "b", "duration": -2.0}))
    with pytest.raises(HacError, match="id is 5; expected text"):
        read_manifest(parquet(tmp_path, {**GOOD, "id": 5}))
    with pytest.raises(HacError, match=r"unknown field 'pth'; did you mean 'path'"):
        read_manifest(parquet(tmp_path, {"id": "a", "pth": "a.wav", "duration": 1.0}))
    with pytest.raises(HacError, match="no field 'duration'; found id, path"):
        read_manifest(parquet(tmp_path, {"id": "a", "path": "a.wav"}))
    path = parquet(tmp_path, GOOD)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(HacError, match="not a Parquet file"):
        read_manifest(path)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="no such manifest"):
        read_manifest(tmp_path / "gone.jsonl")
    with pytest.raises(HacError, match=r"ends in \.jsonl or \.parquet"):
        read_manifest(written(tmp_path, GOOD, name="m.csv"))
    with pytest.raises(HacError, match=r"ends in \.jsonl or \.parquet"):
        write_manifest(Manifest(tmp_path, (Utterance("a", "a.wav", 1.0),)), tmp_path / "m.csv")


@ENDINGS
def test_bad_rows_are_not_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m{ending}"
    good = Utterance("a", "a.wav", 1.0)
    for bad, words in (
        (Utterance("b", "../b.wav", 1.0), "utterance 'b': path '../b.wav' leads out"),
        (Utterance("b", "b.wav", -1.0), "utterance 'b': duration is -1.0"),
        (good, "1 ids are given twice"),
    ):
        with pytest.raises(HacError, match=words):
            write_manifest(Manifest(tmp_path, (good, bad)), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@ENDINGS
def test_thirty_thousand_rows_are_quick(tmp_path: Path, ending: str) -> None:
    rows = tuple(
        Utterance(f"u{i:06d}", f"clips/{i}.wav", 1.0 + i / 1e3, f"s{i % 99}", "en", "some words") for i in range(30_000)
    )
    path = tmp_path / f"m{ending}"
    start = time.process_time()
    write_manifest(Manifest(tmp_path, rows), path)
    manifest = read_manifest(path)
    # measured: about 0.8; the margin is for a busy machine, and a search through all rows for each would take longer
    assert time.process_time() - start < 10
    assert len(manifest) == 30_000 and manifest.utterances[-1] == rows[-1]


def test_gender_came_later_and_moves_no_hash(tmp_path: Path) -> None:
    plain = Manifest(tmp_path, (Utterance("a", "a.wav", 1.5, "s"),))
    named = Manifest(tmp_path, (Utterance("a", "a.wav", 1.5, "s", gender="female"),))
    row = '{"alignment":null,"duration":1.5,"id":"a","language":null,"path":"a.wav","speaker":"s","text":null}\n'
    assert plain.sha256 == hashlib.sha256(row.encode()).hexdigest() != named.sha256
    for ending in (".jsonl", ".parquet"):
        write_manifest(named, tmp_path / f"m{ending}")
        assert read_manifest(tmp_path / f"m{ending}").utterances == named.utterances
