import io
from contextlib import redirect_stdout

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio.utilities.textgrid_io import getTextgridAsStr, parseTextgridStr

from hac.data.alignments.ctm_timit_mfa import read_ctm, read_mfa_csv, read_timit
from hac.data.alignments.text import AlignmentFileError
from hac.data.alignments.textgrid import read_textgrid

# In the form that Montreal Forced Aligner 3 writes: tiers filled with empty intervals, words and phones
MFA_LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.55
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.55
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.03
            text = ""
        intervals [2]:
            xmin = 0.03
            xmax = 0.29
            text = "it's"
        intervals [3]:
            xmin = 0.29
            xmax = 0.55
            text = "<unk>"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.55
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.03
            text = ""
        intervals [2]:
            xmin = 0.03
            xmax = 0.1234565
            text = "ɪ"
        intervals [3]:
            xmin = 0.1234565
            xmax = 2.9e-1
            text = "ts̪"
        intervals [4]:
            xmin = 0.29
            xmax = 0.55
            text = "spn"
"""
MFA_TIERS = {
    "words": [("it's", 30_000, 290_000), ("<unk>", 290_000, 550_000)],
    "phones": [("ɪ", 30_000, 123_456), ("ts̪", 123_456, 290_000), ("spn", 290_000, 550_000)],
}
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
3
"IntervalTier"
"A - phones"
0
0.5
1
0
0.2
"AH0"
"TextTier"
"marks"
0
0.5
1
0.25
"click ""loud"" 7"
"IntervalTier"
"B - Phones"
0
0.5
2
0.2
0.3
""
0.3
0.5
"B"
"""


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_textgrid_of_mfa_is_read_in_every_legal_encoding(tmp_path, encoding, newline):
    text = MFA_LONG.replace("\n", newline)
    assert read_textgrid(write(tmp_path / "a.TextGrid", text, encoding)) == MFA_TIERS


def test_speakers_of_a_short_textgrid_are_joined_and_points_passed_over(tmp_path):
    tiers = read_textgrid(write(tmp_path / "a.TextGrid", SHORT))
    assert tiers == {"phones": [("AH0", 0, 200_000), ("B", 300_000, 500_000)]}


LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8)


@settings(deadline=None)
@given(
    st.lists(st.tuples(LABELS, st.integers(1_000, 10**7)), min_size=1, max_size=8),
    st.sampled_from(["short_textgrid", "long_textgrid"]),
)
def test_what_praatio_writes_is_read_as_praatio_reads_it(tmp_path_factory, pieces, form):
    at, entries = 0, []
    for label, length in pieces:
        entries.append((at / 1e6, (at + length) / 1e6, label))
        at += length
    tier = {"class": "IntervalTier", "name": "words", "xmin": 0, "xmax": at / 1e6, "entries": entries}
    with redirect_stdout(io.StringIO()):
        text = getTextgridAsStr({"xmin": 0, "xmax": at / 1e6, "tiers": [tier]}, form, False, minimumIntervalLength=None)
    path = write(tmp_path_factory.mktemp("tg") / "a.TextGrid", text)
    ours = read_textgrid(path).get("words", [])
    assert ours == [(label.strip(), round(a * 1e6), round(b * 1e6)) for a, b, label in entries if label.strip()]
    if not any(word in label for label, _ in pieces for word in ("[", '"')):  # which confuse praatio
        theirs = parseTextgridStr(text)["tiers"][0]["entries"]
        assert ours == [(e.label, round(float(e.start) * 1e6), round(float(e.end) * 1e6)) for e in theirs]


