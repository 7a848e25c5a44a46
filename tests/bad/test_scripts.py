"""Ids in every script, and of every trick, from the manifest to the report: all of them arrive, none of them acts."""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile as sf

from hac.data.alignments.alignment import Alignments, read_alignments, tier_from_rows, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens
from hac.features.mfcc import MfccFeatures
from hac.tokenizers import kmeans
from tests.corpora import speech

COMPOSED = unicodedata.normalize("NFC", "cafe\u0301")
IDS = (
    *("مرحبا", "你好-世界", "привет", "שלום", "हिन्दी", "ภาษาไทย", "z\u0351a\u0310l\u0346go", "🗣️👩‍🔬"),
    *(COMPOSED, unicodedata.normalize("NFD", COMPOSED), "\u202eright-to-left\u202c", "\u200fمن\u200e", "é" * 125),
    *("-rf", "a;touch owned", "$(touch owned)", "`touch owned`", "a b\tc", "=1+1", "<b onclick=alert(1)>", "CON"),
)
"""The longest has 250 bytes, so that with `.wav` it is as long as a name may be on most file systems."""
LABELS = ("AA", "S", "=cmd()", "你")
NAMES = ("../../outside", "two\nlines", "/etc/passwd")
"""Ids whose audio has another name."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Call a program in the test's folder; it must end with 0."""
    import hac.cli
    import reports.cli

    def call(*words: str) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [*words])
        with pytest.raises(SystemExit) as ended:
            (hac.cli if words[0] == "hac" else reports.cli).main()
        assert not ended.value.code, words

    return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A fifth of a second for each id, its files named by it; two speakers, words and phones."""
    (tmp_path / "audio").mkdir()
    rows, utterances, words = [], [], []
    for i, id in enumerate((*IDS, *NAMES)):
        name = f"{id}.wav" if id in IDS else f"other-{i}.wav"
        sf.write(tmp_path / "audio" / name, speech(0.2, 0.5 * i), 16_000)
        utterances.append(Utterance(id, f"audio/{name}", 0.2, f"{id}-{i % 2}", "en", f"say {id}"))
        rows += [(id, LABELS[(i + k) % 4], k * 50_000, (k + 1) * 50_000) for k in range(4)]
        words.append((id, id, 0, 200_000))
    corpus = Manifest(tmp_path, tuple(utterances))
    write_manifest(corpus, tmp_path / "manifest.jsonl")
    tiers = {"phones": tier_from_rows("phones", rows), "words": tier_from_rows("words", words)}
    write_alignments(Alignments(tiers, {}), tmp_path / "alignments.parquet")
    kmeans.save(kmeans.fit("mfcc-kmeans", corpus, MfccFeatures(), 4, seed=0), tmp_path / "units")
    return tmp_path


def test_ids_of_every_script_arrive(corpus: Path, run: Callable[..., None]) -> None:
    every = (*IDS, *NAMES)
    run("hac", "encode", "manifest.jsonl", "-t", "mfcc-kmeans:units", "-o", "tokens.parquet", "-j", "1")
    assert read_tokens(corpus / "tokens.parquet").ids == every
    counted = ("--tokens", "tokens.parquet", "--manifest", "manifest.jsonl", "-j", "1", "--clips", "2")
    quick = ("--nulls", "2", "--phones", "none")
    run("hac-analyze", "pnmi", *counted, *quick, "-o", "runs/pnmi", "--strict")
    run(
        "hac-analyze",
        "words",
        *counted,
        *quick[:2],
        "-o",
        "runs/words",
        "--min-count",
        "1",
        "--definition",
        "vg-hubert",
    )
    results = json.loads((corpus / "runs/pnmi/results.json").read_text(encoding="utf-8"))
    assert results["coverage"]["utterances"]["counted"] == len(every)
    groups = {record["group"] for record in results["metrics"]}
    assert {f"speaker={id}-{i % 2}" for i, id in enumerate(every)} <= groups
    run("hac-analyze", "report", "runs", "-o", "report.html", "--files", "paper")
    run("hac-analyze", "export", "tokens.parquet", "--textgrid", *counted[2:4], "-o", "grids")
    check_folder(corpus)
    assert len(list((corpus / "grids").iterdir())) >= len(every)
    page = (corpus / "report.html").read_text(encoding="utf-8")
    assert "<b onclick" not in page and IDS[0] in page


def check_folder(corpus: Path) -> None:
    """Nothing was run or written elsewhere; no cell of any table is a formula."""
    assert not list(corpus.rglob("owned")) and not (corpus.parent / "owned").exists()
    assert not (corpus.parent / "outside").exists() and not list(corpus.parent.parent.glob("outside*"))
    tables = list(corpus.rglob("*.csv"))
    assert len(tables) > 5
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            for cell in (cell for row in csv.reader(stream) for cell in row):
                assert not cell.startswith(("=", "@", "+", "\t", "\r")), (path, cell)


def test_text_grids_of_every_script_are_read_again(corpus: Path, run: Callable[..., None]) -> None:
    run("hac", "encode", "manifest.jsonl", "-t", "mfcc-kmeans:units", "-o", "tokens.parquet", "-j", "1")
    run("hac-analyze", "export", "tokens.parquet", "--textgrid", "--manifest", "manifest.jsonl", "-o", "grids")
    found = set(read_alignments(corpus / "grids").words.ids)
    assert set(IDS[:4]) <= found  # marks and signs are no letters: such files have a hash in their names
    assert len(found) == len((*IDS, *NAMES))
