import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hac.commands.tokenizer import app
from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from hac.features.mfcc import MfccFeatures
from hac.features.speech_encoder import load_encoder
from hac.tokenizers import kmeans, kmeans_fit
from hac.tokenizers.kmeans_fit import FrameReservoir, fit_centroids, nearest_centroid
from hac.tokenizers.registry import load_tokenizer
from tests.hac import tiny_models


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Six recordings of sounds that change, 1 to 2 s each, at 16 and 22.05 kHz."""
    root = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    utterances = []
    for index in range(6):
        rate = (16000, 22050)[index % 2]
        time = np.arange(int(rate * (1 + index / 6))) / rate
        pitch = 100 * (1 + index) * (1 + np.sin(3 * time))
        wave = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate) + random.normal(0, 0.01, len(time))
        soundfile.write(root / f"{index}.wav", wave, rate)
        utterances.append(Utterance(f"u{index}", f"{index}.wav", round(len(time) / rate, 6)))
    manifest = Manifest(root, tuple(utterances))
    write_manifest(manifest, root / "manifest.jsonl")
    return read_manifest(root / "manifest.jsonl")


@pytest.fixture(scope="module")
def fitted(corpus):
    return kmeans.fit("mfcc-kmeans", corpus, MfccFeatures(), 20, seed=3)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("units") / "mfcc20"
    kmeans.save(fitted, folder)
    return folder


# MFCC


@pytest.mark.parametrize("n", [0, 1, 79, 80, 159, 160, 239, 240, 399, 400, 16000, 16079, 16080])
def test_mfcc_frames_are_half_hops_rounded(n):
    features = MfccFeatures().extract(np.zeros(n, dtype=np.float32))
    assert features.shape == ((n + 80) // 160, 39)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_mfcc_frame_is_centred_in_its_interval():
    # a click in the middle of frame 50's interval: energy is symmetric around that frame
    wave = np.zeros(16000, dtype=np.float32)
    wave[50 * 160 + 80] = 1.0
    energy = MfccFeatures().extract(wave)[:, 0].astype(float)
    assert energy.argmax() == 50
    assert energy[49] == pytest.approx(energy[51], abs=0.5)
    assert energy[47] == energy[53] == energy[0]


def test_mfcc_deltas_are_five_point_regressions():
    features = MfccFeatures().extract(np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32))
    static, delta, delta2 = np.split(features.astype(float), 3, axis=1)

    def slope(track, t):
        near = [track[min(max(t + n, 0), len(track) - 1)] for n in (-2, -1, 0, 1, 2)]
        return np.polyfit([-2, -1, 0, 1, 2], np.stack(near), 1)[0]

    for t in (0, 1, 20, len(static) - 1):
        np.testing.assert_allclose(delta[t], slope(static, t), atol=2e-5)
        np.testing.assert_allclose(delta2[t], slope(delta, t), atol=2e-5)


# clustering


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 50), st.integers(0, 3))
def test_reservoir_keeps_each_frame_at_most_once_and_as_many_as_fit(sizes, max_frames, seed):
    frames = np.arange(sum(sizes), dtype=np.float32)[:, None]
    reservoir = FrameReservoir(1, max_frames, seed)
    for block in np.split(frames, np.cumsum(sizes)[:-1]) if sizes else []:
        reservoir.add(block)
    sample = reservoir.sample()[:, 0]
    assert len(sample) == min(len(frames), max_frames)
    assert len(set(sample)) == len(sample)
    if len(frames) <= max_frames:
        np.testing.assert_array_equal(sample, frames[:, 0])


def test_reservoir_is_uniform():
    frames = np.arange(100, dtype=np.float32)[:, None]
    counts = np.zeros(100)
    for seed in range(2000):
        reservoir = FrameReservoir(1, 20, seed)
        for block in np.array_split(frames, 7):
            reservoir.add(block)
        counts[reservoir.sample()[:, 0].astype(int)] += 1
    # binomial(2000, .2): sd 17.9
    assert abs(counts - 400).max() < 5 * 17.9


def test_nearest_centroid_equals_a_slow_loop():
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 5)).astype(np.float32)
    centroids = random.normal(size=(11, 5)).astype(np.float32)
    points = centroids.astype(float)
    slow = [min(range(11), key=lambda k, x=x: sum((x - points[k]) ** 2)) for x in features.astype(float)]
    np.testing.assert_array_equal(nearest_centroid(features, centroids), slow)


def test_ties_go_to_the_lowest_index():
    centroids = np.array([[1.0], [0.0], [0.0]], dtype=np.float32)
    assert nearest_centroid(np.zeros((3, 1), dtype=np.float32), centroids).tolist() == [1, 1, 1]


def test_fit_finds_separate_clusters_and_repeats_itself():
    random = np.random.default_rng(0)
    centers = random.normal(size=(8, 3)) * 100
    frames = (centers[random.integers(0, 8, 4000)] + random.normal(size=(4000, 3))).astype(np.float32)
    first, again = fit_centroids(frames, 8, seed=1), fit_centroids(frames, 8, seed=1)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != fit_centroids(frames, 8, seed=2).tobytes()
    for center in centers:
        assert np.linalg.norm(first - center, axis=1).min() < 1


def test_too_few_frames_and_nan_are_refused():
    with pytest.raises(HacError, match=r"k = 9 clusters need at least 9 frames.*gave 8"):
        fit_centroids(np.zeros((8, 2), dtype=np.float32), 9, seed=0)
    with pytest.raises(HacError, match="NaN"):
        fit_centroids(np.full((8, 2), np.nan, dtype=np.float32), 2, seed=0)


# the tokenizer


def test_saved_and_loaded_is_the_same_tokenizer(fitted, folder, corpus):
    tokenizer = load_tokenizer(f"mfcc-kmeans:{folder}")
    (spec,) = tokenizer.streams
    assert (spec.name, spec.codebook_size, spec.frame_rate) == ("units", 20, Fraction(100))
    samples = np.random.default_rng(0).normal(0, 0.1, 20000).astype(np.float32)
    (codes,) = tokenizer.encode([samples])
    np.testing.assert_array_equal(codes["units"], nearest_centroid(MfccFeatures().extract(samples), fitted.centroids))
    assert tokenizer.provenance["manifest_sha256"] == corpus.sha256
    assert tokenizer.provenance["seed"] == 3
    assert load_tokenizer(str(folder)).streams == tokenizer.streams


def test_same_seed_same_bytes(corpus, fitted, folder, tmp_path):
    kmeans.save(kmeans.fit("mfcc-kmeans", corpus, MfccFeatures(), 20, seed=3), tmp_path)
    for name in ("tokenizer.json", "centroids.safetensors"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_bounded_sample_is_recorded(corpus):
    small = kmeans.fit("mfcc-kmeans", corpus, MfccFeatures(), 5, max_frames=100)
    assert small.record["n_frames_fitted"] == 100
    assert small.record["n_frames"] == sum(round(u.duration * 100) for u in corpus.utterances)


def test_the_number_of_starts_is_recorded_and_the_best_is_gone_on_with(corpus):
    one, many = (kmeans.fit("mfcc-kmeans", corpus, MfccFeatures(), 20, seed=3, n_starts=n) for n in (1, 20))
    assert (one.record["n_starts"], many.record["n_starts"]) == (1, 20)
    assert one.centroids.tobytes() != many.centroids.tobytes()
    frames = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)

    def inertia(n_starts: int) -> float:
        start = kmeans_fit._best_start(frames, 12, 0, n_starts).astype(float)
        return float(((frames[:, None] - start) ** 2).sum(-1).min(1).sum())

    # the first seeds are the same, and the sample that starts are judged by is as large as the whole
    values = [inertia(n) for n in (1, 3, 20)]
    assert values[0] >= values[1] >= values[2] and values[0] > values[2]


def test_unusable_recordings_are_counted(corpus):
    gone = Manifest(corpus.root, (*corpus.utterances, Utterance("gone", "gone.wav", 1.0)))
    failures = FailureLog()
    fitted = kmeans.fit("mfcc-kmeans", gone, MfccFeatures(), 5, failures=failures)
    assert failures.by_reason() == {"audio-missing": 1}
    assert fitted.record["n_failures"] == 1
    with pytest.raises(HacError, match="gone"):
        kmeans.fit("mfcc-kmeans", gone, MfccFeatures(), 5, failures=FailureLog(strict=True))
    with pytest.raises(HacError, match="none of the manifest's 1 recordings"):
        kmeans.fit("mfcc-kmeans", Manifest(corpus.root, gone.utterances[-1:]), MfccFeatures(), 5)


def test_mfcc_kmeans_encodes_without_torch(folder):
    program = (
        "import sys, numpy as np\n"
        "from hac.tokenizers.registry import load_tokenizer\n"
        f"codes = load_tokenizer('mfcc-kmeans:{folder}').encode([np.zeros(1600, dtype=np.float32)])\n"
        "assert len(codes[0]['units']) == 10\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "centroids.safetensors").unlink(), "holds no centroids"),
        (lambda folder: (folder / "centroids.safetensors").write_bytes(b"x"), "not the file"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]"), "expected a JSON object"),
        (lambda folder: (folder / "tokenizer.json").write_text('{"kind": "mfcc-kmeans"}'), "another program's"),
        (lambda folder: change(folder, version=2), "version 2, expected 1"),
        (lambda folder: change(folder, frame_rate="50"), "fitted at 50 frames/s"),
        (lambda folder: change(folder, k=21), r"expected \(21, 39\)"),
        (lambda folder: change(folder, features=None), "names no features"),
    ],
)
def test_a_damaged_folder_is_refused(fitted, tmp_path, damage, words):
    kmeans.save(fitted, tmp_path)
    damage(tmp_path)
    with pytest.raises(HacError, match=words):
        load_tokenizer(f"mfcc-kmeans:{tmp_path}")


def change(folder, **entries):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


# speech encoders


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "wav2vec2", "data2vec"])
@pytest.mark.parametrize("layer", [0, 2, 3])
def test_waveform_encoder_gives_the_models_hidden_states(tmp_path, kind, layer):
    model = tiny_models.encoder(kind)
    features = load_encoder(tiny_models.save(model, tmp_path), layer)
    samples = np.random.default_rng(0).normal(0.2, 0.1, 8000).astype(np.float32)
    # data2vec was trained on normalized waves; of the others, only the large models
    wave = (samples - samples.mean()) / samples.std() if kind == "data2vec" else samples
    with torch.inference_mode():
        states = model(torch.from_numpy(wave)[None], output_hidden_states=True).hidden_states[layer]
    np.testing.assert_allclose(features.extract(samples), states[0].numpy(), atol=1e-4)
    assert (features.frame_rate, features.dim) == (Fraction(50), 16)
    for n, expected in [(0, 0), (399, 0), (400, 1), (719, 1), (720, 2), (16000, 49)]:
        assert len(features.extract(np.zeros(n, dtype=np.float32))) == expected


def test_normalization_follows_the_preprocessor(tmp_path):
    where = tiny_models.save(tiny_models.encoder("hubert"), tmp_path)
    samples = np.random.default_rng(0).normal(0.2, 0.1, 8000).astype(np.float32)
    plain = load_encoder(where, 1).extract(samples)
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": true, "sampling_rate": 16000}')
    normalized = load_encoder(where, 1)
    assert normalized.describe()["normalize"] is True
    assert not np.allclose(normalized.extract(samples), plain, atol=1e-3)
    standard = (samples - samples.mean()) / samples.std()
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 16000}')
    np.testing.assert_allclose(normalized.extract(samples), load_encoder(where, 1).extract(standard), atol=1e-3)


def test_whisper_windows_are_cut_to_the_true_length(tmp_path):
    model = tiny_models.encoder("whisper")  # a window of 50 frames: one second
    features = load_encoder(tiny_models.save(model, tmp_path), 2)
    assert type(features._model).__name__ == "WhisperEncoder"
    samples = np.random.default_rng(0).normal(0, 0.1, 40000).astype(np.float32)
    for n, expected in [(0, 0), (1, 1), (320, 1), (321, 2), (16000, 50), (16001, 51), (40000, 125)]:
        assert len(features.extract(samples[:n])) == expected
    whole = features.extract(samples)
    for window in range(3):
        part = features.extract(samples[window * 16000 : (window + 1) * 16000])
        np.testing.assert_array_equal(whole[window * 50 : window * 50 + len(part)], part)


def test_layers_and_models_that_are_not_there_are_refused(tmp_path):
    where = tiny_models.save(tiny_models.encoder("hubert"), tmp_path / "hubert")
    with pytest.raises(HacError, match="layers 0 to 3, layer 4"):
        load_encoder(where, 4)
    dac = tiny_models.save(tiny_models.codec("dac"), tmp_path / "dac")
    with pytest.raises(HacError, match="'dac' is no speech encoder"):
        load_encoder(dac, 1)


def test_encoder_units_know_their_encoder(corpus, tmp_path):
    where = tiny_models.save(tiny_models.encoder("hubert"), tmp_path / "hubert")
    out = tmp_path / "units"
    arguments = ["fit", "kmeans", "--encoder", where, "--layer", "2", "-k", "4"]
    manifest = str(corpus.root / "manifest.jsonl")
    result = CliRunner().invoke(app, [*arguments, "--manifest", manifest, "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    tokenizer = load_tokenizer(f"kmeans:{out}")
    samples = np.random.default_rng(0).normal(0, 0.1, 9000).astype(np.float32)
    batch = [samples, samples[:3000], samples[:100]]
    codes = [item["units"] for item in tokenizer.encode(batch)]
    assert [len(item) for item in codes] == [27, 9, 0]
    np.testing.assert_array_equal(codes[1], tokenizer.encode(batch[1:2])[0]["units"])
    assert tokenizer.provenance["features"]["layer"] == 2
    moved = (tmp_path / "hubert").rename(tmp_path / "moved")
    with pytest.raises(HacError, match="no such folder"):
        load_tokenizer(f"kmeans:{out}")
    load_tokenizer(f"kmeans:{out}?encoder={moved}")
    other = tiny_models.save(tiny_models.encoder("wavlm"), tmp_path / "other")
    with pytest.raises(HacError, match="another encoder"):
        load_tokenizer(f"kmeans:{out}?encoder={other}")


@pytest.mark.parametrize(
    "arguments", [["mfcc-kmeans", "--layer", "3"], ["kmeans", "--layer", "3"], ["kmeans", "--encoder", "x"]]
)
def test_fit_says_which_options_belong_to_which_kind(corpus, tmp_path, arguments):
    manifest = str(corpus.root / "manifest.jsonl")
    result = CliRunner().invoke(app, ["fit", *arguments, "--manifest", manifest, "-o", str(tmp_path / "x")])
    assert isinstance(result.exception, HacError)
    assert not (tmp_path / "x").exists()