def refusal(read, *arguments):
    with pytest.raises(AlignmentFileError) as caught:
        read(*arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return caught.value.reason, sentence


@pytest.mark.parametrize("encoding", ["latin-1", "mac-roman", "cp1250"])
def test_a_wrong_encoding_says_where_and_how_to_convert(tmp_path, encoding):
    path = write(
        tmp_path / "a.TextGrid", MFA_LONG.replace("it's", "š€é"[-1]).replace("ɪ", "i").replace("ts̪", "s"), encoding
    )
    reason, sentence = refusal(read_textgrid, path)
    assert reason == "alignment-encoding"
    assert "is not valid UTF-8; expected UTF-8 or UTF-16: convert the file" in sentence


def test_a_binary_file_of_praat_says_how_to_save_it(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(b"ooBinaryFile\x08TextGrid" + bytes(range(256)))
    assert "save it there as a text file" in refusal(read_textgrid, path)[1]


def test_a_missing_tier_lists_the_tiers_found(tmp_path):
    text = MFA_LONG.replace('"words"', '"61"').replace('"phones"', '"Anna - utterances"')
    reason, sentence = refusal(read_textgrid, write(tmp_path / "a.TextGrid", text))
    assert reason == "alignment-missing-tier"
    assert "no tier 'phones' or 'words' (tiers found: '61', 'Anna - utterances')" in sentence


def test_a_tier_of_another_name_can_be_asked_for(tmp_path):
    path = write(tmp_path / "a.TextGrid", MFA_LONG.replace('"phones"', '"KAN-MAU"'))
    assert read_textgrid(path, {"phones": ["kan-mau"]}) == {"phones": MFA_TIERS["phones"]}


def test_swapped_times_are_named(tmp_path):
    text = MFA_LONG.replace("xmin = 0.03\n            xmax = 0.29", "xmin = 0.29\n            xmax = 0.03")
    reason, sentence = refusal(read_textgrid, write(tmp_path / "a.TextGrid", text))
    assert reason == "alignment-swapped-times"
    assert "tier 'words': \"it's\" begins at 0.29 s and ends at 0.03 s, before it begins" in sentence


@pytest.mark.parametrize("text", [MFA_LONG, SHORT], ids=["long", "short"])
def test_a_textgrid_cut_anywhere_is_never_taken_for_whole(tmp_path, text):
    path = tmp_path / "a.TextGrid"
    whole = len(text.rstrip())
    for cut in range(1, whole, 7):
        reason, _ = refusal(read_textgrid, write(path, text[:cut]))
        assert reason in ("alignment-truncated", "alignment-format"), cut
    assert read_textgrid(write(path, text[:whole]))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("size = 4", "size = 3", "alignment-format"),
        ("size = 4", "size = 5", "alignment-truncated"),
        ("IntervalTier", "SoundTier", "alignment-format"),
        ("<exists>", "<absent>", "alignment-format"),
        ('"TextGrid"', '"Pitch 1"', "alignment-format"),
        ("xmax = 0.03\n", "xmax = soon\n", "alignment-number"),
        ("xmax = 0.03\n", "xmax = 1e300\n", "alignment-number"),
        ("size = 2\n", "size = 2.5\n", "alignment-format"),
    ],
)
def test_a_textgrid_whose_parts_do_not_fit_is_refused(tmp_path, old, new, reason):
    found, _ = refusal(read_textgrid, write(tmp_path / "a.TextGrid", MFA_LONG.replace(old, new)))
    assert found in (reason, "alignment-format")


@pytest.mark.parametrize("read", [read_textgrid, read_ctm, read_timit, read_mfa_csv])
def test_empty_and_missing_files(tmp_path, read):
    assert refusal(read, write(tmp_path / "empty", " \n"))[0] == "alignment-empty"
    assert refusal(read, tmp_path / "none")[0] == "alignment-unreadable"


@pytest.mark.parametrize(
    "line",
    [
        "u1 0.10 0.25 {}",
        "u1 0.10 0.25 {} 0.98",
        "u1 A 0.10 0.25 {}",
        "u1 1 0.10 0.25 {} 0.9",
        "u1 1 0.10 0.25 {} 0.9 lex s",
    ],
)
def test_ctm_with_and_without_channel_and_confidence(tmp_path, line):
    text = ";; a comment\n" + line.format("cat") + "\n\n" + line.format("SAT") + "\n"
    tier, intervals, bad = read_ctm(write(tmp_path / "words.ctm", text))
    assert (tier, bad) == ("words", [])
    assert intervals == {"u1": [("cat", 100_000, 350_000), ("SAT", 100_000, 350_000)]}


@pytest.mark.parametrize(
    ("name", "labels", "tier"),
    [
        ("phone_ctm.ctm", ["7", "8"], "phones"),
        ("words.ctm", ["AH", "B"], "words"),
        ("a.ctm", ["AH0_B", "SIL", "T_E"], "phones"),
        ("a.ctm", ["the", "cat", "sat"], "words"),
        ("a.ctm", ["ɑː", "tʃ", "sil"], "phones"),
    ],
)
def test_the_tier_of_a_ctm_is_told_by_its_name_or_its_labels(tmp_path, name, labels, tier):
    path = write(tmp_path / name, "".join(f"u 1 0 0.1 {label}\n" for label in labels))
    assert read_ctm(path)[0] == tier
    assert read_ctm(path, "phones")[0] == "phones"


