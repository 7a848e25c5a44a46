"""Other tools' token files: each format equals the store it describes, each fault is named."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hac.data.tokens.formats import detect_format, read_tokens
from hac.errors import HacError

Lines = list[Any]
HEADER = {"codebook_size": {"phonetic": 16, "acoustic.0": 1024}}
ROWS = [
    {"id": "a", "frame_rate": "44100/512", "streams": {"phonetic": [1, 2, 3], "acoustic.0": [9, 8, 1023]}},
    {"id": "b", "frame_rate": "44100/512", "streams": {"phonetic": [], "acoustic.0": []}},
    {"id": "c", "frame_rate": "44100/512", "streams": {"acoustic.0": [7], "phonetic": [15]}},
]


def write_lines(path: Path, lines: Lines) -> Path:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.json", "tokens", "tokens.gz"])
def test_jsonl_is_read_plain_and_gzipped_under_any_name(name: str, tmp_path: Path) -> None:
    store = read_tokens(write_lines(tmp_path / name, [HEADER, *ROWS]))
    assert store.ids == ("a", "b", "c")
    assert store["phonetic"].codes.tolist() == [1, 2, 3, 15]
    assert store["acoustic.0"].codes.tolist() == [9, 8, 1023, 7]
    assert store["phonetic"].bounds.tolist() == [0, 3, 3, 4]
    assert store["phonetic"].frame_rate == Fraction(44100, 512)
    assert (store["phonetic"].codebook_size, store["acoustic.0"].codebook_size) == (16, 1024)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    entries=st.dictionaries(st.text(), st.lists(st.integers(0, 2**31 - 1), max_size=5), min_size=1, max_size=4),
    rate=st.fractions(Fraction(1, 10), 1000),
)
def test_jsonl_says_what_a_dictionary_says(entries: dict[str, list[int]], rate: Fraction, tmp_path: Path) -> None:
    rows = [{"id": id, "frame_rate": str(rate), "streams": {"units": codes}} for id, codes in entries.items()]
    store = read_tokens(write_lines(tmp_path / "t.jsonl", [{"codebook_size": {"units": 2**31}}, *rows]))
    assert {id: store["units"].utterance(row).tolist() for row, id in enumerate(store.ids)} == entries
    assert store["units"].frame_rate == rate


def test_jsonl_takes_sizes_and_rates_from_the_first_line_the_row_or_the_caller(tmp_path: Path) -> None:
    bare = [{"id": "a", "streams": {"phonetic": [1, 2], "lexical": [3]}}]
    path = write_lines(tmp_path / "t.jsonl", bare)
    store = read_tokens(path, codebook_size=8, frame_rate={"phonetic": 50, "lexical": "25"})
    assert store["lexical"].frame_rate == 25
    rates = {"phonetic": "50", "lexical": 12.5}
    write_lines(path, [{"codebook_size": 8, "frame_rate": rates}, *bare])
    assert read_tokens(path)["lexical"].frame_rate == Fraction(25, 2)
    write_lines(path, [{"codebook_size": 8}, {**bare[0], "frame_rate": rates}])
    assert read_tokens(path)["phonetic"].frame_rate == 50
    assert list(read_tokens(path, streams=["lexical"]).streams) == ["lexical"]


def changed(row: int, **keys: Any) -> Lines:
    rows = [dict(entry) for entry in ROWS]
    rows[row] |= keys
    return [HEADER, *rows]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (changed(0, streams={"phonetic": [1, 16], "acoustic.0": [1, 2]}), "'a', stream 'phonetic', frame 1: code 16"),
        (changed(0, streams={"phonetic": [1, -4], "acoustic.0": [1, 2]}), "frame 1: code -4 is negative"),
        (changed(0, streams={"phonetic": [1, 2**40], "acoustic.0": [1, 2]}), f"code {2**40} is beyond"),
        (changed(0, streams={"phonetic": [1, 2**80], "acoustic.0": [1, 2]}), "there is one beyond 64 bits"),
        (changed(0, streams={"phonetic": [1, 2.5], "acoustic.0": [1, 2]}), "'phonetic': .*but frame 1 is 2.5"),
        (changed(0, streams={"phonetic": [1, "2"], "acoustic.0": [1, 2]}), "frame 1 is '2'"),
        (changed(0, streams={"phonetic": [1, None], "acoustic.0": [1, 2]}), "frame 1 is None"),
        (changed(0, streams={"phonetic": [True], "acoustic.0": [1]}), "frame 0 is True"),
        (changed(0, streams={"phonetic": "12", "acoustic.0": [1]}), "expected a list of integers, found str"),
        (changed(0, streams={"phonetic": [[1], [2]], "acoustic.0": [1]}), r"found 2 dimensions \(2, 1\)"),
        (changed(0, streams={"phonetic": [[1], [2, 3]], "acoustic.0": [1]}), "lists of several lengths"),
        (changed(0, streams={"phonetic": [1], "acoustic.0": [1, 2]}), "'a' has 1 frames of 'phonetic' but 2 of"),
        (changed(1, streams={"phonetic": []}), "'b' and 'a' differ in stream 'acoustic.0'"),
        (changed(1, streams={"phonetic": [], "lexical": []}), "'b' has no stream 'acoustic.0', which 'a' has"),
        (changed(1, streams=[1, 2]), "line 3: `streams` is list, expected an object of lists"),
        (changed(1, id="a"), "utterance id 'a' stands there 2 times"),
        (changed(1, id=7), "utterance id 7 is not text"),
        (changed(1, frame_rate="75"), "line 3: stream 'phonetic' is at 75 Hz here and at 44100/512 Hz"),
        (changed(0, frame_rate="quick"), "'quick' is not a number"),
        (changed(0, frame_rate=0), "frame rate 0 is not positive"),
        (changed(0, frame_rte="50"), "line 2: unknown key 'frame_rte'; did you mean 'frame_rate'"),
        (
            [{"codebok_size": {"phonetic": 16}}, *ROWS],
            "line 1: unknown key 'codebok_size'; did you mean 'codebook_size'",
        ),
        ([{"codebook_size": {"phonetc": 16}}, *ROWS], "no codebook size for stream 'phonetic'"),
        ([{"codebook_size": {"phonetic": 16.5, "acoustic.0": 1024}}, *ROWS], "codebook size of stream .* is 16.5"),
        (ROWS, "no codebook size for stream 'phonetic'"),
        ([HEADER, {"id": "a", "frame_rate": "50"}], "line 2: no key 'streams', found id, frame_rate"),
        ([HEADER, {"id": "a", "streams": {"phonetic": [1]}}], "no frame rate for stream 'phonetic'"),
        ([HEADER, {"id": "a", "frame_rate": "50", "streams": {}}], "holds no token stream"),
        ([HEADER], "holds no token stream"),
        ([HEADER, ROWS[0], '{"id": "b", "stre'], "line 3: broken JSON .*; expected one object a line"),
        ([HEADER, ROWS[0], "[1, 2]"], "line 3: expected a JSON object, found list"),
        ([HEADER, ROWS[0], HEADER], "line 3: unknown key 'codebook_size'"),
    ],
)
def test_bad_jsonl_is_named(lines: Lines, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HacError, match=sentence) as caught:
        read_tokens(write_lines(tmp_path / "t.jsonl", lines))
    assert "\n" not in str(caught.value)


def test_a_missing_key_in_a_later_line_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [HEADER, ROWS[0], {"streams": {}}])
    with pytest.raises(HacError, match="line 3: no key 'id', found streams"):
        read_tokens(path)


def test_cut_off_gzip_and_foreign_bytes_are_refused(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "t.jsonl.gz", [HEADER, *ROWS]).read_bytes()
    for cut in (len(whole) // 2, len(whole) - 4):
        (tmp_path / "cut.jsonl.gz").write_bytes(whole[:cut])
        with pytest.raises(HacError, match="gzip file is truncated or damaged"):
            read_tokens(tmp_path / "cut.jsonl.gz")
    (tmp_path / "t.jsonl").write_bytes(b"\xff\xfe{\x00}")
    with pytest.raises(HacError, match="not UTF-8 text"):
        read_tokens(tmp_path / "t.jsonl")
    (tmp_path / "t.bin").write_bytes(b"\x80\x04 what is this")
    with pytest.raises(HacError, match="no known token format; name one of parquet, jsonl, discophon, npz, km"):
        read_tokens(tmp_path / "t.bin")
    with pytest.raises(HacError, match="token format 'csv' is unknown"):
        read_tokens(tmp_path / "t.bin", format="csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["t.jsonl", "t.npz", "t.km", "t.parquet", "t.jsonl.gz", "tokens"])
def test_empty_files_are_refused_whatever_their_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(HacError, match="the file is empty"):
        read_tokens(tmp_path / name)


def test_discophon_units_are_at_50_hz_unless_told_otherwise(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "units-eng-dev.jsonl", [{"file": "x", "units": [3, 3]}, {"file": "y", "units": [0]}])
    store = read_tokens(path, codebook_size=256)
    assert store.ids == ("x", "y")
    assert store["units"].codes.tolist() == [3, 3, 0]
    assert store["units"].frame_rate == 50
    assert read_tokens(path, codebook_size=256, frame_rate=100)["units"].frame_rate == 100
    assert list(read_tokens(path, codebook_size=256, stream="phonetic").streams) == ["phonetic"]
    with pytest.raises(HacError, match="no codebook size for stream 'units'"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"file": "x", "unit": [1]}, "unknown key 'unit'; did you mean 'units'"),
        ({"file": "x"}, "no key 'units', found file"),
        ({"file": "x", "units": [256]}, "utterance 'x', stream 'units', frame 0: code 256 is beyond"),
    ],
)
def test_bad_discophon_lines_are_named(line: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HacError, match=sentence):
        read_tokens(write_lines(tmp_path / "u.jsonl", [line]), codebook_size=256)


META = {"codebook_size": {"phonetic": 16, "lexical": 8}, "frame_rate": {"phonetic": "50", "lexical": "25/2"}}


def test_npz_with_streams_is_read(tmp_path: Path) -> None:
    arrays = {
        "d/a/phonetic": np.array([1, 2], dtype=np.uint8),
        "d/a/lexical": np.array([7]),
        "b/lexical": np.zeros(0, dtype=np.int32),
        "b/phonetic": np.array([15], dtype=np.int16),
    }
    np.savez_compressed(tmp_path / "t.npz", __meta__=json.dumps(META), **arrays)  # type: ignore[arg-type]
    store = read_tokens(tmp_path / "t.npz")
    assert store.ids == ("d/a", "b")
    assert store["phonetic"].codes.tolist() == [1, 2, 15]
    assert store["lexical"].bounds.tolist() == [0, 1, 1]
    assert store["lexical"].frame_rate == Fraction(25, 2)


def test_npz_of_one_stream_takes_its_name_size_and_rate_from_the_caller(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", **{"d/a": np.array([1, 2]), "b": np.array([0])})
    store = read_tokens(tmp_path / "t.npz", codebook_size=100, frame_rate=50, stream="km")
    assert (store.ids, store["km"].codes.tolist()) == (("d/a", "b"), [1, 2, 0])
    with pytest.raises(HacError, match="no codebook size for stream 'units'"):
        read_tokens(tmp_path / "t.npz", frame_rate=50)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a/phonetic": np.array([1, 16])}, "frame 1: code 16 is beyond"),
        ({"a/phonetic": np.array([1.0])}, "expected integer codes, found float64"),
        ({"a/phonetic": np.array([[1]])}, r"found 2 dimensions \(1, 1\)"),
        ({"a/phonetic": np.array(1)}, r"found 0 dimensions"),
        ({"a": np.array([1])}, "array 'a' is not named <id>/<stream> with a stream of phonetic"),
        ({"a/words": np.array([1])}, "array 'a/words' is not named"),
        ({"a/phonetic": np.array([{}], dtype=object)}, "holds pickled objects, which are refused"),
        ({"__meta__": np.array("{")}, "array __meta__: expected one JSON text"),
        ({"__meta__": np.array('{"codebok_size": 5}')}, "unknown key 'codebok_size'; did you mean"),
        ({}, "holds no token stream"),
    ],
)
def test_bad_npz_is_named(arrays: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    meta = {"codebook_size": {"phonetic": 16}, "frame_rate": 50}
    np.savez(tmp_path / "t.npz", **({"__meta__": np.array(json.dumps(meta))} | arrays))  # type: ignore[arg-type]
    with pytest.raises(HacError, match=sentence):
        read_tokens(tmp_path / "t.npz")


def test_an_archive_that_expands_beyond_the_memory_is_refused_unread(tmp_path: Path, monkeypatch) -> None:
    np.savez_compressed(tmp_path / "t.npz", **{"a/phonetic": np.zeros(10_000, np.int64)})
    sizes = {"SC_PHYS_PAGES": 19, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("hac.data.tokens.formats.os.sysconf", sizes.__getitem__)
    monkeypatch.setattr(np, "load", None)  # it would fail otherwise
    with pytest.raises(HacError, match=r"t\.npz: its arrays expand to 0\.0 GB, this machine's memory has 0\.0 GB"):
        read_tokens(tmp_path / "t.npz", codebook_size={"phonetic": 4}, frame_rate=50)


def test_an_array_that_says_to_be_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000000000,), }"
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("a/phonetic.npy", header.ljust(127) + b"\n" + b"\x00" * 80)
    with pytest.raises(HacError, match=r"said to be larger than the memory|damaged NPZ"):
        read_tokens(tmp_path / "t.npz", codebook_size={"phonetic": 4}, frame_rate=50)


def test_truncated_npz_plain_arrays_and_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=np.arange(500))
    whole = (tmp_path / "t.npz").read_bytes()
    (tmp_path / "t.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HacError, match="not an NPZ file, or a truncated one"):
        read_tokens(tmp_path / "t.npz", codebook_size=500, frame_rate=50)
    (tmp_path / "t.npz").write_bytes(whole.replace(bytes(np.arange(9)), bytes(np.arange(1, 10)), 1))
    with pytest.raises(HacError, match="not an NPZ file, or a truncated one"):
        read_tokens(tmp_path / "t.npz", codebook_size=500, frame_rate=50)
    # opening a pickle would run whatever it names; this one would leave a file behind
    (tmp_path / "p.npz").write_bytes(b"cos\nmkdir\n(S'" + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(HacError, match="not an NPZ file"):
        read_tokens(tmp_path / "p.npz", codebook_size=500, frame_rate=50)
    assert not (tmp_path / "ran").exists()


Source = Callable[[Path], Any]


def beside(folder: Path) -> None:
    (folder / "dev.tsv").write_text("/audio\nx/a.flac\t16000\nx/b.flac\t8000\nc.wav\t0\n")


def tsv_with_equal_stems(folder: Path) -> Path:
    (folder / "ids.tsv").write_text("/audio\nx/a.flac\t16000\ny/a.flac\t8000\nc.wav\t0\n")
    return folder / "ids.tsv"


def plain_list(folder: Path) -> str:
    (folder / "ids.txt").write_text("a\nb\nc\n")
    return str(folder / "ids.txt")


def manifest(folder: Path) -> Path:
    rows = [{"id": id, "path": f"{id}.wav", "duration": 1.0} for id in "abc"]
    return write_lines(folder / "manifest.jsonl", rows)


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        (beside, ("a", "b", "c")),
        (tsv_with_equal_stems, ("x/a", "y/a", "c")),
        (plain_list, ("a", "b", "c")),
        (manifest, ("a", "b", "c")),
        (lambda _: ["p", "q", "r"], ("p", "q", "r")),
    ],
)
@pytest.mark.parametrize("name", ["dev.km", "dev.km.gz"])
def test_km_text_takes_ids_from_each_source(source: Source, ids: tuple[str, ...], name: str, tmp_path: Path) -> None:
    write_lines(tmp_path / name, ["17 17 4", "99", ""])
    store = read_tokens(tmp_path / name, codebook_size=100, frame_rate=50, ids=source(tmp_path))
    assert store.ids == ids
    assert store["units"].codes.tolist() == [17, 17, 4, 99]
    assert store["units"].bounds.tolist() == [0, 3, 4, 4]


@pytest.mark.parametrize(
    ("text", "ids", "sentence"),
    [
        (["1 2", "3"], None, "no utterance ids and there is no dev.tsv beside it; give ids="),
        (["1 2", "3"], ["a"], "2 lines of codes, but the given list has 1 ids"),
        (["1 2", "3"], Path("none.txt"), "none.txt: no such file of utterance ids"),
        (["1 2", "3.5"], ["a", "b"], r"line 2 \(b\): expected integer codes"),
        (["1 2", "x"], ["a", "b"], r"line 2 \(b\): expected integer codes"),
        (["1 2", str(2**70)], ["a", "b"], r"line 2 \(b\): expected integer codes"),
        (["1 100"], ["a"], "utterance 'a', stream 'units', frame 1: code 100 is beyond"),
        (["1 -1"], ["a"], "code -1 is negative"),
        (["1", "2"], ["a", "a"], "utterance id 'a' stands there 2 times"),
    ],
)
def test_bad_km_text_is_named(text: list[str], ids: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HacError, match=sentence):
        read_tokens(write_lines(tmp_path / "dev.km", text), codebook_size=100, frame_rate=50, ids=ids)


def test_km_needs_rate_and_codebook_size(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "dev.km", ["1"])
    with pytest.raises(HacError, match="no codebook size"):
        read_tokens(path, frame_rate=50, ids=["a"])
    with pytest.raises(HacError, match="no frame rate"):
        read_tokens(path, codebook_size=5, ids=["a"])


def test_formats_are_known_by_their_content(tmp_path: Path) -> None:
    assert detect_format(write_lines(tmp_path / "a", ["4 5 6"])) == "km"
    assert detect_format(write_lines(tmp_path / "a.gz", ["4 5 6"])) == "km"
    assert detect_format(write_lines(tmp_path / "b", ["{}"])) == "jsonl"
    assert detect_format(write_lines(tmp_path / "c", [{"file": "a", "units": []}])) == "discophon"
    assert detect_format(write_lines(tmp_path / "c.gz", [{"file": "a", "units": []}])) == "discophon"
    np.savez(tmp_path / "n.npz", a=np.arange(3))
    assert detect_format((tmp_path / "n.npz").rename(tmp_path / "n")) == "npz"
    assert detect_format(tmp_path) == "parquet"


def test_a_small_file_of_one_endless_line_is_not_unpacked(tmp_path, monkeypatch):
    """A kilobyte of gzip can stand for a line of megabytes, and ten megabytes for more than any memory holds."""
    monkeypatch.setattr("hac.files.parsing.LONGEST_LINE", 1000)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "' + b"a" * 10_000_000 + b'"}\n'))
    with pytest.raises(HacError, match="a line of more than 1,000 characters"):
        read_tokens(path)
