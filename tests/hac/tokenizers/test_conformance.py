import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hac.commands.tokenizer import app
from hac.data.audio.audio import write_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.features.mfcc import MfccFeatures
from hac.tokenizers import check_audio, kmeans
from hac.tokenizers.chunking import encode_long, grid_samples
from hac.tokenizers.conformance import check_tokenizer
from hac.tokenizers.registry import load_tokenizer


class Levels:
    """Codes are the loudness of each frame: local, exact, at any rate and with any rule for the last frame."""

    name = "levels"

    def __init__(self, sample_rate=16000, rates=(Fraction(50),), rounding="ceil"):
        self.provenance = {}
        self.sample_rate = sample_rate
        self.streams = tuple(StreamSpec(f"s{i}", 64, rate) for i, rate in enumerate(rates))
        self.rounding = rounding

    def count(self, n, rate):
        frames = n * rate / self.sample_rate
        return int(frames) if self.rounding == "floor" else -int(-frames // 1)

    def codes(self, samples, rate):
        period = self.sample_rate / rate
        edges = [round(i * period) for i in range(self.count(len(samples), rate) + 1)]
        loud = [np.abs(samples[a:b]).sum() if a < len(samples) else 0 for a, b in pairwise(edges)]
        return (np.array(loud) * 7).astype(np.int32) % 64

    def encode(self, batch):
        return [{spec.name: self.codes(samples, spec.frame_rate) for spec in self.streams} for samples in batch]


AUDIO = check_audio.generated(16000)


def broken(tokenizer):
    return {check.name for check in check_tokenizer(tokenizer, AUDIO).checks if check.status == "broken"}


@pytest.mark.parametrize("rounding", ["ceil", "floor"])
@pytest.mark.parametrize("rate", [Fraction(50), Fraction(25, 2), Fraction(16000, 512), Fraction(75)])
def test_an_honest_tokenizer_conforms(rate, rounding):
    result = check_tokenizer(Levels(rates=(rate,), rounding=rounding), AUDIO)
    assert result.conforms, [check for check in result.checks if check.status == "broken"]
    assert {check.name for check in result.checks} == {
        "streams", "deterministic", "batched = single", "rate", "lengths", "silence", "padding", "chunk count",
        "chunking",
    }  # fmt: skip
    json.dumps(result.as_dict())


class Forgetful(Levels):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def encode(self, batch):
        self.calls += 1
        return [{"s0": (item["s0"] + self.calls) % 64} for item in super().encode(batch)]


class Sociable(Levels):
    def encode(self, batch):
        longest = max(map(len, batch))
        return super().encode([np.pad(samples, (0, longest - len(samples))) for samples in batch])


class Rounded(Levels):
    """Declares 32 Hz and makes 31.25, like a frame rate rounded up."""

    def __init__(self):
        super().__init__(rates=(Fraction(32),))

    def codes(self, samples, rate):
        return super().codes(samples, Fraction(125, 4))


class Greedy(Levels):
    def codes(self, samples, rate):
        return super().codes(samples, rate) + 60


class Padded(Levels):
    def codes(self, samples, rate):
        return np.concatenate([super().codes(samples, rate), np.zeros(3, dtype=np.int32)])


class Wide(Levels):
    def codes(self, samples, rate):
        return super().codes(samples, rate).astype(np.int64)


class Afraid(Levels):
    """Cannot bear silence or tiny inputs."""

    def codes(self, samples, rate):
        if not samples.any():
            raise ZeroDivisionError("no energy")
        return super().codes(samples, rate)


class Nameless(Levels):
    def encode(self, batch):
        return [{"other": item["s0"]} for item in super().encode(batch)]


@pytest.mark.parametrize(
    ("tokenizer", "laws"),
    [
        (Forgetful(), {"deterministic", "batched = single"}),
        (Sociable(), {"batched = single"}),
        (Rounded(), {"rate"}),
        (Greedy(), {"streams"}),
        (Wide(), {"streams"}),
        (Padded(), {"lengths"}),
        (Afraid(), {"lengths", "silence"}),
        (Nameless(), {"streams"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_broken_law_is_found(tokenizer, laws):
    assert laws <= broken(tokenizer)


def test_a_broken_law_says_what_broke_it():
    (rate,) = [check for check in check_tokenizer(Rounded(), AUDIO).checks if check.name == "rate"]
    assert rate.changed > 0
    assert "32 Hz" in rate.detail


# chunking


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 9000),
    chunk_ms=st.integers(1, 300),
    context_ms=st.integers(0, 200),
    rates=st.lists(
        st.sampled_from([Fraction(50), Fraction(25, 2), Fraction(16000, 512), Fraction(75)]), min_size=1, max_size=2
    ),
    rounding=st.sampled_from(["ceil", "floor"]),
    cuts=st.lists(st.integers(0, 9000), max_size=5),
)
def test_chunks_of_a_local_tokenizer_equal_the_whole(n, chunk_ms, context_ms, rates, rounding, cuts):
    tokenizer = Levels(rates=tuple(rates), rounding=rounding)
    samples = np.random.default_rng(n).normal(size=n).astype(np.float32)
    blocks = np.split(samples, sorted(min(cut, n) for cut in cuts))
    chunked = encode_long(tokenizer, iter(blocks), chunk_ms / 1000, context_ms / 1000)
    (whole,) = tokenizer.encode([samples])
    assert chunked.keys() == whole.keys()
    for name in whole:
        assert chunked[name].dtype == np.int32
        np.testing.assert_array_equal(chunked[name], whole[name])


def test_windows_are_bounded_and_short_audio_is_encoded_whole():
    tokenizer = Levels()
    seen = []
    inner = tokenizer.codes
    tokenizer.codes = lambda samples, rate: (seen.append(len(samples)), inner(samples, rate))[1]
    encode_long(tokenizer, (np.zeros(1600, dtype=np.float32) for _ in range(600)), chunk_s=5.0, context_s=1.0)
    assert max(seen) <= 7 * 16000 + 1600
    assert len(seen) == 12
    seen.clear()
    encode_long(tokenizer, np.zeros(5 * 16000 + 1, dtype=np.float32), chunk_s=5.0, context_s=1.0)
    assert seen == [5 * 16000 + 1]


def test_the_grid_is_where_all_streams_start_a_token():
    rates = (Fraction(50), Fraction(25, 2), Fraction(75))
    assert grid_samples(Levels(24000, rates)) == 1920
    assert grid_samples(Levels(44100, (Fraction(44100, 512),))) == 512
    # 16000 / 75 = 640 / 3: three tokens every 640 samples
    assert grid_samples(Levels(16000, (Fraction(75),))) == 640


@pytest.mark.parametrize(("chunk_s", "context_s"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -0.1), (float("nan"), 1.0)])
def test_senseless_chunks_are_refused(chunk_s, context_s):
    with pytest.raises(HacError, match="chunks of"):
        encode_long(Levels(), np.zeros(10, dtype=np.float32), chunk_s, context_s)


# the command


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    root = tmp_path_factory.mktemp("units")
    rows = []
    for index, samples in enumerate(AUDIO):
        write_audio(root / f"{index}.wav", samples, 16000)
        rows.append(Utterance(str(index), f"{index}.wav", len(samples) / 16000))
    (root / "manifest.jsonl").write_text(
        "".join(json.dumps({"id": r.id, "path": r.path, "duration": r.duration}) + "\n" for r in rows)
    )
    fitted = kmeans.fit("mfcc-kmeans", Manifest(root, tuple(rows)), MfccFeatures(), 10)
    kmeans.save(fitted, root / "mfcc10")
    return root


def test_mfcc_kmeans_conforms_and_no_token_moves_with_padding_or_chunks(units):
    result = check_tokenizer(load_tokenizer(str(units / "mfcc10")), AUDIO)
    assert result.conforms
    changed = {check.name: check.changed for check in result.checks}
    assert changed["padding"] <= 3 * len(AUDIO)  # only frames whose window reaches the end
    assert changed["chunking"] == 0


def test_check_prints_a_table_and_json(units):
    name, manifest = str(units / "mfcc10"), str(units / "manifest.jsonl")
    result = CliRunner().invoke(app, ["check", name], catch_exceptions=False)
    assert result.exit_code == 0
    assert "batched = single" in result.stdout and "conforms" in result.stdout
    result = CliRunner().invoke(app, ["check", name, "--json", "--manifest", manifest], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["conforms"] is True
    assert {check["status"] for check in found["checks"]} == {"kept", "seen"}


def test_check_exits_with_1_when_a_law_is_broken(monkeypatch):
    monkeypatch.setattr("hac.tokenizers.registry.load_tokenizer", lambda *_: Sociable())
    assert CliRunner().invoke(app, ["check", "any"]).exit_code == 1


def test_list_names_every_kind():
    result = CliRunner().invoke(app, ["list"], catch_exceptions=False)
    assert result.exit_code == 0
    for kind in ("hac", "dac", "encodec", "mimi", "xcodec", "kmeans", "mfcc-kmeans"):
        assert kind in result.stdout


def test_default_audio_is_generated_without_the_wheel(monkeypatch):
    monkeypatch.setattr(check_audio, "find_spec", lambda name: None)
    audio, source = check_audio.default_audio(24000)
    assert "generated" in source
    assert len(audio) == 3 and len({len(samples) for samples in audio}) == 3
    assert all(samples.dtype == np.float32 and np.abs(samples).max() < 10 for samples in audio)


def test_manifest_audio_skips_the_unusable_and_needs_one(units):
    gone = Utterance("gone", "gone.wav", 1.0)
    manifest = Manifest(units, (gone, replace(gone, id="0", path="0.wav")))
    assert len(check_audio.from_manifest(manifest, 16000)) == 1
    with pytest.raises(HacError, match="no recording of the manifest can be used"):
        check_audio.from_manifest(Manifest(units, (gone,)), 16000)
