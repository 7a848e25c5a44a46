"""TextGrids: what is written is read back by praatio and by our own reader as the same intervals."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio.utilities.textgrid_io import parseTextgridStr

from analysis.clips.time_tiers import TimeLabels, TimeTier
from analysis.export.sources import Source, make_export, open_source, open_sources
from analysis.export.textgrids import Export, TextGridError, textgrid, write_textgrids
from hac.data.alignments.alignment import Alignments, Tier, tier_from_rows
from hac.data.alignments.textgrid import read_textgrid
from hac.data.segments import runs_of
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog, HacError
from hac.files.atomic import sha256_file
from tests.corpora import make_corpus

HOSTILE = (
    "../../etc/passwd",
    "/abs",
    "a/b\\c",
    '<b>"x"</b>',
    "Ünï çödé",
    "日本語",
    "‮rtl",
    "A",
    "a",
    "n\nl",
    "x" * 5000,
    "-",
)


def read_ours(path: Path, *names: str) -> dict[str, list[tuple[str, int, int]]]:
    return read_textgrid(path, {name: (name,) for name in names})


def read_praatio(path: Path) -> dict[str, list[tuple[str, int, int]]]:
    grid = parseTextgridStr(path.read_text(encoding="utf-8"))
    return {
        tier["name"]: [(e.label, round(float(e.start) * 1e6), round(float(e.end) * 1e6)) for e in tier["entries"]]
        for tier in grid["tiers"]
    }


def stream(name: str, codes: list[list[int]], rate: Fraction) -> Stream:
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in codes])]).astype(np.int64)
    return Stream(name, 1024, rate, np.concatenate(codes).astype(np.int32), bounds)


def intervals(tier: Tier, id: str) -> list[tuple[str, int, int]]:
    return [(label, onset, offset) for who, label, onset, offset in tier.rows() if who == id]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("every_frame", [False, True])
def test_both_readers_find_what_was_written(tmp_path: Path, every_frame: bool) -> None:
    # 44100/512 Hz has no finite decimal, so an edge that is rounded twice shows
    rate = Fraction(44_100, 512)
    codes = [[5, 5, 5, 7, 0, 0, 1023], [1], [2] * 300]
    ids = ("one", "two", "three")
    store = TokenStore(ids, {"units": stream("units", codes, rate)})
    words = tier_from_rows("words", [("one", "hello", 10_001, 50_000), ("one", 'say "hi"', 50_000, 70_007)])
    labels = Alignments({"words": words})
    systems = {"s": TimeLabels(labels, store, every_frame=every_frame)}
    written = write_textgrids(Export(ids, TimeLabels(labels), systems), tmp_path, FailureLog(strict=True))
    assert [path.name for path in written.values()] == ["one.TextGrid", "two.TextGrid", "three.TextGrid"]
    runs = runs_of(store["units"], ids)
    for u, id in enumerate(ids):
        edge = [(2 * i * 512 * 1_000_000 + 44_100) // (2 * 44_100) for i in range(len(codes[u]) + 1)]
        frames = [(str(code), edge[i], edge[i + 1]) for i, code in enumerate(codes[u])]
        expected = frames if every_frame else intervals(runs, id)
        assert read_ours(written[id], "units")["units"] == expected
        assert read_praatio(written[id])["units"] == expected
    ours = read_ours(written["one"], "words")["words"]
    assert ours == [("hello", 10_001, 50_000), ('say "hi"', 50_000, 70_007)]
    assert list(read_praatio(written["two"])) == ["units"]


LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8)


@given(
    st.lists(st.tuples(LABELS, st.integers(1, 10**7), st.sampled_from([0, 1, 999])), min_size=1, max_size=8),
    st.integers(0, 10**8),
)
def test_any_labels_gaps_and_times_come_back(tmp_path_factory, pieces, end_us):
    at, spans = 0, []
    for label, length, gap in pieces:
        spans.append((at + gap, at + gap + length, label))
        at += gap + length
    path = tmp_path_factory.mktemp("tg") / "a.TextGrid"
    path.write_text(textgrid([TimeTier("words", "words", tuple(spans))], end_us), encoding="utf-8")
    expected = [(label.strip(), a, b) for a, b, label in spans if label.strip()]
    assert read_ours(path, "words").get("words", []) == expected
    grid = parseTextgridStr(path.read_text(encoding="utf-8"), includeEmptyIntervals=True)
    assert round(grid["xmax"] * 1e6) == max(end_us, at)
    if not any(mark in label for label, *_ in pieces for mark in ("[", '"')):  # which confuse praatio
        entries = grid["tiers"][0]["entries"]
        assert [round(float(e.start) * 1e6) for e in entries][1:] == [round(float(e.end) * 1e6) for e in entries][:-1]
        theirs = [(e.label.strip(), round(float(e.start) * 1e6), round(float(e.end) * 1e6)) for e in entries]
        assert [entry for entry in theirs if entry[0]] == expected


def test_line_breaks_in_a_label_do_not_make_lines(tmp_path: Path) -> None:
    label = 'a"\n        xmin = 99\x00\u2028b'
    text = textgrid([TimeTier("words\n", "words", ((0, 5, label),))], 10)
    assert not any(line.strip() == "xmin = 99" for line in text.splitlines())
    (tmp_path / "a.TextGrid").write_text(text, encoding="utf-8")
    assert read_ours(tmp_path / "a.TextGrid", "words ") == {"words ": [('a"         xmin = 99  b', 0, 5)]}


def test_a_stream_called_words_has_a_tier_of_its_own() -> None:
    spans = ((0, 5, "1"),)
    text = textgrid([TimeTier("words", "words", spans), TimeTier("Words", "tokens", spans)], 5)
    assert '"words"' in text
    assert '"Words-2"' in text


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        (((0, 10, "a"), (9, 20, "b")), "textgrid-overlap"),
        (((5, 5, "a"),), "textgrid-empty-interval"),
        (((-1, 5, "a"),), "textgrid-empty-interval"),
    ],
)
def test_what_no_textgrid_can_hold_is_refused(spans: tuple[tuple[int, int, str], ...], reason: str) -> None:
    with pytest.raises(TextGridError) as caught:
        textgrid([TimeTier("words", "words", spans)], 100)
    assert caught.value.reason == reason


def test_an_utterance_that_cannot_be_written_is_listed_and_the_others_are(tmp_path: Path) -> None:
    words = tier_from_rows("words", [("bad", "a", 0, 10), ("bad", "b", 5, 20), ("good", "c", 0, 10)])
    (tmp_path / "bad.TextGrid").write_text("of an earlier export")
    failures = FailureLog()
    written = write_textgrids(Export(("bad", "good"), TimeLabels(Alignments({"words": words})), {}), tmp_path, failures)
    assert list(written) == ["good"]
    assert [(one.id, one.reason) for one in failures] == [("bad", "textgrid-overlap")]
    assert [path.name for path in tmp_path.iterdir()] == ["good.TextGrid"]


def test_every_id_gets_a_file_inside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    store = TokenStore(HOSTILE, {"units": stream("units", [[i, 999] for i in range(len(HOSTILE))], Fraction(50))})
    export = Export(HOSTILE, TimeLabels(Alignments({})), {"s": TimeLabels(Alignments({}), store)})
    written = write_textgrids(export, folder, FailureLog(strict=True))
    assert len({path.name.casefold() for path in written.values()}) == len(HOSTILE)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written.values())
    for i, id in enumerate(HOSTILE):
        assert written[id].parent == folder
        assert read_ours(written[id], "units")["units"][0][0] == str(i)


def test_a_manifest_says_how_long_and_who_is_missing(corpus: Path) -> None:
    tokens = read_tokens(Path("tokens.parquet"))
    failures = FailureLog()
    source = Source("s", tokens.select(tokens.ids[1:]))
    export = make_export([source], Path("manifest.jsonl"), None, (), False, failures)
    assert export.ids == list(tokens.ids[1:])
    assert [(one.id, one.reason) for one in failures] == [(tokens.ids[0], "tokens-missing")]
    assert export.durations_us["utt-5"] == 1_200_000
    assert [tier.name for tier in export.tiers_of("utt-3")] == ["words", "phones", "units"]


def test_what_one_system_lacks_another_may_have(corpus: Path) -> None:
    tokens = read_tokens(Path("tokens.parquet"))
    lexical = replace(tokens["units"].take(np.arange(2)), name="lexical")
    other = TokenStore(tokens.ids[:2], {"lexical": lexical})
    failures = FailureLog()
    both = [Source("same", tokens), Source("same", other)]
    export = make_export(both, Path("manifest.jsonl"), None, ("units", "lexical"), False, failures)
    assert len(export.ids) == 6
    assert not failures
    assert [tier.name for tier in export.tiers_of("utt-1")] == ["words", "phones", "same: units", "same-2: lexical"]
    assert [tier.name for tier in export.tiers_of("utt-5")] == ["words", "phones", "same: units"]
    with pytest.raises(HacError, match="no stream 'phonetic'"):
        make_export(both, None, None, ("phonetic",), False, failures)


def run_folder(folder: Path, **inputs: object) -> Path:
    folder.mkdir()
    data = {"schema": "hac-results", "version": 1, "command": "pnmi", "system": "sys", "metrics": []}
    (folder / "results.json").write_text(json.dumps({**data, "provenance": {"inputs": inputs}}))
    return folder


def test_a_folder_of_runs_is_a_source_for_each_tokens(corpus: Path) -> None:
    store = read_tokens(Path("tokens.parquet"))
    write_tokens(store.select(store.ids[:1]), Path("few.parquet"))
    runs = corpus / "runs" / "sys"
    runs.mkdir(parents=True)
    given = {"path": "tokens.parquet", "sha256": sha256_file(Path("tokens.parquet"))}
    for command in ("pnmi", "words"):
        run_folder(runs / command, tokens=given)
    run_folder(runs / "recon", tokens={"path": "few.parquet"})
    run_folder(runs / "none")
    for place in (corpus / "runs", runs):
        (source,) = open_sources([place])
        assert (source.name, source.tokens.ids) == ("sys", store.ids)
    (runs / "pnmi" / "results.json").unlink()
    (runs / "words" / "results.json").unlink()
    assert [one.tokens.ids for one in open_sources([runs])] == [store.ids[:1]]
    (runs / "recon" / "results.json").unlink()
    with pytest.raises(HacError, match="none of the 1 runs in it names its tokens"):
        open_sources([runs])


def test_a_run_that_names_no_tokens_or_changed_ones_is_refused(corpus: Path) -> None:
    with pytest.raises(HacError, match="names no tokens and made none"):
        open_source(run_folder(corpus / "a"))
    with pytest.raises(HacError, match=r"its tokens tokens.parquet have changed since"):
        open_source(run_folder(corpus / "b", tokens={"path": "tokens.parquet", "sha256": "0" * 64}))
    with pytest.raises(HacError, match=r"its tokens gone.parquet are not there; run this from the folder"):
        open_source(run_folder(corpus / "c", tokens={"path": "gone.parquet", "sha256": "0" * 64}))
    made = run_folder(corpus / "d", manifest={"path": "manifest.jsonl"})
    (made / "tokens.parquet").write_bytes(Path("tokens.parquet").read_bytes())
    source = open_source(made)
    assert (source.name, source.manifest, source.alignments) == ("sys", Path("manifest.jsonl"), None)
    assert source.tokens.ids == read_tokens(Path("tokens.parquet")).ids
