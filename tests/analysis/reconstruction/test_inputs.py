"""What goes into a reconstruction run: other people's files, decoded tokens, VERSA's scores, bit rates."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from analysis.reconstruction.bit_rates import Rates
from analysis.reconstruction.inputs import coded_conditions, condition_name, given_conditions, material
from analysis.reconstruction.versa import read_versa
from hac.coding.decoded_audio import safe_name
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.stream_options import StreamSpec
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog, HacError
from tests.hac.fake_decoder import HOP, RATE, Steps


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.full(800, 0.1), RATE)
    return path


def manifest_of(folder: Path, ids: Iterable[str]) -> Manifest:
    names = {id: f"audio/{i}.wav" for i, id in enumerate(ids)}
    for name in names.values():
        touch(folder / name)
    return Manifest(folder, tuple(Utterance(id, name, 0.1) for id, name in names.items()))


IDS = ("a", "b/c", "ü 1", "d.e")


def test_files_are_found_by_id_by_safe_name_and_in_folders(tmp_path: Path) -> None:
    for name in ("a.wav", "b/c.flac", f"{safe_name('ü 1')}.wav", "d.e.ogg", "stranger.wav"):
        touch(tmp_path / "given" / name)
    (found,) = given_conditions({"x": tmp_path / "given"}, IDS)
    assert {id: path.name for id, path in found.files.items()} == {
        "a": "a.wav",
        "b/c": "c.flac",
        "ü 1": f"{safe_name('ü 1')}.wav",
        "d.e": "d.e.ogg",
    }


def test_a_manifest_lists_files(tmp_path: Path) -> None:
    listed = manifest_of(tmp_path, IDS)
    write_manifest(listed, tmp_path / "manifest.jsonl")
    for place in (tmp_path, tmp_path / "manifest.jsonl"):
        (found,) = given_conditions({"x": place}, IDS)
        assert found.files["b/c"] == (tmp_path / "audio" / "1.wav").resolve()


def test_two_files_of_one_utterance_are_refused(tmp_path: Path) -> None:
    for name in ("one/a.wav", "two/a.wav"):
        touch(tmp_path / name)
    with pytest.raises(HacError, match="could both be of utterance 'a'"):
        given_conditions({"x": tmp_path}, IDS)


def test_only_what_all_conditions_have_is_compared(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, IDS)
    for name in ("x/a.wav", "x/d.e.wav", "y/d.e.wav"):
        touch(tmp_path / name)
    failures = FailureLog()
    conditions = given_conditions({name: tmp_path / name for name in "xy"}, IDS)
    found = material(manifest, conditions, failures)
    assert found.manifest.ids == ("d.e",)
    assert found.n_in_manifest == 4
    assert failures.by_reason() == {"reconstruction-missing": 3}
    with pytest.raises(HacError, match="no utterance of the manifest"):
        material(manifest_of(tmp_path / "other", ["q"]), conditions, FailureLog())


@pytest.mark.parametrize("names", [("reference",), ("x[1]",), ("x", "x"), ("a,b",), ("",), ()])
def test_names_that_would_be_mistaken(tmp_path: Path, names: tuple[str, ...]) -> None:
    from analysis.reconstruction.inputs import Condition

    touch(tmp_path / "a.wav")
    conditions = [Condition(name, {"a": tmp_path / "a.wav"}) for name in names]
    with pytest.raises(HacError, match=r"expected a name|two conditions|nothing to compare"):
        material(manifest_of(tmp_path, IDS), conditions, FailureLog())


# codecs


@dataclass
class Layers(Steps):
    """A decoder with three quantizers and a phonetic stream."""

    streams: tuple[StreamSpec, ...] = tuple(
        StreamSpec(name, 16, Fraction(RATE, HOP)) for name in ("acoustic.0", "acoustic.1", "acoustic.2", "phonetic")
    )

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        depth = n_quantizers or sum(name.startswith("acoustic") for name in present)
        if not 1 <= depth <= 3:
            raise HacError(f"{depth} quantizers")
        heard = set(levels or ("acoustic", "phonetic"))
        acoustic = [f"acoustic.{k}" for k in range(depth)] if "acoustic" in heard else []
        return (*acoustic, *(["phonetic"] if "phonetic" in heard else []))


def coded(folder: Path, n_layers: int = 3) -> tuple[Path, Manifest]:
    rng = np.random.default_rng(0)
    bounds = np.array([0, 10, 20], np.int64)
    names = [*(f"acoustic.{k}" for k in range(n_layers)), "phonetic"]
    streams = {
        name: Stream(name, 16, Fraction(RATE, HOP), rng.integers(0, 16, 20).astype(np.int32), bounds) for name in names
    }
    write_tokens(TokenStore(("a", "b"), streams, {}), folder / "tokens.parquet")
    return folder / "tokens.parquet", manifest_of(folder, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("levels", "depths", "n_layers", "names"),
    [
        (None, None, 3, ["rvq-1", "rvq-2", "rvq-3"]),
        (None, None, 2, ["rvq-1", "rvq-2"]),
        (None, [3, 1], 3, ["rvq-3", "rvq-1"]),
        (["phonetic"], None, 3, ["phonetic"]),
        (["acoustic", "phonetic"], [2], 3, ["rvq-2+phonetic"]),
    ],
)
def test_every_number_of_quantizers_is_a_condition(
    tmp_path: Path, levels: list[str] | None, depths: list[int] | None, n_layers: int, names: list[str]
) -> None:
    tokens, manifest = coded(tmp_path, n_layers)
    log = tmp_path / "log"
    arguments = {"levels": levels, "depths": depths, "device": "cpu", "jobs": 1, "failures": FailureLog()}
    found = coded_conditions(tokens, Layers(log), manifest, tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert [condition.name for condition in found] == names
    assert all(condition.tokens is not None and condition.tokens.ids == ("a", "b") for condition in found)
    assert set(found[0].files) == {"a", "b"}
    n_calls = len(Layers(log).calls())
    coded_conditions(tokens, Layers(log), manifest, tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert len(Layers(log).calls()) == n_calls


def test_tokens_of_another_corpus_are_refused(tmp_path: Path) -> None:
    tokens, _ = coded(tmp_path)
    other = manifest_of(tmp_path / "other", ("x",))
    with pytest.raises(HacError, match="no utterance of the tokens is in the manifest"):
        coded_conditions(
            tokens,
            Layers(tmp_path / "log"),  # type: ignore[arg-type]
            other,
            tmp_path / "out",
            levels=None,
            depths=None,
            device="cpu",
            jobs=1,
            failures=FailureLog(),
        )


def test_names_of_conditions() -> None:
    assert condition_name(3, None) == "rvq-3"
    assert condition_name(3, ["acoustic", "lexical"]) == "rvq-3+lexical"
    assert condition_name(None, ["phonetic", "lexical"]) == "phonetic+lexical"
    assert condition_name(None, None) == "all"


# bit rates


def test_rates_are_sums_over_streams() -> None:
    rng = np.random.default_rng(1)
    bounds = np.arange(0, 2001, 100).astype(np.int64)
    streams = {
        "acoustic.0": Stream("acoustic.0", 1024, Fraction(50), rng.integers(0, 4, 2000).astype(np.int32), bounds),
        "phonetic": Stream("phonetic", 64, Fraction(25), rng.integers(0, 1, 1000).astype(np.int32), bounds // 2),
    }
    ids = [f"utt-{i}" for i in range(20)]
    rates = Rates(TokenStore(tuple(ids), streams), ids, ["en"] * 20, [None] * 20)
    found = {kind: value.value() for kind, value in rates.ratios(["acoustic.0", "phonetic"]).items()}
    assert found["nominal"] == pytest.approx((10 * 50 + 6 * 25) / 1000)
    assert found["order-0"] == pytest.approx(2 * 50 / 1000, rel=0.01)
    assert found["order-0"] < found["order-0,held-out"] < 1.6 * found["order-0"]
    assert found["order-1"] <= found["order-0"] + 1e-9
    assert rates.ratios(["phonetic"])["order-1"].value() == 0


def test_utterances_without_tokens_have_no_rate() -> None:
    bounds = np.arange(0, 101, 10).astype(np.int64)
    codes = np.random.default_rng(1).integers(0, 16, 100).astype(np.int32)
    store = TokenStore(tuple("abcdefghij"), {"units": Stream("units", 16, Fraction(50), codes, bounds)})
    ids = ["c", "x", "a"]
    found = Rates(store, ids, ["en"] * 3, [None] * 3).ratios(["units"])
    assert found["nominal"].value() == pytest.approx(0.2)
    assert found["nominal"].undefined() == {"the tokens lack it": 1}
    assert np.isfinite(found["nominal"].numerators).tolist() == [True, False, True]
    same = Rates(store, ["c", "a"], ["en"] * 2, [None] * 2).ratios(["units"])
    assert found["order-0"].value() == same["order-0"].value()
    with pytest.raises(HacError, match="none of the utterances"):
        Rates(store, ["x"], ["en"], [None])


def test_one_utterance_cannot_be_held_out() -> None:
    bounds = np.array([0, 10], np.int64)
    stream = Stream("units", 4, Fraction(50), np.arange(10, dtype=np.int32) % 4, bounds)
    found = Rates(TokenStore(("a",), {"units": stream}), ["a"], [None], [None]).ratios(["units"])
    assert math.isnan(found["order-0,held-out"].value())
    assert found["order-0,held-out"].undefined() == {"too few utterances to code one half by the other": 1}
    assert found["nominal"].value() == pytest.approx(0.1)


# VERSA


def versa(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_versa_is_read_under_its_own_names(tmp_path: Path) -> None:
    rows = [
        {"key": "a", "pesq": 2.0, "espnet_wer_equal": 8, "espnet_wer_delete": 1, "espnet_wer_insert": 0},
        {"key": "b", "pesq": 3.0, "espnet_wer_equal": 1, "espnet_wer_delete": 0, "espnet_wer_insert": 3},
    ]
    for row, replaced in zip(rows, (1, 0), strict=True):
        row |= {"espnet_wer_replace": replaced, "espnet_hyp_text": "some words", "ok": True, "dns_overall": math.nan}
    failures = FailureLog()
    lines = [*(json.dumps(row) for row in rows), "", json.dumps({"key": "z", "pesq": 1})]
    found = read_versa(versa(tmp_path / "v", *lines), ["a", "b", "c"], failures)
    assert list(found) == ["dns_overall", "espnet_wer", "pesq"]
    assert found["pesq"].value() == 2.5
    assert found["pesq"].undefined() == {"versa-missing": 1}
    assert found["espnet_wer"].value() == pytest.approx(5 / 11)
    assert math.isnan(found["dns_overall"].value())
    assert failures.by_reason() == {"versa-unknown": 1}


def test_an_integer_beyond_all_floats_is_no_score(tmp_path: Path) -> None:
    found = read_versa(versa(tmp_path / "v", f'{{"key": "a", "pesq": {10**400}, "stoi": 1}}'), ["a"], FailureLog())
    assert found["pesq"].undefined() == {"versa-no-number": 1}
    assert found["stoi"].value() == 1


def test_what_older_versions_printed_is_read(tmp_path: Path) -> None:
    path = versa(tmp_path / "v", "{'key': 'a', 'stoi': 0.9, 'f0corr': nan, 'text': 'it is: nan'}")
    found = read_versa(path, ["a"], FailureLog())
    assert found["stoi"].value() == 0.9
    assert list(found) == ["stoi"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["[1, 2]"], "line 1: expected an object"),
        (['{"pesq": 1}'], "line 1: expected an object with a text 'key'"),
        (["pesq: 1"], "line 1"),
        (['{"key": "a"}', '{"key": "a"}'], "line 2: utterance 'a' is scored twice"),
        (['{"key": "q"}'], "no line is of an utterance compared here"),
        ([""], "no line is of an utterance"),
        (["{'key': 'a', 3: 0.5}"], "line 1: expected an object"),
        (["{'key': __import__('os').getcwd()}"], "line 1"),
    ],
)
def test_files_that_are_not_versas(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(HacError, match=says):
        read_versa(versa(tmp_path / "v", *lines), ["a"], FailureLog())
    with pytest.raises(HacError, match="no such file"):
        read_versa(tmp_path / "none", ["a"], FailureLog())
