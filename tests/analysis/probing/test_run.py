"""Probes of whole corpora: planted knowledge is found, a copy adds nothing, what cannot be asked says why."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

from analysis.metrics.registry import metric_of
from analysis.probing.run import ProbeOutcome, probe_streams
from analysis.probing.tasks import ProbeProtocol, Voices, ask
from analysis.results.schema import Record, Results
from hac.data.alignments.alignment import tier_from_rows
from hac.data.tokens.token_store import Stream
from probes.leakage.factors import Factor, interval_factor, utterance_factor
from reports.leakage.probing_tables import PROBES_CSV, probes_csv, probing_tables

RATE = Fraction(50)
QUICK = ProbeProtocol(n_shuffles=2, n_given_nulls=2)
N_SPEAKERS, N_EACH, N_FRAMES, RUN = 12, 3, 60, 3


class Planted:
    """Twelve speakers; a stream that knows the phone, one that knows the speaker, one that knows nothing, a copy."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        n = N_SPEAKERS * N_EACH
        self.speakers = [f"s{i // N_EACH:02d}" for i in range(n)]
        self.ids = tuple(f"u{i:03d}" for i in range(n))
        phones = rng.integers(0, 4, (n, N_FRAMES // RUN))
        rows = [
            (id, int(i * RUN * 20_000), int((i + 1) * RUN * 20_000), "ABCD"[p])
            for id, row in zip(self.ids, phones, strict=True)
            for i, p in enumerate(row)
        ]
        tier = tier_from_rows("phones", [(id, label, on, off) for id, on, off, label in rows])
        self.phone = interval_factor("phone", tier, tier.labels, tier.vocabulary)
        self.speaker = utterance_factor("speaker", self.ids, self.speakers)
        flat = np.repeat(phones, RUN, axis=1).ravel()
        voice = np.repeat(np.arange(n) // N_EACH, N_FRAMES)
        noise = lambda k: np.repeat(rng.integers(0, k, n * N_FRAMES // RUN), RUN)  # noqa: E731
        self.streams = [
            self._stream("phonetic", np.where(noise(10) < 8, flat, noise(4))),
            self._stream("voice", np.where(noise(10) < 8, voice, noise(N_SPEAKERS))),
            self._stream("idle", noise(8)),
        ]
        self.voices = Voices(self.ids, tuple(self.speakers), ("en",) * n)

    def _stream(self, name: str, codes: np.ndarray) -> Stream:
        bounds = np.arange(len(self.ids) + 1, dtype=np.int64) * N_FRAMES
        return Stream(name, 16, RATE, codes.astype(np.int32), bounds)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def outcome(planted: Planted) -> ProbeOutcome:
    copy = replace(planted.streams[0], name="copy")
    vectors = np.eye(16, dtype=np.float16)[planted.streams[0].codes] * 3 + 1
    return probe_streams(
        [*planted.streams, copy], [planted.phone, planted.speaker], planted.voices, QUICK, {"phonetic": vectors}, jobs=1
    )


def get(outcome: ProbeOutcome, id: str) -> Record:
    (found,) = [record for record in outcome.records if record.id == id]
    return found


def test_what_was_planted_is_found_and_nothing_else(outcome: ProbeOutcome) -> None:
    knows = get(outcome, "phonetic.probe_information[phone]")
    assert knows.value > 0.3 and knows.ci_low > knows.null_mean + 3 * knows.null_sd
    assert get(outcome, "phonetic.probe_accuracy[phone]").value > 0.75
    assert get(outcome, "voice.probe_information[speaker]").value > 0.3
    for id in ("voice", "idle"):
        chance = get(outcome, f"{id}.probe_information[phone]")
        assert abs(chance.value) < 0.02 and abs(chance.null_mean) < 0.02
    for id in ("phonetic", "idle"):
        assert abs(get(outcome, f"{id}.probe_information[speaker]").value) < 0.03


def test_every_number_stands_beside_both_baselines(outcome: ProbeOutcome) -> None:
    for record in outcome.records:
        assert metric_of(record.id).name in record.id
        assert math.isfinite(record.value) or record.note
        if "probe_" in record.id and "given" not in record.id:
            assert math.isfinite(record.null_mean) and "majority" in record.nulls
            assert record.protocol == "probe" and record.ci_low < record.ci_high
    balanced = get(outcome, "phonetic.probe_balanced_accuracy[phone]")
    assert balanced.nulls["majority"].mean == pytest.approx(0.25, abs=0.05)
    accuracy = get(outcome, "phonetic.probe_accuracy[phone]")
    assert accuracy.ci_low < accuracy.value < accuracy.ci_high
    assert "12 (speaker)" in accuracy.note and "held-out speakers" in accuracy.note
    assert "held-out utterances" in get(outcome, "voice.probe_accuracy[speaker]").note


def test_a_copy_adds_nothing_and_what_only_one_knows_is_added_by_it(outcome: ProbeOutcome) -> None:
    for name in ("phonetic", "copy"):
        added = get(outcome, f"{name}.probe_information[phone|given=others]")
        assert added.ci_low <= 0.01 and abs(added.value) < 0.01
    added = get(outcome, "voice.probe_information[speaker|given=others]")
    assert added.value > 0.3 and added.value > added.null_mean + 0.3
    assert abs(get(outcome, "idle.probe_information[phone|given=others]").value) < 0.02


def test_vectors_of_the_codes_tell_what_the_codes_tell(outcome: ProbeOutcome) -> None:
    codes, vectors = (get(outcome, f"phonetic.probe_information[phone{v}]") for v in ("", "|embedding"))
    assert vectors.value == pytest.approx(codes.value, abs=0.02)


def test_the_summary_says_who_holds_what(outcome: ProbeOutcome) -> None:
    assert get(outcome, "voice.dci_disentanglement[probe]").value > 0.9
    assert get(outcome, "all.dci_completeness[probe|speaker]").value > 0.9
    # two streams hold the phone alike: half of what one alone would be, to base 4
    assert get(outcome, "all.dci_completeness[probe|phone]").value == pytest.approx(0.5, abs=0.05)
    informed = get(outcome, "all.dci_informativeness[probe|phone]")
    assert informed.value == get(outcome, "all.probe_information[phone]").value
    assert outcome.importance.shape == (4, 2) and (outcome.importance >= 0).all()


def test_same_question_same_answer_in_processes(planted: Planted) -> None:
    quick = replace(QUICK, n_shuffles=2, given=False)
    one, two = (
        probe_streams(planted.streams[:2], [planted.phone], planted.voices, quick, jobs=jobs) for jobs in (1, 2)
    )
    assert [r.model_dump_json() for r in one.records] == [r.model_dump_json() for r in two.records]


def test_streams_of_other_rates_are_probed_together(planted: Planted) -> None:
    first = planted.streams[0]
    slow = Stream("slow", 16, RATE / 2, first.codes[::2].copy(), first.bounds // 2)
    found = probe_streams([first, slow], [planted.phone], planted.voices, QUICK, jobs=1)
    added = get(found, "slow.probe_information[phone|given=others]")
    assert added.n == len(first.codes) and added.value < 0.03


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda p: utterance_factor("gender", p.ids, ["f"] * len(p.ids), permuted="speakers of each language"),
            "constant",
        ),
        (lambda p: utterance_factor("speaker", p.ids, list(p.ids)), "too many classes for the examples"),
        (
            lambda p: utterance_factor("gender", p.ids, [None] * len(p.ids), permuted="speakers of each language"),
            "no frame has a label",
        ),
        (
            lambda p: utterance_factor(
                "gender", p.ids, ["m" if s == "s00" else "f" for s in p.speakers], permuted="speakers of each language"
            ),
            "fewer than two have at least 20 training frames outside every fold, in 2 speakers",
        ),
    ],
)
def test_what_cannot_be_asked_has_no_value_but_a_reason(planted: Planted, change: object, reason: str) -> None:
    factor: Factor = change(planted)  # type: ignore[operator]
    found = probe_streams(planted.streams[:2], [factor], planted.voices, QUICK, jobs=1)
    record = get(found, f"phonetic.probe_information[{factor.name}]")
    assert math.isnan(record.value) and reason in record.note
    assert math.isnan(get(found, f"voice.probe_information[{factor.name}|given=others]").value)
    assert math.isnan(get(found, f"all.dci_informativeness[probe|{factor.name}]").value)


def test_one_speaker_is_scored_on_other_utterances_and_says_so(planted: Planted) -> None:
    alone = Voices(planted.ids, ("s",) * len(planted.ids), ("en",) * len(planted.ids))
    asked = ask(planted.phone, planted.streams[0], alone, QUICK)
    assert asked.task is not None and asked.split == "held-out utterances"
    assert "knows nothing of other speakers" in asked.note
    single = Voices(planted.ids[:1], ("s",), ("en",))
    stream = planted.streams[0].take(np.array([0]))
    one = utterance_factor("language", single.ids, ["en"], permuted="speakers")
    assert "1 of utterances" in ask(one, stream, single, QUICK).note


@pytest.mark.parametrize("factor", ["phone", "loudness"])
def test_no_speaker_is_trained_on_and_scored_at_once(planted: Planted, factor: str) -> None:
    # a label of utterances that changes within a speaker must not part the speaker
    loudness = utterance_factor(
        "loudness", planted.ids, [("loud", "soft")[i // 2 % 2] for i in range(len(planted.ids))]
    )
    asked = planted.phone if factor == "phone" else loudness
    task = ask(asked, planted.streams[0], planted.voices, QUICK).task
    assert task is not None
    folds = {}
    for fold, utterance in zip(task.fold.tolist(), task.utterance.tolist(), strict=True):
        assert folds.setdefault(planted.speakers[utterance], fold) == fold
    thin = ask(planted.phone, planted.streams[0], planted.voices, replace(QUICK, max_frames=300)).task
    assert thin is not None and thin.is_trainable.sum() <= 300 + len(planted.ids)


def test_vectors_must_be_as_many_as_frames(planted: Planted) -> None:
    with pytest.raises(ValueError, match="3 vectors of stream 'idle', which has 2160 frames"):
        probe_streams(planted.streams, [planted.phone], planted.voices, QUICK, {"idle": np.zeros((3, 2))}, jobs=1)


def test_tables_and_csv_show_every_probe(outcome: ProbeOutcome) -> None:
    coverage = {"utterances": {"counted": 36, "in_manifest": 36}, "hours": {"counted": 0.01}}
    results = Results(command="leakage", system="made up", metrics=outcome.records, coverage=coverage)
    console = Console(width=220, record=True, file=None, quiet=False)
    with console.capture() as capture:
        for table in probing_tables(results):
            console.print(table)
    text = capture.get()
    for part in ("phonetic", "embedding", "shuffled", "What a stream adds", "completeness", "12 speakers"):
        assert part in text
    lines = probes_csv(results).splitlines()
    assert lines[0] == ",".join(PROBES_CSV)
    # 4 streams + all, 5 scores, 2 factors; the embedding's; what each stream adds
    assert len(lines) - 1 == 5 * 5 * 2 + 5 * 2 + 4 * 2
    assert probing_tables(Results(command="leakage", system="none", metrics=[])) == []
