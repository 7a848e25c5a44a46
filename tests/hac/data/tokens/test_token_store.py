"""Token stores: round trips, selection, and each way a store can be unsound."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.manifest_match import check_rate, match_ids
from hac.data.tokens.token_store import Stream, TokenStore, concatenate
from hac.errors import HacError

RATES = [Fraction(25, 2), Fraction(44100, 2048), Fraction(50), Fraction(75), Fraction(44100, 512)]


def make_stream(name: str, lists: list[list[int]], size: int = 1024, rate: Fraction = Fraction(50)) -> Stream:
    bounds = np.array([0, *np.cumsum([len(codes) for codes in lists])], dtype=np.int64)
    return Stream(name, size, rate, np.array([c for codes in lists for c in codes], dtype=np.int32), bounds)


def make_store(lists: list[list[int]], **kwargs: object) -> TokenStore:
    ids = tuple(f"u{i}" for i in range(len(lists)))
    return TokenStore(ids, {"units": make_stream("units", lists, **kwargs)}, {"seed": 1})  # type: ignore[arg-type]


def same(first: TokenStore, second: TokenStore) -> bool:
    return (
        first.ids == second.ids
        and list(first.streams) == list(second.streams)
        and dict(first.provenance) == dict(second.provenance)
        and all(
            (a.name, a.codebook_size, a.frame_rate) == (b.name, b.codebook_size, b.frame_rate)
            and np.array_equal(a.codes, b.codes)
            and np.array_equal(a.bounds, b.bounds)
            for a, b in zip(first.streams.values(), second.streams.values(), strict=True)
        )
    )


@st.composite
def stores(draw: st.DrawFn) -> TokenStore:
    n_utterances = draw(st.integers(1, 5))
    ids = draw(st.lists(st.text(min_size=1), min_size=n_utterances, max_size=n_utterances, unique=True))
    names = draw(st.lists(st.sampled_from(["phonetic", "acoustic.1", "acoustic.0", "é"]), min_size=1, unique=True))
    streams = {}
    for name, rate in zip(names, draw(st.permutations(RATES)), strict=False):
        size = draw(st.sampled_from([1, 500, 1 << 16, (1 << 16) + 1, 1 << 31]))
        codes = st.lists(st.integers(0, size - 1), max_size=6)
        lists = draw(st.lists(codes, min_size=n_utterances, max_size=n_utterances))
        streams[name] = make_stream(name, lists, size, rate)
    return TokenStore(tuple(ids), streams, draw(st.dictionaries(st.text(), st.integers(), max_size=2)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(store=stores())
def test_what_is_written_is_read_again_and_equal_stores_have_equal_bytes(store: TokenStore, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tokens(store, path)
    first = path.read_bytes()
    again = read_tokens(path)
    assert same(store, again)
    assert all(stream.codes.dtype == np.int32 for stream in again.streams.values())
    write_tokens(again, path)
    assert path.read_bytes() == first


@settings(max_examples=60, deadline=None)
@given(store=stores(), data=st.data())
def test_selection_equals_picking_by_hand(store: TokenStore, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(store))))
    chosen = order[: data.draw(st.integers(1, len(store)))]
    selected = store.select(store.ids[i] for i in chosen)
    assert selected.ids == tuple(store.ids[i] for i in chosen)
    for name, stream in store.streams.items():
        for row, i in enumerate(chosen):
            assert selected[name].utterance(row).tolist() == stream.utterance(i).tolist()


@settings(max_examples=40, deadline=None)
@given(store=stores(), cut=st.integers(1, 4))
def test_parts_of_a_store_join_to_the_whole(store: TokenStore, cut: int) -> None:
    parts = [store.select(ids) for ids in (store.ids[:cut], store.ids[cut:]) if ids]
    assert same(concatenate(parts, store.provenance), store)


def test_a_folder_of_parts_is_one_store_in_the_order_of_names(tmp_path: Path) -> None:
    store = make_store([[1, 2], [3], [4, 5]])
    write_tokens(store.select(["u2"]), tmp_path / "b.parquet")
    write_tokens(store.select(["u0", "u1"]), tmp_path / "a.parquet")
    (tmp_path / ".a.parquet.x.part").write_bytes(b"half")
    assert same(read_tokens(tmp_path), store)


def test_parts_that_differ_in_codebook_or_rate_are_refused(tmp_path: Path) -> None:
    write_tokens(make_store([[1]]), tmp_path / "a.parquet")
    write_tokens(TokenStore(("x",), {"units": make_stream("units", [[1]], 512)}), tmp_path / "b.parquet")
    with pytest.raises(HacError, match="same streams, codebook sizes and frame rates"):
        read_tokens(tmp_path)


def test_metadata_is_what_the_format_promises(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tokens(make_store([[1, 2]], rate=Fraction(44100, 512)), path)
    schema = pq.read_schema(path)
    assert json.loads(schema.metadata[b"hac"]) == {
        "version": 1,
        "streams": {"units": {"codebook_size": 1024, "frame_rate": "11025/128"}},
        "provenance": {"seed": 1},
    }
    assert schema.field("units").type.value_type == pa.uint16()


def test_only_chosen_streams_are_read(tmp_path: Path) -> None:
    streams = {name: make_stream(name, [[1, 2]]) for name in ("a", "b", "c")}
    write_tokens(TokenStore(("u",), streams), tmp_path / "t.parquet")
    assert list(read_tokens(tmp_path / "t.parquet", streams=["c", "a"]).streams) == ["c", "a"]
    with pytest.raises(HacError, match="no stream 'd'; there are a, b, c"):
        read_tokens(tmp_path / "t.parquet", streams=["d"])
    with pytest.raises(HacError, match="no stream 'd' in the tokens"):
        read_tokens(tmp_path / "t.parquet")["d"]


def test_a_corpus_of_ten_hours_is_read_without_python_loops(tmp_path: Path) -> None:
    """5,567 utterances, 10 h, 9 streams at 50 Hz: a loop over codes would take a minute, this well under 5 s."""
    rng = np.random.default_rng(0)
    bounds = np.concatenate([[0], np.cumsum(rng.integers(100, 560, 5567))]).astype(np.int64)
    codes = [rng.integers(0, 1024, bounds[-1]).astype(np.int32) for _ in range(9)]
    streams = {f"acoustic.{k}": Stream(f"acoustic.{k}", 1024, Fraction(50), c, bounds) for k, c in enumerate(codes)}
    write_tokens(TokenStore(tuple(f"u{i}" for i in range(5567)), streams), tmp_path / "t.parquet")
    start = time.process_time()  # not of the clock: other work may share the machine
    store = read_tokens(tmp_path / "t.parquet")
    assert time.process_time() - start < 5
    assert store.n_frames("acoustic.8") == bounds[-1]
    assert np.array_equal(store["acoustic.8"].codes, codes[8])


def test_parquet_of_another_program_is_read_when_told_sizes_and_rates(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"id": ["a", "b"], "units": [[1, 2], []]}).to_parquet(path)
    store = read_tokens(path, frame_rate="12.5", codebook_size=8)
    assert store["units"].codes.tolist() == [1, 2]
    assert store["units"].bounds.tolist() == [0, 2, 2]
    with pytest.raises(HacError, match=r"no codebook size for stream 'units'.*codebook_size="):
        read_tokens(path, frame_rate=50)
    with pytest.raises(HacError, match=r"no frame rate for stream 'units'.*frame_rate="):
        read_tokens(path, codebook_size=8)
    with pytest.raises(HacError, match=r"no codebook size for stream 'units'"):
        read_tokens(path, frame_rate=50, codebook_size={"other": 8})


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ([[0, 7], [3, 8]], "utterance 'u1', stream 'units', frame 1: code 8 is beyond the codebook of 8 codes"),
        ([[], [0, -1]], "utterance 'u1', stream 'units', frame 1: code -1 is negative"),
    ],
)
def test_codes_outside_the_codebook_are_named(lists: list[list[int]], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HacError, match=sentence):
        make_store(lists, size=8).checked("x")
    with pytest.raises(HacError):
        write_tokens(make_store(lists, size=8), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [70000, 1 << 32, (1 << 32) + 1, 1 << 63])
def test_codes_too_wide_for_int32_do_not_wrap_round(value: int, tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "units": pa.array([[value]], pa.list_(pa.uint64()))})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(HacError, match=f"code {value} is beyond"):
        read_tokens(tmp_path / "t.parquet", frame_rate=50, codebook_size=1024)


def test_ragged_streams_of_one_rate_are_named_and_of_two_rates_are_fine() -> None:
    streams = {"a": make_stream("a", [[1], [1, 2]]), "b": make_stream("b", [[1], [1]])}
    with pytest.raises(HacError, match="utterance 'u1' has 2 frames of 'a' but 1 of 'b', both at 50 Hz"):
        TokenStore(("u0", "u1"), streams).checked("x")
    streams["b"] = make_stream("b", [[1], [1]], rate=Fraction(25))
    TokenStore(("u0", "u1"), streams).checked("x")


def test_duplicate_and_absent_ids_are_named() -> None:
    stream = {"units": make_stream("units", [[1], [2], [3]])}
    with pytest.raises(HacError, match="utterance id 'b' stands there 2 times"):
        TokenStore(("a", "b", "b"), stream).checked("x")
    store = make_store([[1], [2]])
    with pytest.raises(HacError, match="1 of 2 utterances have no tokens, the first is 'zz'"):
        store.select(["u0", "zz"])
    with pytest.raises(HacError, match="'u0' stands there 2 times"):
        store.select(["u0", "u0"])


def test_stores_without_content_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="holds no token stream"):
        TokenStore(("a",), {}).checked("x")
    store = make_store([[1]])
    with pytest.raises(HacError, match=r"x: stream 'units\[0\]' has a bracket in its name"):
        TokenStore(store.ids, {"units[0]": next(iter(store.streams.values()))}).checked("x")
    with pytest.raises(HacError, match="holds no utterances"):
        make_store([]).checked("x")
    with pytest.raises(HacError, match=r"no \.parquet file"):
        read_tokens(tmp_path)
    with pytest.raises(HacError, match="no such token file"):
        read_tokens(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").touch()
    with pytest.raises(HacError, match="the file is empty"):
        read_tokens(tmp_path / "t.parquet")


@pytest.mark.parametrize("keep", [4, 30, 0.5, 0.99])
def test_truncated_parquet_is_refused_in_one_sentence(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tokens(make_store([[1] * 500]), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    with pytest.raises(HacError, match="truncated or not Parquet"):
        read_tokens(path)


def test_one_flipped_bit_in_the_codes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tokens(make_store([list(range(1000))]), path)
    column = pq.read_metadata(path).row_group(0).column(1)
    broken = bytearray(path.read_bytes())
    broken[column.data_page_offset + column.total_compressed_size // 4] ^= 1
    path.write_bytes(bytes(broken))
    with pytest.raises(HacError, match="truncated or not Parquet"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "token format version list"),
        ('{"version": 2}', "token format version 2, this program reads version 1"),
        ('{"version": 1, "streems": {}}', "unknown key 'streems'; did you mean 'streams'"),
        ('{"version": 1, "streams": {"units": {"codebok_size": 8}}}', "did you mean 'codebook_size'"),
        ('{"version": 1, "streams": {"units": {"codebook_size": 8}}}', "no frame rate"),
        ('{"version": 1, "streams": {"units": {"frame_rate": "50"}}}', "no codebook size"),
        ('{"version": 1, "streams": {"units": {"codebook_size": 0, "frame_rate": "50"}}}', "codebook size .* is 0"),
        ('{"version": 1, "streams": {"units": {"codebook_size": 8, "frame_rate": "fast"}}}', "'fast' is not a number"),
        ('{"version": 1, "streams": {"words": {}}}', "stream 'words' is declared, but there is no such column"),
        ('{"version": 1, "streams": []}', "'streams' is \\[\\], expected a JSON object"),
    ],
)
def test_bad_metadata_is_named(header: str, sentence: str, tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "units": [[1]]}).replace_schema_metadata({b"hac": header.encode()})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(HacError, match=sentence):
        read_tokens(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"key": ["a"], "units": [[1]]}, "no column `id`, found key, units"),
        ({"id": ["a"], "units": [1]}, "column 'units' holds int64, expected lists"),
        ({"id": ["a"], "units": [[1.5]]}, "codes of stream 'units' are double, expected integers"),
        ({"id": ["a", "b"], "units": [[1], None]}, "stream 'units' has empty \\(null\\) cells"),
        ({"id": ["a"], "units": [[1, None]]}, "stream 'units' has empty \\(null\\) cells"),
        ({"id": ["a", None], "units": [[1], [1]]}, "row 1 has no id"),
        ({"id": ["a"]}, "holds no token stream"),
    ],
)
def test_bad_columns_are_named(columns: dict[str, object], sentence: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(HacError, match=sentence):
        read_tokens(tmp_path / "t.parquet", frame_rate=50, codebook_size=8)


def test_a_rate_or_size_other_than_declared_is_refused(tmp_path: Path) -> None:
    write_tokens(make_store([[1]]), tmp_path / "t.parquet")
    read_tokens(tmp_path / "t.parquet", frame_rate=50.0, codebook_size=1024)
    with pytest.raises(HacError, match="declares frame rate 50, but 75 was asked for"):
        read_tokens(tmp_path / "t.parquet", frame_rate=75)
    with pytest.raises(HacError, match="declares codebook size 1024, but 512 was asked for"):
        read_tokens(tmp_path / "t.parquet", codebook_size=512)


def test_ids_are_matched_with_counts() -> None:
    match = match_ids(make_store([[1], [2], [3]]), ["u2", "x", "u0"])
    assert match.matched == ("u2", "u0")
    assert match.without_tokens == ("x",)
    assert match.without_row == ("u1",)
    assert match.coverage == 2 / 3
    assert {(f.id, f.reason) for f in match.failures()} == {("x", "tokens-missing"), ("u1", "tokens-unmatched")}


def test_ids_that_match_nothing_show_both_sides() -> None:
    with pytest.raises(HacError, match=r"none of the 1 token ids .*'u0', the manifest like 'x'$"):
        match_ids(make_store([[1]]), ["x"])
    with pytest.raises(HacError, match="without folder and suffix"):
        match_ids(make_store([[1]]), ["speaker/u0.wav"])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n_samples", [400, 3999, 16000, 16399, 320000])
def test_every_honest_way_of_rounding_passes_the_rate_check(rate: Fraction, n_samples: int) -> None:
    duration_us = n_samples * 1_000_000 // 16000
    frames = Fraction(n_samples, 16000) * rate
    window = max(0, (Fraction(n_samples - 400, 16000) * rate).__floor__() + 1)
    for count in (frames.__floor__(), frames.__ceil__(), window):
        store = make_store([[0] * count], rate=rate)
        assert check_rate(store, {"u0": duration_us}) == ()


def test_a_wrong_rate_is_refused_and_one_odd_utterance_only_noted() -> None:
    store = make_store([[0] * 100, [0] * 150, [0] * 50])
    seconds = {"u0": 2_000_000, "u1": 3_000_000, "u2": 1_000_000}
    assert check_rate(store, seconds) == ()
    with pytest.raises(HacError, match=r"stream 'units' declares 50 Hz \(50\), but has 100 frames per second"):
        check_rate(store, {id: us // 2 for id, us in seconds.items()})
    (failure,) = check_rate(store, seconds | {"u1": 1_000_000})
    assert (failure.id, failure.reason) == ("u1", "tokens-length")
    assert check_rate(store, {"u0": 2_000_000}) == ()
