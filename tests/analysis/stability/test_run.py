"""Stability on a tokenizer that can be seen through: no change is 0, chance is chance, a whole hop moves tokens."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from analysis.inputs.corpus import without_alignments
from analysis.inputs.request import Request
from analysis.stability import perturbed_tokens
from analysis.stability.perturbations import Perturbation
from analysis.stability.perturbed_tokens import Plan, Variant, chosen, make_tokens
from analysis.stability.run import METRICS, Outcome, StabilityProtocol, nearest_frame, run
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.stream_options import StreamSpec
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog, HacError
from reports.render.result_files import write_run
from reports.stability.files import stability_files
from tests.analysis.laws import check
from tests.probes.tokens import oracles
from tests.strategies import bounds

RATE, HOP, K = 8000, 80, 16
QUICK = StabilityProtocol(n_nulls=4)
SAME = Perturbation("gain+0dB", "gain", "0")


class Levels:
    """A tokenizer and its decoder: a frame's token is its mean in sixteenths of full scale, and becomes such a mean."""

    name = "levels:made-up"
    sample_rate = RATE
    hop_samples = HOP
    context = None
    weights_sha256 = "0" * 64
    streams = (StreamSpec("units", K, Fraction(RATE, HOP)),)
    provenance: Mapping[str, Any] = {"of": "tests"}

    def encode(self, batch: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        means = (s[: len(s) // HOP * HOP].reshape(-1, HOP).mean(axis=1) for s in batch)
        return [{"units": np.clip(np.floor(each * K), 0, K - 1).astype(np.int32)} for each in means]

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        return ("units",)

    def decode(self, streams: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.repeat((streams["units"] + 0.5) / K, HOP).astype(np.float32)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve recordings of about a second, each a row of steps of the levels."""
    root, rng = tmp_path_factory.mktemp("steps"), np.random.default_rng(0)
    utterances = []
    for i in range(12):
        steps = rng.integers(0, K, 60 + 3 * i).repeat(2)
        samples = np.repeat((steps + rng.uniform(0.1, 0.9, len(steps))) / K, HOP).astype(np.float32)
        soundfile.write(root / f"{i}.wav", samples, RATE, subtype="FLOAT")
        utterances.append(Utterance(f"u{i:02d}", f"{i}.wav", len(samples) / RATE, "s", "en" if i % 2 else "de"))
    return Manifest(root, tuple(utterances))


def measure(manifest: Manifest, folder: Path, *names: str, log: FailureLog | None = None, **plan: Any) -> Outcome:
    signal, reencode = chosen(names)
    signal = plan.pop("signal", signal)
    log = FailureLog() if log is None else log
    whole = Plan(Levels(), signal, reencode, decoders={"levels:made-up": Levels()}, **plan)
    clean, variants = make_tokens(manifest, whole, folder, device="cpu", jobs=1, failures=log)
    return run(Request(clean, without_alignments(manifest), QUICK, failures=log), variants, jobs=1)


@pytest.fixture(scope="module")
def outcome(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return measure(manifest, tmp_path_factory.mktemp("tokens"))


def test_no_perturbation_is_no_distance(manifest: Manifest, tmp_path: Path) -> None:
    found = measure(manifest, tmp_path, "reencode", signal=(SAME,)).results
    for name in ("reencode", "gain+0dB"):
        assert found.get(f"units.ued[{name}]").value == 0
        assert found.get(f"units.frame_ued[{name}]").value == 0
        agree = found.get(f"units.frame_agreement[{name}]")
        assert (agree.value, agree.estimate) == (1, 1)
        assert found.get(f"units.ued[{name}]").null_mean > 0.7


def test_every_record_holds(outcome: Outcome) -> None:
    check(outcome.results.metrics)


def test_a_whole_hop_moves_tokens_and_changes_none(outcome: Outcome) -> None:
    found = outcome.results
    assert found.get("units.frame_agreement[shift-1]").value == 1
    edges = found.get("units.frame_ued[shift-1]")
    assert edges.value == pytest.approx(12 / found.streams["units"].n_frames)
    assert found.get("units.frame_agreement[shift-1/4]").value < 1


def test_distances_are_sums_of_the_slow_loop(outcome: Outcome, tmp_path: Path) -> None:
    write_run(outcome.results, stability_files(outcome), tmp_path)
    rows = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    for name in ("gain-6dB", "noise-white-10dB"):
        mine = [row for row in rows if row["perturbation"] == name]
        assert len(mine) == 12
        value = outcome.results.get(f"units.ued[{name}]").value
        assert value == pytest.approx(sum(r["unit_edits"] for r in mine) / sum(r["units"] for r in mine))
        agree = outcome.results.get(f"units.frame_agreement[{name}]").value
        assert agree == pytest.approx(sum(r["equal"] for r in mine) / sum(r["compared"] for r in mine))
    speed = [row for row in rows if row["perturbation"] == "speed-1.05"]
    assert {row["equal"] for row in speed} == {None}
    assert all(row["unit_edits"] is not None for row in speed)


def store(codes: Sequence[Sequence[int]]) -> TokenStore:
    flat = np.array([code for each in codes for code in each], np.int32)
    stream = Stream("units", K, Fraction(RATE, HOP), flat, bounds([len(each) for each in codes]))
    return TokenStore(tuple(f"u{i:02d}" for i in range(len(codes))), {"units": stream}, {})


def compared(clean: Sequence[Sequence[int]], other: Sequence[Sequence[int]], **changes: Any) -> Outcome:
    variant = replace(Variant("made-up", store(other), Fraction(0), True), **changes)
    request = Request(store(clean), without_alignments(None), StabilityProtocol(n_nulls=10))
    return run(request, [variant], jobs=1)


def random_codes(seed: int, n: int = 24) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, K, 30 + i).repeat(2).tolist() for i in range(n)]


def test_independent_tokens_are_their_null() -> None:
    found = compared(random_codes(0), random_codes(1)).results
    for metric in METRICS:
        record = found.get(f"units.{metric}[made-up]")
        assert abs(record.value - record.null_mean) < 5 * record.null_sd, metric
        assert record.null_sd > 0


def test_values_are_those_of_the_slow_loop_and_follow_their_direction() -> None:
    a, b = random_codes(0), [[*codes[3:], 1, 2] for codes in random_codes(0)]
    one, other = compared(a, b).results, compared(b, a).results
    pairs = [(oracles.units(x), oracles.units(y)) for x, y in zip(a, b, strict=True)]
    n_edits = sum(oracles.levenshtein(x, y) for x, y in pairs)
    assert one.get("units.ued[made-up]").value == pytest.approx(n_edits / sum(len(x) for x, _ in pairs))
    assert other.get("units.ued[made-up]").value == pytest.approx(n_edits / sum(len(y) for _, y in pairs))


def test_stretching_tokens_costs_nothing_without_repeats() -> None:
    clean = random_codes(0)
    found = compared(clean, [[code for code in codes for _ in (0, 1)] for codes in clean], keeps_time=False).results
    assert found.get("units.ued[made-up]").value == 0
    assert found.get("units.frame_ued[made-up]").value == 1
    record = found.get("units.frame_agreement[made-up]")
    assert math.isnan(record.value)
    assert "tempo" in record.note


def test_the_lag_of_frames_is_the_nearest_one() -> None:
    quarters = [nearest_frame(Fraction(i, 4)) for i in range(6)]
    assert quarters == [0, 0, 0, 1, 1, 1]
    clean = random_codes(0)
    found = compared(clean, [codes[1:] for codes in clean], lag_s=Fraction(HOP, RATE)).results
    assert found.get("units.frame_agreement[made-up]").value == 1


def test_an_utterance_without_perturbed_tokens_is_left_out_and_said() -> None:
    clean = random_codes(0)
    outcome = compared(clean, clean[:-1])
    assert outcome.compared[0].actual[-1] is None
    assert outcome.compared[0].reasons[-1] == "no-tokens-perturbed"
    assert "no-tokens-perturbed" in outcome.results.get("units.ued[made-up]").note


def test_one_utterance_has_no_null() -> None:
    record = compared(random_codes(0, 1), random_codes(0, 1)).results.get("units.ued[made-up]")
    assert record.value == 0
    assert math.isnan(record.null_mean)
    assert "no null" in record.note


def test_what_was_made_is_not_made_again(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = measure(manifest, tmp_path, "gain", "reencode")
    monkeypatch.setattr(Levels, "encode", lambda *_: pytest.fail("encoded again"))
    again = measure(manifest, tmp_path, "gain", "reencode")
    assert again.results.metrics == first.results.metrics


def test_long_utterances_and_codecs_that_do_not_decode_are_counted(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perturbed_tokens, "MAX_S", 1.7)
    log = FailureLog()
    found = measure(manifest, tmp_path, "reencode", log=log, codecs=("mfcc-kmeans:nowhere",)).results
    assert found.failures["too-long"] > 0
    assert found.failures["perturbation-left-out"] == 1
    assert any("codec-mfcc-kmeans:nowhere is left out" in warning for warning in found.warnings)
    assert found.coverage["perturbations"] == ["reencode"]
    monkeypatch.setattr(perturbed_tokens, "MAX_S", 0.1)
    with pytest.raises(HacError, match="every utterance"):
        measure(manifest, tmp_path, "reencode")


def test_perturbations_are_chosen_by_name_and_kind() -> None:
    every, reencode = chosen([])
    assert (len(every), reencode) == (18, True)
    some, reencode = chosen(["noise-white-20dB", "gain"])
    assert [each.name for each in some] == ["noise-white-20dB", "gain-12dB", "gain-6dB", "gain+6dB"]
    assert not reencode
    with pytest.raises(HacError, match="no perturbation 'reverb'"):
        chosen(["reverb"])


def test_a_run_leaves_the_same_files_twice(outcome: Outcome, tmp_path: Path) -> None:
    written = [write_run(outcome.results, stability_files(outcome), tmp_path / name) for name in "ab"]
    for a, b in zip(*written, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert [path.name for path in written[0]] == [
        "stability.csv",
        "rows.parquet",
        "stability.png",
        "metrics.csv",
        "jackknife.parquet",
        "results.json",
    ]
    assert any(record.group == "language=de" for record in outcome.results.metrics)
