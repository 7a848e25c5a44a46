import os
from pathlib import Path

import pytest

from hac.data.alignments.alignment import read_alignments, write_alignments
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError

TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
1
"IntervalTier"
"phones"
0
0.5
2
0
0.2
"{}"
0.2
0.5
""
"""


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def manifest_of(root, *utterances):
    return Manifest(root, tuple(Utterance(id, path, 0.5, alignment=aligned) for id, path, aligned in utterances))


@pytest.fixture
def folder(tmp_path):
    put(tmp_path / "s2/u2.TextGrid", TEXTGRID.format("B"))
    put(tmp_path / "s1/u1.textgrid", TEXTGRID.format("AH0"))
    put(tmp_path / "u3.PHN", "0 1600 T\n")
    put(tmp_path / "u3.wrd", "0 1600 tea\n")
    put(tmp_path / "u4.csv", "Begin,End,Label,Type,Speaker\n0,0.1,P,phones,x\n")
    put(tmp_path / "more_phones.ctm", "u5 1 0 0.1 K\nu6 1 0 0.1 S\n")
    put(tmp_path / "metadata.csv", "file,text\nu1,hello\n")
    put(tmp_path / "notes.txt", "not an alignment")
    return tmp_path


def test_a_folder_of_every_format_is_read_with_stems_as_ids(folder):
    alignments = read_alignments(folder)
    assert [row[:2] for row in alignments.phones.rows()] == [
        ("u1", "AH0"), ("u2", "B"), ("u3", "T"), ("u4", "P"), ("u5", "K"), ("u6", "S"),
    ]  # fmt: skip
    assert alignments.words.rows() == [("u3", "tea", 0, 100_000)]
    assert alignments.provenance == {
        "formats": {"csv": 1, "ctm": 1, "phn": 1, "textgrid": 2, "wrd": 1},
        "files": 6,
        "files_unmatched": 0,
    }


def test_what_was_read_from_files_survives_the_store(folder, tmp_path):
    alignments = read_alignments(folder)
    write_alignments(alignments, tmp_path / "out" / "a.parquet")
    again = read_alignments(tmp_path / "out" / "a.parquet")
    assert again.phones.rows() == alignments.phones.rows()
    assert again.provenance == alignments.provenance


def test_a_bad_file_of_many_is_a_counted_failure(folder):
    put(folder / "bad1.TextGrid", TEXTGRID.format("T")[:-12])
    (folder / "bad2.TextGrid").write_bytes(TEXTGRID.format("\xe9").encode("latin-1"))
    put(folder / "bad3.TextGrid", TEXTGRID.replace("phones", "notes"))
    put(folder / "bad4.phn", "10 5 T\n")
    put(folder / "bad5.TextGrid", "")
    put(folder / "words.ctm", "u5 1 0 soon kay\nu6 1 0 0.1 ess\n")
    failures = FailureLog()
    alignments = read_alignments(folder, failures=failures)
    assert alignments.phones.ids == ("u1", "u2", "u3", "u4", "u5", "u6")
    assert alignments.words.ids == ("u3", "u6")
    assert failures.by_reason() == {
        "alignment-empty": 1,
        "alignment-encoding": 1,
        "alignment-missing-tier": 1,
        "alignment-number": 1,
        "alignment-swapped-times": 1,
        "alignment-truncated": 1,
    }
    assert {failure.id for failure in failures} == {"bad1", "bad2", "bad3", "bad4", "bad5", "u5"}


def test_without_a_list_of_failures_the_first_is_raised(folder):
    put(folder / "bad.TextGrid", "")
    with pytest.raises(HacError, match=r"bad\.TextGrid: the file is empty") as caught:
        read_alignments(folder)
    assert "--strict" not in str(caught.value)


def test_an_unknown_phone_costs_its_utterance(folder):
    failures = FailureLog()
    known = ["AH0", "B", "K", "P", "S"]
    alignments = read_alignments(folder, failures=failures, vocabularies={"phones": known})
    assert alignments.phones.vocabulary == tuple(known)
    assert "u3" not in alignments.phones.ids
    [failure] = failures
    assert (failure.id, failure.reason) == ("u3", "alignment-unknown-label")
    assert "u3: label 'T' of tier 'phones' is not in the label set of 5 labels given" in failure.detail


def test_a_manifest_selects_orders_and_names_what_is_missing(folder):
    manifest = manifest_of(folder, ("u5", "u5.wav", None), ("u9", "u9.wav", None), ("u1", "u1.wav", None))
    failures = FailureLog()
    alignments = read_alignments(folder, manifest, failures)
    assert alignments.phones.ids == ("u5", "u1")
    assert [(failure.id, failure.reason) for failure in failures] == [("u9", "alignment-missing")]
    assert alignments.provenance["files_unmatched"] == 4
    with pytest.raises(HacError, match=r"u9: no alignment was found"):
        read_alignments(folder, manifest)


def test_failures_of_utterances_outside_the_manifest_are_no_concern(folder):
    put(folder / "words.ctm", "u7 1 0 soon kay\nu6 1 0 0.1 ess\n")
    failures = FailureLog()
    read_alignments(folder, manifest_of(folder, ("u6", "u6.wav", None)), failures)
    assert len(failures) == 0


def test_files_of_one_name_are_told_apart_by_path_or_column(tmp_path):
    for speaker, phone in (("fcjf0", "a"), ("mdab0", "b")):
        put(tmp_path / f"dr1/{speaker}/sa1.phn", f"0 10 {phone}\n")
        put(tmp_path / f"dr1/{speaker}/sa1.wrd", f"0 10 word-{phone}\n")
    by_path = manifest_of(tmp_path, ("x", "dr1/fcjf0/sa1.wav", None), ("dr1/mdab0/sa1", "y.wav", None))
    by_column = manifest_of(
        tmp_path, ("x", "1.wav", "dr1/fcjf0/sa1.phn"), ("dr1/mdab0/sa1", "2.wav", "dr1/mdab0/sa1.wrd")
    )
    for manifest in (by_path, by_column):
        alignments = read_alignments(tmp_path, manifest)
        assert [row[:2] for row in alignments.phones.rows()] == [("x", "a"), ("dr1/mdab0/sa1", "b")]
        assert alignments.words.ids == ("x", "dr1/mdab0/sa1")
    with pytest.raises(HacError, match=r"have the same name, so that their utterance is in doubt"):
        read_alignments(tmp_path)


def test_an_utterance_found_twice_keeps_the_first(folder):
    put(folder / "u1.phn", "0 1600 Z\n")
    failures = FailureLog()
    alignments = read_alignments(folder, failures=failures)
    assert [row[1] for row in alignments.phones.rows() if row[0] == "u1"] == ["AH0"]
    assert failures.by_reason() == {"alignment-duplicate": 1}


def test_a_store_is_narrowed_to_the_manifest(folder, tmp_path):
    write_alignments(read_alignments(folder), tmp_path / "a.parquet")
    manifest = manifest_of(tmp_path, ("u2", "2.wav", None), ("u1", "1.wav", None), ("u0", "0.wav", None))
    failures = FailureLog()
    assert read_alignments(tmp_path / "a.parquet", manifest, failures).phones.ids == ("u2", "u1")
    assert failures.by_reason() == {"alignment-missing": 1}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    put(tmp_path / "outside/u2.TextGrid", TEXTGRID.format("B"))
    put(tmp_path / "in/u1.TextGrid", TEXTGRID.format("A"))
    (tmp_path / "in/u2.TextGrid").symlink_to(tmp_path / "outside/u2.TextGrid")
    failures = FailureLog()
    assert read_alignments(tmp_path / "in", failures=failures).phones.ids == ("u1",)
    assert failures.by_reason() == {"alignment-outside": 1}


def test_a_file_name_that_is_no_text_is_a_failure(tmp_path):
    put(tmp_path / "u1.TextGrid", TEXTGRID.format("A"))
    put(tmp_path / os.fsdecode(b"\xff.TextGrid"), TEXTGRID.format("B"))
    failures = FailureLog()
    assert read_alignments(tmp_path, failures=failures).phones.ids == ("u1",)
    assert [failure.id for failure in failures] == ["'\\udcff.TextGrid'"]


def test_a_folder_without_alignments_says_what_was_expected(tmp_path):
    put(tmp_path / "a.txt", "")
    put(tmp_path / "table.csv", "a,b\n")
    with pytest.raises(HacError, match=r"holds no alignments; expected files ending in \.textgrid, \.ctm"):
        read_alignments(tmp_path, failures=FailureLog())


def test_a_folder_of_bad_files_only_is_an_error_that_quotes_the_first(tmp_path):
    put(tmp_path / "a.TextGrid", "")
    put(tmp_path / "b.TextGrid", "")
    with pytest.raises(HacError, match=r"none of its 2 alignment files could be used: .*a\.TextGrid: the file is"):
        read_alignments(tmp_path, failures=FailureLog())


def test_alignments_of_other_utterances_show_both_kinds_of_name(tmp_path):
    put(tmp_path / "a-1.TextGrid", TEXTGRID.format("A"))
    failures = FailureLog()
    failures.add("other", "audio-empty", "an earlier failure of something else")
    with pytest.raises(HacError, match=r"such as a-1\.TextGrid, belongs to .* such as 'u1'; name them alike"):
        read_alignments(tmp_path, manifest_of(tmp_path, ("u1", "1.wav", None)), failures)


@pytest.mark.parametrize("name", ["a.lab", "none", "none.TextGrid"])
def test_what_is_no_alignment_is_refused(tmp_path, name):
    put(tmp_path / "a.lab", "hello")
    with pytest.raises(HacError, match=r"no alignment format has the suffix|no such file or folder"):
        read_alignments(tmp_path / name)


def test_one_file_is_read_by_its_stem(folder):
    assert read_alignments(folder / "s1/u1.textgrid").phones.rows() == [("u1", "AH0", 0, 200_000)]