def test_a_text_in_a_number_column_costs_one_utterance_and_is_named(tmp_path):
    text = "u1 1 0.0 0.1 a\nu2 1 0.0 0.1 b\nu2 1 soon 0.1 c\nu3 1 0.0 0.1 d\nu4 1 0.5 -0.1 e\nu5 1 0.5\n"
    _, intervals, bad = read_ctm(write(tmp_path / "words.ctm", text))
    assert set(intervals) == {"u1", "u3"}
    assert {id: error.reason for id, error in bad} == {
        "u2": "alignment-number",
        "u4": "alignment-swapped-times",
        "u5": "alignment-format",
    }
    assert "words.ctm, line 3: 'soon' stands where a time in seconds was expected" in str(bad[0][1])


def test_a_file_without_ctm_lines_is_refused(tmp_path):
    assert refusal(read_ctm, write(tmp_path / "a.ctm", "hello\nworld again\n"))[0] == "alignment-format"


def test_timit_counts_samples(tmp_path):
    path = write(tmp_path / "sa1.phn", "0 3050 h#\n3050 4559 sh\n4559 5723 ix\n")
    assert read_timit(path) == [("h#", 0, 190_625), ("sh", 190_625, 284_938), ("ix", 284_938, 357_688)]
    assert read_timit(path, 8_000)[0] == ("h#", 0, 381_250)


@pytest.mark.parametrize(
    ("text", "reason", "sentence"),
    [
        ("0 x10 a\n", "alignment-number", "line 1: 'x10' stands where a number of samples was expected"),
        (f"0 {10**30} a\n", "alignment-number", "stands where a number of samples was expected"),
        ("0 10 a\n\n10 20\n", "alignment-format", "line 3: 2 fields; expected `start end label`"),
        ("0 10 a\n20 15 b\n", "alignment-swapped-times", "'b' begins at 0.00125 s and ends at"),
    ],
)
def test_timit_that_is_damaged(tmp_path, text, reason, sentence):
    found, said = refusal(read_timit, write(tmp_path / "a.phn", text))
    assert found == reason
    assert sentence in said


CSV = "Begin,End,Label,Type,Speaker\n0.0,0.21,ja,words,anna\n0.03,0.1,j,phones,anna\n0.1,0.21,aː,phones,anna\n"


def test_csv_of_mfa(tmp_path):
    path = write(tmp_path / "a.csv", CSV + '0.3,0.4,"1,5",words,bert\n0.3,0.4,,phones,bert\n')
    assert read_mfa_csv(path) == {
        "words": [("ja", 0, 210_000), ("1,5", 300_000, 400_000)],
        "phones": [("j", 30_000, 100_000), ("aː", 100_000, 210_000)],
    }


@pytest.mark.parametrize(
    ("text", "reason", "sentence"),
    [
        ("a,b\n1,2\n", "alignment-format", "the column 'Begin' is missing (columns found: a, b)"),
        (CSV.replace("0.1,j", "eins,j"), "alignment-number", "line 3: 'eins' stands where a time"),
        (CSV.replace("0.03,0.1", "0.1,0.03"), "alignment-swapped-times", "line 3: 'j' begins at 0.1 s"),
        (CSV.replace("words", "x").replace("phones", "y"), "alignment-missing-tier", "no row of Type"),
        (CSV.replace("0.03", "1e300"), "alignment-number", "line 3: '1e300' stands where a time"),
        (CSV + "0,1," + "x" * 200_000 + ",words,x\n", "alignment-format", "no CSV after line 4 (field larger"),
        (CSV + "0.5\n", "", ""),
    ],
)
def test_csv_that_is_damaged(tmp_path, text, reason, sentence):
    path = write(tmp_path / "a.csv", text)
    if sentence:
        found, said = refusal(read_mfa_csv, path)
        assert found == reason
        assert sentence in said
    else:
        assert read_mfa_csv(path)  # a line without a type is passed over
