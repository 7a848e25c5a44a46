from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.alignments.alignment import AlignmentReport, Touched, partition, tier_from_rows
from hac.data.phones.policy import PhonePolicy
from hac.errors import HacError

IDS = ["u1", "u2", "u3", "u4"]
POLICY = PhonePolicy(name="test", noise_rule="drop")
LABELS = ["a", "b", "c", "sil", "sp", "", "SIL", "spn"]
QUIET = ("sil", "sp", "", "SIL")
ROWS = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(LABELS), st.integers(-4, 40), st.integers(-4, 40)),
    max_size=40,
)
DURATIONS = st.fixed_dictionaries({id: st.integers(0, 36) for id in IDS})


def tier_of(rows, ids=IDS):
    return tier_from_rows("phones", rows, vocabulary=LABELS, ids=ids)


def slow(rows, duration):
    """One utterance, one microsecond at a time: the earliest interval that wants it gets it."""
    counts = defaultdict(lambda: [0, 0])

    def count(rule, us):
        counts[rule][0] += 1
        counts[rule][1] += us

    kept = []
    for _, label, onset, offset in rows:
        count("found", max(offset - onset, 0))
        if label == "spn":
            count("noise_dropped", max(offset - onset, 0))
        elif offset < onset:
            count("negative", onset - offset)
        elif offset == onset:
            count("zero_length", 0)
        elif min(offset, duration) <= max(onset, 0):
            count("outside", offset - onset)
        else:
            if onset < 0:
                count("cut_start", -onset)
            if offset > duration:
                count("cut_end", offset - duration)
            kept.append((max(onset, 0), min(offset, duration), "sil" if label in QUIET else label))
    owner = [None] * duration
    for number, (onset, offset, _) in sorted(enumerate(kept), key=lambda item: item[1][:2]):
        free = [us for us in range(onset, offset) if owner[us] is None]
        for us in free:
            owner[us] = number
        if not free:
            count("overlap_dropped", offset - onset)
        elif len(free) < offset - onset:
            count("overlap_cut", offset - onset - len(free))
    runs = []
    for us in range(duration):
        if us and owner[us] == owner[us - 1]:
            runs[-1][2] = us + 1
        else:
            runs.append(["sil" if owner[us] is None else kept[owner[us]][2], us, us + 1])
            if owner[us] is None:
                count("gap", 0)
        counts["gap"][1] += owner[us] is None
    merged = []
    for label, onset, offset in runs:
        if merged and label == "sil" == merged[-1][0]:
            merged[-1][2] = offset
            count("silence_merged", offset - onset)
        else:
            merged.append([label, onset, offset])
    for label, onset, offset in merged:
        count("silence" if label == "sil" else "phones", offset - onset)
    count("utterances", duration)
    return [tuple(run) for run in merged], counts


@settings(deadline=None, max_examples=300)
@given(ROWS, DURATIONS)
def test_partition_and_its_counts_equal_the_slow_oracle(rows, durations):
    tier = tier_of(rows)
    result, report = partition(tier, durations, POLICY)
    expected_rows, expected = [], defaultdict(lambda: np.zeros(2, dtype=int))
    for id in IDS:
        runs, counts = slow([row for row in tier.rows() if row[0] == id], durations[id])
        expected_rows += [(id, *run) for run in runs]
        for rule, pair in counts.items():
            expected[rule] += pair
    assert result.rows() == expected_rows
    assert report.to_dict() == {
        rule: {"n": expected[rule][0], "us": expected[rule][1]} for rule in AlignmentReport().to_dict()
    }


@settings(deadline=None)
@given(ROWS, DURATIONS)
def test_the_result_is_a_partition_of_each_utterance(rows, durations):
    result, report = partition(tier_of(rows), durations, POLICY)
    assert result.ids == tuple(IDS)
    for i, id in enumerate(IDS):
        start, stop = result.bounds[i : i + 2]
        edges = [0, *result.offset_us[start:stop]]
        assert edges[:-1] == result.onset_us[start:stop].tolist()
        assert edges[-1] == durations[id]
        assert np.all(np.diff(edges) > 0)
    assert report.silence.us + report.phones.us == report.utterances.us == sum(durations.values())


