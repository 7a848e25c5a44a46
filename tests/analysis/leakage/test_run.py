"""`hac-analyze leakage`: planted factors are found, everything else is within the null, and bad input is told."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.leakage.factors import POSITIONS, factor_corpus, positions
from analysis.leakage.layout import LeakageProtocol
from analysis.leakage.run import Extra, Outcome, run
from analysis.leakage.scores import within_null
from analysis.metrics.registry import metric_of
from analysis.pnmi import run as pnmi
from analysis.pnmi.counting import Protocol
from analysis.results.schema import Record
from hac.data.alignments.alignment import tier_from_rows
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.signal.prosody import Prosody
from probes.words.word_codes import Words, WordType
from reports.leakage.files import leakage_files
from reports.leakage.tables import leakage_table
from reports.render.result_files import write_run
from tests.analysis.leakage.worlds import PHONES, QUICK, Spoken

KEPT = 0.7


@pytest.fixture(scope="module")
def world() -> Spoken:
    return Spoken(n_utterances=72, n_speakers=12)


@pytest.fixture(scope="module")
def outcome(world: Spoken) -> Outcome:
    """Four streams: phones with noise, speakers with noise, both at once, and the phones' stream again."""
    rng = world.rng
    phones = world.noisy(world.phone, len(PHONES), KEPT)
    voices = world.noisy(world.speaker, world.n_speakers, KEPT)
    both = phones * world.n_speakers + voices
    nothing = np.repeat(rng.integers(0, 16, len(phones) // 3), 3)
    made = (
        world.stream("phones", phones, len(PHONES)),
        world.stream("voices", voices, world.n_speakers),
        world.stream("both", both, len(PHONES) * world.n_speakers),
        world.stream("again", (phones + 3) % len(PHONES), len(PHONES)),
        world.stream("nothing", nothing, 16),
    )
    points = [6 * 40 for _ in world.ids]
    curves = {
        id: Prosody(_tones(rng, n), rng.normal(-30, 9, n).astype(np.float32))
        for id, n in zip(world.ids, points, strict=True)
    }
    return run(world.request(*made), jobs=1, curves=curves)


def _tones(rng: np.random.Generator, n: int) -> np.ndarray:
    f0 = np.repeat(rng.uniform(80, 300, n // 6), 6).astype(np.float32)
    f0[np.repeat(rng.random(n // 6) < 0.3, 6)] = np.nan
    return f0


def get(outcome: Outcome, id: str) -> Record:
    return outcome.results.get(id)


def noisy_share(size: int, kept: float) -> float:
    """I / H of a label drawn evenly from `size` and a code that is it in a share of the frames, else any."""
    hit = kept + (1 - kept) / size
    miss = (1 - kept) / size
    left = -hit * math.log(hit) - (size - 1) * miss * math.log(miss)
    return 1 - left / math.log(size)


@pytest.mark.parametrize(
    ("stream", "factor", "size"),
    [("phones", "phone", 8), ("voices", "speaker", 12), ("both", "phone", 8), ("again", "phone", 8)],
)
def test_planted_factors_are_recovered(outcome: Outcome, stream: str, factor: str, size: int) -> None:
    found = get(outcome, f"{stream}.leakage[{factor}]")
    truth = noisy_share(size, KEPT)
    assert not within_null(found)
    assert found.value == pytest.approx(truth, abs=0.03)
    if factor == "phone":
        assert found.estimate == pytest.approx(truth, abs=0.02)
        assert found.ci_low - 0.01 < truth < found.ci_high + 0.01


def test_what_was_not_planted_is_within_the_null(outcome: Outcome) -> None:
    # phones are drawn without regard to who speaks, and neither knows of pitch and energy
    nothing = [f"nothing.leakage[{factor}]" for factor in outcome.factors]
    others = [f"{s}.leakage[{f}]" for s in ("phones", "voices") for f in ("f0", "energy")]
    crossed = [f"phones.leakage[{f}]" for f in ("speaker", "gender", "language")]
    crossed += [f"voices.leakage[{f}]" for f in ("phone", "phone_class", "word", "position")]
    found = [get(outcome, id) for id in (*nothing, *others, *crossed)]
    # 5 in 100 are above two standard deviations by chance; their corrected values must still be next to nothing
    assert sum(not within_null(record) for record in found) <= 2
    assert max(abs(record.estimate) for record in found) < 0.02


def test_what_streams_add_and_repeat(outcome: Outcome) -> None:
    for a, b in (("again", "phones"), ("phones", "again")):
        for factor in outcome.factors:
            same = get(outcome, f"{a}.leakage_adds[{factor},given={b}]")
            assert same.value == 0 and same.null_mean == 0 and same.estimate == 0
            assert get(outcome, f"{a}.leakage_adds[{factor}]").estimate <= 0
    assert get(outcome, "again.leakage_repeats[phone]").value == pytest.approx(1, abs=0.01)
    # who speaks is news beside the phones, the phones are news beside who speaks, both repeats both
    assert get(outcome, "voices.leakage_adds[speaker,given=phones]").estimate > 0.3
    assert get(outcome, "phones.leakage_adds[phone,given=voices]").estimate > 0.4
    assert not within_null(get(outcome, "phones.leakage_adds[phone,given=voices]"))
    assert abs(get(outcome, "phones.leakage_adds[phone,given=both]").estimate) < 0.02
    assert get(outcome, "phones.leakage_repeats[phone]").value == pytest.approx(1, abs=0.02)
    silent = get(outcome, "nothing.leakage_repeats[phone]")
    assert math.isnan(silent.value) and "no more informative about the factor than chance" in silent.note


def test_a_slow_stream_that_knows_nothing_adds_nothing() -> None:
    world = Spoken(n_utterances=72, n_speakers=12, seed=3)
    n = len(world.phone)
    # a code lasts 30 frames, a phone 3: codes permuted among short runs would say that it tells who speaks
    lasting = np.cumsum(world.rng.random(n) < 1 / 30) % 16
    slow = world.stream("slow", world.rng.integers(0, 16, n)[lasting], 16)
    fast = world.stream("fast", world.noisy(world.phone, 8, 0.7), 8)
    asked = replace(QUICK, factors=("phone", "speaker"))
    found = run(world.request(slow, fast, protocol=asked), jobs=1)
    added = get(found, "slow.leakage_adds[speaker,given=fast]")
    by_runs, by_labels = added.nulls["codes-dealt"], added.nulls["labels-dealt"]
    assert added.value - by_runs.mean > 0.02 > abs(added.value - by_labels.mean) and within_null(added)
    assert added.null_mean == max(by_runs.mean, by_labels.mean)
    assert abs(get(found, "slow.leakage_adds[phone,given=fast]").estimate) < 0.02


def test_every_record_says_what_it_is(outcome: Outcome) -> None:
    assert len({record.id for record in outcome.results.metrics}) == len(outcome.results.metrics)
    for record in outcome.results.metrics:
        assert metric_of(record.id) and record.protocol in outcome.results.protocols
        assert math.isfinite(record.value) or "undefined" in record.note
    protocols = outcome.results.protocols
    assert "over the utterances of each language" in protocols["leakage[speaker]"]["null"]
    assert "over the speakers of each language" in protocols["leakage[gender]"]["null"]
    assert "circular-shift" in protocols["leakage[phone]"]["null"]
    assert "same given code" in protocols["leakage_adds[phone]"]["nulls"]["codes-dealt"]
    assert outcome.factors == tuple(outcome.results.coverage["factors"])
    assert outcome.results.coverage["factors"]["word"]["frames_defined"] == 1


def test_phones_are_told_as_pnmi_says(world: Spoken) -> None:
    codes = world.noisy(world.phone, len(PHONES), KEPT)
    request = world.request(world.stream("phones", codes, 8))
    found = run(replace(request, protocol=replace(QUICK, factors=("phone",), given=())), jobs=1)
    other = pnmi.run(replace(request, protocol=Protocol("centre", 4)), jobs=1).results.get("phones.pnmi")
    ours = get(found, "phones.leakage[phone]")
    assert ours.value == pytest.approx(other.value, abs=1e-12)
    assert ours.null_mean == pytest.approx(other.null_mean, abs=1e-12)
    assert ours.n == other.n
    # one number, of one meaning, by one method
    assert ours.estimate == pytest.approx(other.estimate, abs=1e-12)
    assert ours.half_width == pytest.approx(other.half_width, rel=1e-9)


def test_order_of_utterances_and_processes_change_nothing(world: Spoken) -> None:
    codes = [world.noisy(world.phone, 8, 0.5), world.noisy(world.speaker, 12, 0.5)]
    request = world.request(world.stream("a", codes[0], 8), world.stream("b", codes[1], 12))
    first = run(request, jobs=1).results.metrics
    order = np.random.default_rng(0).permutation(len(world.ids))
    ids = tuple(world.ids[i] for i in order)
    tokens = TokenStore(ids, {name: stream.take(order) for name, stream in request.tokens.streams.items()})
    manifest = request.labels.manifest
    assert manifest is not None
    turned = Manifest(manifest.root, tuple(manifest.utterances[i] for i in order))
    moved = replace(request, tokens=tokens, labels=replace(request.labels, manifest=turned))
    assert str(run(moved, jobs=1).results.metrics) == str(first)
    assert str(run(request, jobs=2).results.metrics) == str(first)


def test_streams_of_two_rates_and_joint_streams(world: Spoken) -> None:
    phones = world.stream("p", world.phone, 8)
    slow = replace(
        phones, name="slow", frame_rate=phones.frame_rate / 2, codes=phones.codes[::2], bounds=phones.bounds // 2
    )
    request = world.request(phones, world.stream("v", world.speaker, 12), slow)
    asked = replace(request, streams=("p", "v", "p+v", "slow"), protocol=replace(QUICK, factors=("phone", "speaker")))
    found = run(asked, jobs=1)
    assert get(found, "p+v.leakage[phone]").value == pytest.approx(1)
    assert get(found, "p+v.leakage[speaker]").value == pytest.approx(1)
    given = {record.id.partition("given=")[2] for record in found.results.metrics if "given=" in record.id}
    assert given == {"p]", "v]"} and found.given == ("p", "v")


def test_one_speaker_a_constant_factor_and_missing_tiers(world: Spoken) -> None:
    alone = Spoken(n_utterances=12, n_speakers=1)
    request = alone.request(alone.stream("s", alone.phone, 8), labels=alone.labels(words=False, languages=1))
    found = run(request, jobs=1)
    assert "word" not in found.factors and "position" not in found.factors
    left_out = "\n".join(found.results.warnings)
    assert "word is left out: the alignments have no tier 'words'" in left_out
    assert "f0 is left out: no audio was measured" in left_out and "one speaker only: 's00'" in left_out
    speaker = get(found, "s.leakage[speaker]")
    assert math.isnan(speaker.value) and "one speaker only: 's00'" in speaker.note and math.isnan(speaker.estimate)
    assert "its only label is 'de'" in get(found, "s.leakage[language]").note
    assert get(found, "s.leakage[phone]").value == pytest.approx(1)
    assert "utterance" in get(found, "s.leakage[phone]").note


def test_one_speaker_a_language_leaves_nothing_to_say_of_the_speaker() -> None:
    world = Spoken(n_utterances=24, n_speakers=4)
    labels = world.labels(words=False)
    assert labels.manifest is not None
    alone = tuple(replace(row, language=row.speaker) for row in labels.manifest.utterances)
    labels = replace(labels, manifest=replace(labels.manifest, utterances=alone))
    asked = replace(QUICK, factors=("speaker", "language"))
    found = run(world.request(world.stream("v", world.speaker, 4), labels=labels, protocol=asked), jobs=1)
    assert [line for line in found.results.warnings if "the same labels again" in line] == [
        "speaker: labels permuted over the utterances of each language are the same labels again: chance "
        "explains as much, so it has no number"
    ]
    assert get(found, "v.leakage[speaker]").null_mean == pytest.approx(1)


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (LeakageProtocol(factors=("word",)), "factor word: the alignments have no tier 'words'"),
        (LeakageProtocol(factors=("f0",)), "factor f0: no audio was measured"),
        (LeakageProtocol(factors=("pitch",)), "factor 'pitch' is not known; choose from phone"),
        (LeakageProtocol(class_kind="colour"), "phone classes by 'colour' are not known; choose one of manner"),
        (LeakageProtocol(given=("x",)), "--given x: there is no such stream among those scored"),
    ],
)
def test_bad_requests(world: Spoken, protocol: LeakageProtocol, words: str) -> None:
    request = world.request(world.stream("s", world.phone, 8), labels=world.labels(words=False), protocol=protocol)
    with pytest.raises(HacError, match=words.replace("(", r"\(")):
        run(request, jobs=1)


def test_without_a_manifest_or_genders(world: Spoken) -> None:
    labels = world.labels()
    assert labels.manifest is not None
    store = world.request(world.stream("s", world.phone, 8)).tokens
    bare = factor_corpus(replace(labels, manifest=None), store, FailureLog())
    assert "there is no manifest" in bare.missing["speaker"] and "phone" in bare.factors
    unnamed = Manifest(Path(), tuple(replace(u, gender=None) for u in labels.manifest.utterances))
    none = factor_corpus(replace(labels, manifest=unnamed), store, FailureLog())
    assert "add the field `gender`" in none.missing["gender"]
    with pytest.raises(HacError, match="factor gender: the manifest names no gender"):
        factor_corpus(replace(labels, manifest=unnamed), store, FailureLog(), ("gender",))


def test_where_a_phone_lies_in_its_word() -> None:
    def place(n: int) -> list[str]:
        rows = [("u", f"p{i}", 10 * i, 10 * i + 10) for i in range(n)] + [("u", "sil", 10 * n, 10 * n + 5)]
        rows += [("u", "late", 10 * n + 5, 10 * n + 9)]
        phones = tier_from_rows("phones", rows)
        word = (np.array([0, 1]), np.array([0], np.int32), np.array([0]), np.array([10 * n + 5]))
        words = Words(("u",), *word, (WordType("en", "w"),), np.empty((0, 3), np.int64))
        found = positions(phones, words).tolist()
        assert found[n:] == [-1, -1]  # silence is no phone, and the last phone lies behind the word
        return [POSITIONS[i][0] for i in found[:n]]

    assert ["".join(place(n)) for n in range(1, 7)] == ["o", "fl", "fml", "fmml", "ffmll", "ffmmll"]


def test_files_are_the_same_every_time(outcome: Outcome, tmp_path: Path) -> None:
    one = write_run(outcome.results, leakage_files(outcome), tmp_path / "one")
    two = write_run(outcome.results, leakage_files(outcome), tmp_path / "two")
    names = [path.relative_to(tmp_path / "one").as_posix() for path in one]
    figures = [f"figures/{name}.png" for name in ("leakage", "adds", "adds_least")]
    assert names == ["leakage.csv", "summary.csv", *figures, "metrics.csv", "jackknife.parquet", "results.json"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    cells = (tmp_path / "one/leakage.csv").read_text().splitlines()
    assert len(cells) == 1 + 9 * (5 + 5 * 4)
    row = next(line for line in cells if line.startswith("phones,phone,,"))
    assert row.endswith(",0") and next(line for line in cells if line.startswith("nothing,phone,,")).endswith(",1")


def test_the_table_marks_what_is_chance(outcome: Outcome) -> None:
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as capture:
        console.print(leakage_table(outcome))
    text = capture.get()
    assert "·" in text and "phone_class" in text and "What it repeats" in text and "coverage: 72 utterances" in text


def test_another_analysis_adds_its_records(world: Spoken) -> None:
    request = world.request(world.stream("s", world.phone, 8), protocol=replace(QUICK, factors=("phone",)))
    mine = Record(id="s.leakage[mine]", stream="s", estimate=1.0, value=1.0, n=1, protocol="mine")
    found = run(request, jobs=1, further=lambda corpus, streams: Extra([mine], {"mine": {}}, ["mind this"]))
    assert found.results.metrics[-1] == mine and "mine" in found.results.protocols
    assert "mind this" in found.results.warnings
