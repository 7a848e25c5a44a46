import json
import shutil
from fractions import Fraction
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.tokenizers import registry
from hac.tokenizers.base import Tokenizer, mono
from hac.tokenizers.codecs import stream_names
from hac.tokenizers.registry import load_tokenizer
from tests.hac import tiny_models

HOPS = {"dac": 512, "encodec": 320, "mimi": 1920, "xcodec": 320}
RATES = {"dac": Fraction(44100, 512), "encodec": Fraction(75), "mimi": Fraction(25, 2), "xcodec": Fraction(50)}
KINDS = sorted(HOPS)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("codecs")
    return {kind: tiny_models.save(tiny_models.codec(kind), root / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def tokenizers(folders):
    return {kind: load_tokenizer(f"{kind}:{folder}") for kind, folder in folders.items()}


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_streams_rates_and_codebooks_come_from_the_model(tokenizers, kind):
    tokenizer = tokenizers[kind]
    assert isinstance(tokenizer, Tokenizer)
    n_levels = 3 if kind == "dac" else 4
    semantic = ["semantic"] if kind == "mimi" else []
    names = semantic + [f"acoustic.{i}" for i in range(n_levels - len(semantic))]
    assert tokenizer.streams == tuple(StreamSpec(name, 16, RATES[kind]) for name in names)
    assert len(tokenizer.provenance["weights_sha256"]) == 64
    json.dumps(tokenizer.provenance)


@pytest.mark.parametrize("kind", KINDS)
def test_token_count_is_ceil_of_samples_over_hop(tokenizers, kind):
    hop = HOPS[kind]
    lengths = [0, 1, 2, hop - 1, hop, hop + 1, 2 * hop - 1, 2 * hop, 3 * hop + 7]
    for n, codes in zip(lengths, tokenizers[kind].encode([noise(n) for n in lengths]), strict=True):
        assert {len(stream) for stream in codes.values()} == {-(-n // hop)}
        assert all(stream.dtype == np.int32 for stream in codes.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_each_utterance_the_codes_it_gets_alone(tokenizers, kind):
    batch = [noise(n, seed=n) for n in (9000, 20011, 1, 9000 - 13, 0)]
    together = tokenizers[kind].encode(batch)
    for samples, codes in zip(batch, together, strict=True):
        (alone,) = tokenizers[kind].encode([samples])
        assert list(alone) == [spec.name for spec in tokenizers[kind].streams]
        for name in alone:
            np.testing.assert_array_equal(codes[name], alone[name])
    assert len(np.unique(np.concatenate([codes["acoustic.0"] for codes in together]))) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_codes_are_the_models_own(folders, tokenizers, kind):
    samples = noise(HOPS[kind] * 9)
    audio = torch.from_numpy(samples)[None, None]
    model = tiny_models.codec(kind)
    with torch.inference_mode():
        bandwidth = {"bandwidth": model.config.target_bandwidths[-1]} if kind in ("encodec", "xcodec") else {}
        codes = model.encode(audio, **bandwidth).audio_codes
    codes = (codes[0] if kind == "encodec" else codes)[0].numpy()
    (ours,) = tokenizers[kind].encode([samples])
    np.testing.assert_array_equal(np.stack(list(ours.values())), codes)


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_quantizers_are_the_first_levels(folders, tokenizers, kind):
    fewer = load_tokenizer(f"{kind}:{folders[kind]}?n_quantizers=2")
    samples = noise(6 * HOPS[kind])
    (all_levels,), (first,) = tokenizers[kind].encode([samples]), fewer.encode([samples])
    assert list(first) == list(all_levels)[:2]
    for name in first:
        np.testing.assert_array_equal(first[name], all_levels[name])


def test_bandwidth_counts_levels_as_the_model_does(folders):
    # 0.6 kbps at 75 Hz and 4 bits a code: 2 levels
    assert len(load_tokenizer(f"encodec:{folders['encodec']}?bandwidth=0.6").streams) == 2
    assert len(load_tokenizer(folders["xcodec"], bandwidth=0.4).streams) == 2


def test_a_bare_folder_names_its_kind(folders):
    tokenizer = load_tokenizer(folders["mimi"])
    assert tokenizer.provenance["kind"] == "mimi"
    assert tokenizer.name == folders["mimi"]


def test_several_semantic_levels_are_numbered():
    assert stream_names(4, 2) == ["semantic.0", "semantic.1", "acoustic.0", "acoustic.1"]
    assert stream_names(1, 1) == ["semantic"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("encodek:x", ["'encodek'", "encodec?", "mfcc-kmeans"]),
        ("dac", ["dac:WHERE"]),
        ("dac:", ["nothing behind the colon"]),
        ("dac:./nowhere", ["./nowhere", "no such folder"]),
        ("{dac}?n_quantizers=4", ["between 1 and 3"]),
        ("{dac}?n_quantizers=two", ["between 1 and 3"]),
        ("{mimi}?n_quantizers=0", ["between 1 and 4"]),
        ("{dac}?levels=1", ["'levels'", "n_quantizers"]),
        ("{dac}?n_quantizers", ["option=value"]),
        ("dac:{dac}?bandwidth=1", ["'bandwidth'", "n_quantizers"]),
        ("{encodec}?bandwidth=7", ["0.3, 0.6, 1.2 kbps"]),
        ("{encodec}?bandwidth=0.3&n_quantizers=1", ["instead of n_quantizers"]),
        ("mimi:{dac}", ["'dac'", "'mimi'"]),
        ("kmeans:{dac}", ["tokenizer.json"]),
    ],
)
def test_a_wrong_name_is_one_sentence_with_the_way_out(folders, name, words):
    with pytest.raises(HacError) as raised:
        load_tokenizer(name.format(**folders))
    assert all(word in str(raised.value) for word in words), raised.value
    assert "\n" not in str(raised.value)


def test_a_missing_device_is_one_sentence(folders):
    with pytest.raises(HacError, match="'tpu9' cannot be used"):
        load_tokenizer(folders["dac"], device="tpu9")


def test_a_folder_without_weights_is_refused(folders, tmp_path):
    shutil.copy(f"{folders['dac']}/config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle that must never be opened")
    with pytest.raises(HacError, match=r"holds no weights.*never loaded"):
        load_tokenizer(f"dac:{tmp_path}")


def test_damaged_and_foreign_weights_are_refused(folders, tmp_path):
    shutil.copytree(folders["dac"], tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(HacError, match="cannot be loaded"):
        load_tokenizer(str(tmp_path / "cut"))
    shutil.copytree(folders["dac"], tmp_path / "foreign")
    shutil.copy(f"{folders['mimi']}/model.safetensors", tmp_path / "foreign")
    with pytest.raises(HacError, match=r"lack .* tensors of a DacModel"):
        load_tokenizer(str(tmp_path / "foreign"))


def test_a_weights_index_cannot_name_files_outside_its_folder(folders, tmp_path):
    shutil.copy(f"{folders['dac']}/config.json", tmp_path)
    index = {"weight_map": {"encoder.conv1.weight": f"../{folders['dac']}/model.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(HacError, match="not in the folder"):
        load_tokenizer(f"dac:{tmp_path}")


def test_overlapping_chunks_have_no_frame_rate(folders, tmp_path):
    folder = shutil.copytree(folders["encodec"], tmp_path / "encodec48")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "chunk_length_s": 1.0, "overlap": 0.01}))
    with pytest.raises(HacError, match="no single frame rate"):
        load_tokenizer(f"encodec:{folder}")


def test_a_speech_encoder_is_no_tokenizer_yet(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "hubert"}')
    with pytest.raises(HacError, match="hac tokenizer fit kmeans"):
        load_tokenizer(str(tmp_path))


def test_the_hub_is_asked_for_json_and_safetensors_only(folders, monkeypatch, tmp_path):
    asked = {}

    commit = tmp_path / "snapshots" / ("ab12" * 10)
    shutil.copytree(folders["dac"], commit)

    def snapshot_download(repo, revision, allow_patterns):
        asked.update(repo=repo, revision=revision, patterns=allow_patterns)
        return commit

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    tokenizer = load_tokenizer("dac:someone/dac?revision=abc")
    assert (asked["repo"], asked["revision"]) == ("someone/dac", "abc")
    assert not any("bin" in pattern or "py" in pattern for pattern in asked["patterns"])
    assert tokenizer.provenance["where"] == "someone/dac"
    assert tokenizer.provenance["revision"] == commit.name


def test_an_unreachable_hub_is_one_sentence(monkeypatch):
    def snapshot_download(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(HacError, match=r"^someone/dac: no such folder here.*\(no route\)"):
        load_tokenizer("dac:someone/dac")


def test_a_plugin_adds_a_kind(monkeypatch):
    entry = EntryPoint("mine", f"{__name__}:load_mine", registry.GROUP)
    broken = EntryPoint("broken", "no.such.module:load", registry.GROUP)
    monkeypatch.setattr("hac.plugins.entry_points", lambda group: [entry, broken])
    assert registry.known_kinds()[-2:] == ["broken", "mine"]
    assert load_tokenizer("mine:here?depth=3").provenance == {"where": "here", "device": "cpu", "depth": "3"}
    with pytest.raises(HacError, match=r"plugin no\.such\.module:load cannot be imported"):
        load_tokenizer("broken:here")


class Mine:
    sample_rate = 16000
    streams = (StreamSpec("units", 2, Fraction(50)),)

    def __init__(self, provenance):
        self.name = ""
        self.provenance = provenance

    def encode(self, batch):
        return [{"units": np.zeros(len(samples) // 320, dtype=np.int32)} for samples in batch]


def load_mine(where, device, **options):
    return Mine({"where": where, "device": device, **options})


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.array([0.0, np.nan]), np.array([np.inf])])
def test_audio_must_be_mono_and_finite(bad):
    with pytest.raises(HacError):
        mono(bad)
