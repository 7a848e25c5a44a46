import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.errors import HacError

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u1", "u2", "u3"]),
        st.sampled_from(["a", "b", "ŋ", ""]),
        st.integers(-5, 50),
        st.integers(-5, 50),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(ROWS)
def test_a_tier_holds_exactly_its_rows_sorted_within_each_utterance(rows):
    tier = tier_from_rows("phones", rows)
    assert sorted(tier.rows()) == sorted(rows)
    assert tier.ids == tuple(dict.fromkeys(row[0] for row in rows))
    assert tier.vocabulary == tuple(sorted({row[1] for row in rows}))
    for start, stop in zip(tier.bounds[:-1], tier.bounds[1:], strict=True):
        times = list(zip(tier.onset_us[start:stop], tier.offset_us[start:stop], strict=True))
        assert times == sorted(times)


@settings(deadline=None)
@given(ROWS, st.permutations(["u1", "u2", "u3"]), st.integers(0, 3))
def test_select_equals_filtering_the_rows(rows, order, n):
    tier = tier_from_rows("phones", rows, vocabulary=["", "a", "b", "ŋ"], ids=["u1", "u2", "u3"])
    wanted = order[:n]
    chosen = tier.select(wanted)
    assert chosen.ids == tuple(wanted)
    assert chosen.vocabulary == tier.vocabulary
    assert chosen.rows() == [row for id in wanted for row in tier.rows() if row[0] == id]
    assert chosen.labels.dtype == np.int32
    assert chosen.bounds.dtype == np.int64


def test_a_given_vocabulary_keeps_its_order_and_its_unused_labels():
    tier = tier_from_rows("phones", [("u", "b", 0, 1)], vocabulary=["z", "b", "a"])
    assert tier.vocabulary == ("z", "b", "a")
    assert tier.labels.tolist() == [1]


def test_an_unknown_label_is_named_with_its_utterance():
    with pytest.raises(HacError, match=r"u2: label 'x' of tier 'phones' is not in the label set of 1 labels"):
        tier_from_rows("phones", [("u1", "a", 0, 1), ("u2", "x", 0, 1)], vocabulary=["a"])


def test_an_id_beyond_those_given_is_named():
    with pytest.raises(HacError, match=r"'u2' is not among the 1 expected"):
        tier_from_rows("phones", [("u2", "a", 0, 1)], ids=["u1"])


def test_selecting_what_is_not_there_says_how_many_and_which():
    tier = tier_from_rows("phones", [("u1", "a", 0, 1)])
    with pytest.raises(HacError, match=r"2 of 3 utterances have no phones alignment, the first is 'u7'"):
        tier.select(["u1", "u7", "u8"])
    with pytest.raises(HacError, match=r"'u1' is asked for twice"):
        tier.select(["u1", "u1"])


def test_a_missing_tier_lists_those_there_are():
    alignments = Alignments({"words": tier_from_rows("words", [("u1", "a", 0, 1)])})
    assert alignments.words.ids == ("u1",)
    with pytest.raises(HacError, match=r"no tier 'phones' \(tiers found: words\)"):
        _ = alignments.phones