@settings(deadline=None)
@given(ROWS, DURATIONS)
def test_partitioning_again_changes_nothing(rows, durations):
    once, _ = partition(tier_of(rows), durations, POLICY)
    twice, report = partition(once, durations, POLICY)
    assert (twice.vocabulary, twice.rows()) == (once.vocabulary, once.rows())
    touched = set(report.to_dict()) - {"utterances", "found", "silence", "phones"}
    assert all(getattr(report, rule) == Touched() for rule in touched)


@settings(deadline=None)
@given(ROWS, DURATIONS, st.integers(0, len(IDS)))
def test_shards_add_up_to_the_whole(rows, durations, cut):
    tier = tier_of(rows)
    whole, report = partition(tier, durations, POLICY)
    parts = [partition(tier.select(ids), durations, POLICY) for ids in (IDS[:cut], IDS[cut:])]
    assert [row for part, _ in parts for row in part.rows()] == whole.rows()
    assert parts[0][1] + parts[1][1] == parts[1][1] + parts[0][1] == report


def test_the_rules_on_one_utterance():
    rows = [
        ("u", "a", -10, 20),  # cut at the start
        ("u", "b", 15, 30),  # begins where a ends
        ("u", "c", 16, 19),  # wholly within
        ("u", "d", 40, 40),  # no length
        ("u", "e", 50, 45),  # ends before it begins
        ("u", "sp", 60, 70),  # meets the gap before it
        ("u", "f", 70, 120),  # cut at the end
        ("u", "g", 100, 130),  # wholly beyond
    ]
    tier, report = partition(tier_from_rows("phones", rows), {"u": 100, "other": 5}, POLICY)
    assert tier.rows() == [("u", "a", 0, 20), ("u", "b", 20, 30), ("u", "sil", 30, 70), ("u", "f", 70, 100)]
    assert report == AlignmentReport(
        utterances=Touched(1, 100),
        found=Touched(8, 138),
        silence=Touched(1, 40),
        phones=Touched(3, 60),
        negative=Touched(1, 5),
        zero_length=Touched(1, 0),
        outside=Touched(1, 30),
        cut_start=Touched(1, 10),
        cut_end=Touched(1, 20),
        overlap_cut=Touched(1, 5),
        overlap_dropped=Touched(1, 3),
        gap=Touched(1, 30),
        silence_merged=Touched(1, 10),
    )
    assert AlignmentReport.from_dict(report.to_dict()) == report


def test_equal_phones_side_by_side_stay_two():
    tier, _ = partition(tier_from_rows("phones", [("u", "a", 0, 1), ("u", "a", 1, 2)]), {"u": 2}, POLICY)
    assert tier.rows() == [("u", "a", 0, 1), ("u", "a", 1, 2)]


def test_an_utterance_without_intervals_is_all_silence():
    tier, report = partition(tier_from_rows("phones", [], ids=["u"]), {"u": 7}, POLICY)
    assert tier.rows() == [("u", "sil", 0, 7)]
    assert report.gap == Touched(1, 7)


def test_an_interval_around_an_utterance_of_no_duration_is_outside():
    tier, report = partition(tier_from_rows("phones", [("u", "a", -1, 1)]), {"u": 0}, POLICY)
    assert tier.rows() == []
    assert report.outside == Touched(1, 2)


def test_a_duration_that_is_missing_or_negative_is_named():
    tier = tier_from_rows("phones", [("u1", "a", 0, 1), ("u2", "a", 0, 1)])
    with pytest.raises(HacError, match=r"1 aligned utterances have no duration, the first is 'u2'"):
        partition(tier, {"u1": 5}, POLICY)
    with pytest.raises(HacError, match=r"u2: duration of -1e-06 s; expected 0 or more"):
        partition(tier, {"u1": 5, "u2": -1}, POLICY)


def test_an_unknown_phone_is_named_with_its_utterance():
    tier = tier_from_rows("phones", [("u1", "a", 0, 1), ("u2", "q", 0, 1)])
    with pytest.raises(HacError, match=r"u2: label 'q' of tier 'phones' is not in the label set"):
        partition(tier, {"u1": 5, "u2": 5}, PhonePolicy(name="few", phone_set=("a",)))
