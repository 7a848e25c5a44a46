import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hac.data.alignments.alignment import Alignments, Tier, read_alignments, tier_from_rows, write_alignments
from hac.data.alignments.parquet import KEY
from hac.errors import FailureLog, HacError

IDS = ["u1", "ü/2", "3"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(["a", "ŋ", "", "don't"]),
        st.integers(-10, 10**11),
        st.integers(-10, 10**11),
    ),
    max_size=20,
)


def same(one: Tier, other: Tier) -> bool:
    return (one.name, one.ids, one.vocabulary, one.rows()) == (
        other.name,
        other.ids,
        other.vocabulary,
        other.rows(),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(phones=ROWS, words=ROWS)
def test_what_is_written_is_read_to_the_microsecond(tmp_path, phones, words):
    tiers = {
        "phones": tier_from_rows("phones", phones, vocabulary=["x", "ŋ", "a", "", "don't"], ids=IDS),
        "words": tier_from_rows("words", words, ids=IDS[:1] if not words else None),
    }
    write_alignments(Alignments(tiers, {"aligner": "mfa"}), tmp_path / "a.parquet")
    again = read_alignments(tmp_path / "a.parquet")
    assert again.provenance == {"aligner": "mfa"}
    assert set(again.tiers) == set(tiers)
    assert all(same(again.tiers[name], tiers[name]) for name in tiers)


def test_the_same_alignments_give_the_same_bytes(tmp_path):
    alignments = Alignments({"phones": tier_from_rows("phones", [("u", "a", 0, 5), ("u", "b", 5, 9)])})
    write_alignments(alignments, tmp_path / "a.parquet")
    write_alignments(alignments, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_corpus_of_the_size_of_librispeech_dev_is_read_in_well_under_a_second(tmp_path):
    n_utterances, n_phones = 5_567, 72
    rng = np.random.default_rng(0)
    edges = np.sort(rng.integers(0, 10_000_000, (n_utterances, n_phones + 1)), axis=1)
    tier = Tier(
        "phones",
        tuple(f"utterance-{i:05d}" for i in range(n_utterances)),
        np.arange(n_utterances + 1) * n_phones,
        rng.integers(0, 70, n_utterances * n_phones).astype(np.int32),
        edges[:, :-1].ravel(),
        edges[:, 1:].ravel(),
        tuple(f"P{i:02d}" for i in range(70)),
    )
    write_alignments(Alignments({"phones": tier}), tmp_path / "a.parquet")
    took = []
    for _ in range(3):  # processor time, and the best of three, since other work may share the machine
        start = time.process_time()
        again = read_alignments(tmp_path / "a.parquet").phones.select(reversed(tier.ids))
        took.append(time.process_time() - start)
    assert min(took) < 0.8
    assert np.array_equal(again.select(tier.ids).onset_us, tier.onset_us)


def foreign(path, **changes):
    columns = {
        "id": ["b", "a", "b"],
        "tier": ["phones"] * 3,
        "label": ["y", "x", "x"],
        "onset": [0.5, 0.1, 0.0],
        "offset": [0.6, 0.2, 0.5],
        "note": [1, 2, 3],
    }
    columns.update(changes)
    pq.write_table(pa.table({name: values for name, values in columns.items() if values is not None}), path)
    return path


def test_a_parquet_file_of_somebody_else_in_any_order_is_read(tmp_path):
    tier = read_alignments(foreign(tmp_path / "a.parquet")).phones
    assert tier.rows() == [("b", "x", 0, 500_000), ("b", "y", 500_000, 600_000), ("a", "x", 100_000, 200_000)]


def test_numbers_as_ids_are_read_as_text(tmp_path):
    assert read_alignments(foreign(tmp_path / "a.parquet", id=[7, 8, 7])).phones.ids == ("7", "8")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": None}, r"the column 'label' is missing \(columns found: id, tier, onset, offset, note\)"),
        ({"onset": [0.5, float("nan"), 0.0]}, r"row 1 has the time nan; expected seconds as finite numbers"),
        ({"onset": [0.5, 1e300, 0.0]}, r"row 1 has the time 1e\+300"),
        ({"onset": ["x", "y", "z"]}, r"times of type string; expected seconds"),
        ({"id": ["a", None, "b"]}, r"rows without an id or a tier"),
    ],
)
def test_a_table_that_is_no_store_is_refused(tmp_path, changes, sentence):
    with pytest.raises(HacError, match=sentence):
        read_alignments(foreign(tmp_path / "a.parquet", **changes))


@pytest.mark.parametrize("damage", ["cut", "garbled", "text", "empty"])
def test_a_corrupted_store_is_one_sentence(tmp_path, damage):
    path = tmp_path / "a.parquet"
    rows = [(f"u{i}", f"p{i % 40}", j, j + 1) for i in range(50) for j in range(50)]
    write_alignments(Alignments({"phones": tier_from_rows("phones", rows)}), path)
    data = path.read_bytes()
    garbled = data[:4] + bytes(byte ^ 0x5A for byte in data[4:400]) + data[400:]
    path.write_bytes({"cut": data[:-100], "garbled": garbled, "text": b"id,tier\n", "empty": b""}[damage])
    with pytest.raises(HacError, match=r"cannot be read as Parquet, it is truncated or damaged") as caught:
        read_alignments(path)
    assert "\n" not in str(caught.value)


def test_a_store_of_a_later_version_or_with_a_damaged_description_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    write_alignments(Alignments({"phones": tier_from_rows("phones", [("u", "a", 0, 5)])}), path)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps({"version": 99}).encode()}), path)
    with pytest.raises(HacError, match=r"written in version 99 of the alignment store"):
        read_alignments(path)
    pq.write_table(table.replace_schema_metadata({KEY: b"{"}), path)
    with pytest.raises(HacError, match=r"description is damaged"):
        read_alignments(path)


def test_an_unknown_phone_in_a_store_is_named(tmp_path):
    with pytest.raises(HacError, match=r"b: label 'y' of tier 'phones' is not in the label set"):
        read_alignments(foreign(tmp_path / "a.parquet"), vocabularies={"phones": ["x"]})


def test_a_missing_store_says_so(tmp_path):
    with pytest.raises(HacError, match=r"no such alignment store"):
        read_alignments(tmp_path / "a.parquet", failures=FailureLog())


def test_nothing_half_written_is_left(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HacError, match="cannot be written"):
        write_alignments(Alignments({}), blocked / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
