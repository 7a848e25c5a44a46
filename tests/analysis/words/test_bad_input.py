"""Bad input to `hac-analyze words` through the real command line, and what a sound run prints and leaves."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from hac.data.alignments.alignment import Alignments, read_alignments, tier_from_rows, write_alignments
from tests.bad.test_bad_input import Run, corpus, refused, run  # noqa: F401

WORDS = ("words", "--tokens", "tokens.parquet", "--manifest", "manifest.jsonl", "-o", "out", "-j", "1")
QUICK = (*WORDS, "--nulls", "2", "--min-count", "1")


def rewrite(corpus: Path, rows: list[tuple[str, str, int, int]] | None) -> None:  # noqa: F811
    """Other words in the alignments; None: no words tier."""
    phones = read_alignments(corpus / "alignments.parquet").phones
    tiers = {"phones": phones} if rows is None else {"phones": phones, "words": tier_from_rows("words", rows)}
    write_alignments(Alignments(tiers, {}), corpus / "alignments.parquet")


def spoken(*labels: str) -> list[tuple[str, str, int, int]]:
    step = 1_000_000 // max(len(labels), 1)
    return [(f"utt-{u}", label, i * step, (i + 1) * step) for u in range(6) for i, label in enumerate(labels)]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_the_sound_corpus_gives_results(run: Run, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    rewrite(corpus, spoken("press", "one", "now"))
    code, error = run(*QUICK)
    assert code == 0, error
    results = json.loads((corpus / "out" / "results.json").read_text())
    assert results["command"] == "words"
    assert results["protocols"]["vg-hubert"]["min_count"] == 1
    rows = rows_of(corpus / "out" / "words.csv")
    assert {row["word"] for row in rows} == {"press", "one", "now"}
    assert len(list((corpus / "out" / "figures").glob("*.png"))) == 4


def test_shards_of_the_command_line_merge(run: Run, corpus: Path) -> None:  # noqa: F811
    rewrite(corpus, spoken("press", "one", "now"))
    assert run(*QUICK)[0] == 0
    for i in (1, 2):
        words = [word if word != "out" else f"shard-{i}" for word in QUICK]
        assert run(*words, "--shard", f"{i}/2")[0] == 0
    assert run("merge", "shard-1", "shard-2", "-o", "merged", "-j", "1")[0] == 0
    whole, merged = (json.loads((corpus / name / "results.json").read_text()) for name in ("out", "merged"))
    assert whole["metrics"] == merged["metrics"]
    assert (corpus / "out" / "words.csv").read_bytes() == (corpus / "merged" / "words.csv").read_bytes()


def test_no_words_tier(run: Run, corpus: Path) -> None:  # noqa: F811
    rewrite(corpus, None)
    refused(run, *QUICK, says=("no tier 'words'", "tiers found: phones"))


def test_a_words_tier_of_silence(run: Run, corpus: Path) -> None:  # noqa: F811
    rewrite(corpus, spoken("", "<unk>"))
    refused(run, *QUICK, says=("no words", "6 of them silence", "align words first"))


def test_only_several_words_at_once(run: Run, corpus: Path) -> None:  # noqa: F811
    rewrite(corpus, spoken("press one now"))
    refused(run, *QUICK, says=("no words", "6 with several words", "one interval a word"))


def test_an_unknown_definition(run: Run) -> None:  # noqa: F811
    refused(run, *QUICK, "--definition", "vghubert", says=("'vghubert' is not known", "vg-hubert, resdavenet"))


def test_stop_words_that_are_no_file(run: Run) -> None:  # noqa: F811
    refused(run, *QUICK, "--stop-words", "stops.txt", says=("--stop-words stops.txt", "or: none"))


def test_a_stream_that_is_not_there(run: Run) -> None:  # noqa: F811
    refused(run, *QUICK, "--given", "phonetic", says=("no stream 'phonetic'", "the tokens have units"))


def test_a_table_of_translations_that_is_none(run: Run, corpus: Path) -> None:  # noqa: F811
    (corpus / "table.csv").write_bytes(b"\xff\xfe\x00")
    refused(run, *QUICK, "--translations", "table.csv", says=("table.csv", "CSV in UTF-8"))


def test_names_that_would_be_markup_stay_text(run: Run, corpus: Path) -> None:  # noqa: F811
    hostile = ("[red]x[/red]", "=cmd()", "<script>", "a$b$c", "\u202egnp")
    rewrite(corpus, spoken(*hostile, "x" * 5000))
    code, error = run(*QUICK)
    assert code == 0, error
    rows = rows_of(corpus / "out" / "words.csv")
    assert {row["word"] for row in rows} >= {"'=cmd()", "a$b$c", "x" * 5000}
