"""Training configurations: what is read, what is refused, and with which words."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from hac.errors import HacError
from hac.model.config import HacConfig
from hac.train.config import TrainConfig, model_config, read_train_config
from hac.train.config_sections import (
    CheckpointConfig,
    DataConfig,
    DiscriminatorConfig,
    LossesConfig,
    OptimizerConfig,
    SpeechTeacherConfig,
    TeachersConfig,
    TextTeacherConfig,
    ValidationConfig,
)
from tests.hac.tiny_hac import TINY
from tests.hac.train.tiny_run import tiny_config

SHIPPED = sorted((Path(__file__).parents[3] / "configs" / "train").glob("*.yaml"))
SECTIONS = {
    "": TrainConfig,
    "data": DataConfig,
    "teachers": TeachersConfig,
    "teachers.speech": SpeechTeacherConfig,
    "teachers.text": TextTeacherConfig,
    "losses": LossesConfig,
    "discriminator": DiscriminatorConfig,
    "optimizer": OptimizerConfig,
    "validation": ValidationConfig,
    "checkpoint": CheckpointConfig,
}


@pytest.fixture
def path(tmp_path):
    """A minimal configuration whose model is a mapping."""
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({"model": TINY, "data": {"train": "train.jsonl"}}))
    return file


def refusal(path, *changes):
    """The sentence with which a configuration is refused."""
    with pytest.raises(HacError) as error:
        read_train_config(path, changes)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_model_file_and_an_attribute_of_it_on_the_command_line(path):
    nano = SHIPPED[0].parents[1] / "model" / "hac-nano.yaml"
    config = read_train_config(path, [f"model={nano}", "model.acoustic_codebooks=3"])
    assert config.model["base"] == str(nano) and config.model["acoustic_codebooks"] == 3


def test_the_list_of_sections_is_whole():
    def sections(model, prefix=""):
        yield model
        for field in model.model_fields.values():
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from sections(part)

    assert set(sections(TrainConfig)) == set(SECTIONS.values())


@pytest.mark.parametrize("section", SECTIONS)
def test_a_misspelt_key_proposes_the_near_one(path, section):
    where = f"{path}: {section}" if section else str(path)
    for key in SECTIONS[section].model_fields:
        misspelt = f"{key}s" if f"{key}s" not in SECTIONS[section].model_fields else f"{key}_"
        words = refusal(path, f"{section}.{misspelt}=1" if section else f"{misspelt}=1")
        assert words == f"{where}: unknown key {misspelt!r}; did you mean {key!r}?"


def test_a_misspelt_key_of_the_model(path):
    config = read_train_config(path, ["model.latent_dims=8"])
    with pytest.raises(HacError, match=r"unknown key 'latent_dims'; did you mean 'latent_dim'\?"):
        model_config(config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("steps=0", "steps: Input should be greater than or equal to 1, found 0"),
        ("steps=many", "steps: Input should be a valid integer"),
        ("precision=fp16", "precision: Input should be 'float32' or 'bf16', found 'fp16'"),
        ("ema=1", "ema: Input should be less than 1"),
        ("data=5", "data: "),
        ("data.batch_s=-3", "data.batch_s: Input should be greater than 0, found -3"),
        ("data.level_db=-20", "data.level_db: "),
        ("data.level_db=[-20]", "data.level_db.1: Field required"),
        ("data.level_db=[-18, -30]", "data.level_db is [-18.0, -30.0]; expected the lower level first"),
        ("data.train=[]", "no speech to train on; give a manifest: --set data.train=train.jsonl"),
        ("data.train=5", "data.train: "),
        ("teachers.speech.layer=middle", "teachers.speech.layer"),
        ("teachers.speech.loss=l2", "teachers.speech.loss: Input should be 'cosine', 'd-axis', 't-axis' or 'units'"),
        ("teachers.text.weight=-1", "teachers.text.weight: Input should be greater than or equal to 0, found -1"),
        ("teachers.text=labse", "teachers.text: "),
        ("losses.mel=.nan", "losses.mel: "),
        ("optimizer.schedule=linear", "optimizer.schedule: Input should be 'exponential', 'cosine' or 'constant'"),
        ("optimizer.betas=[0.9, 1.5]", "optimizer.betas.1: Input should be less than 1, found 1.5"),
        ("checkpoint.keep=0", "checkpoint.keep: expected a whole number of at least 1, or all, found 0"),
        ("checkpoint.keep=every", "checkpoint.keep: expected a whole number of at least 1, or all, found 'every'"),
        ("model=5", "model: "),
        ("warm_start=file:x", "warm_start is 'file:x'; expected dac:WHERE or hac:WHERE"),
        ("warm_start=dac", "warm_start is 'dac'; expected dac:WHERE or hac:WHERE"),
        ("warm_start=some/folder", "warm_start is 'some/folder'; expected dac:WHERE or hac:WHERE"),
        ("data.max_s=0.4", "data.min_s = 0.5 is above data.max_s = 0.4"),
        ("data.min_s=0.37", "data.min_s = 0.37 is shorter than losses.window_s = 0.38"),
    ],
)
def test_bad_values_are_one_sentence(path, change, words):
    assert refusal(path, change).startswith(f"{path}: {words}")


def test_units_weigh_less_than_cosines(path):
    assert read_train_config(path).teachers.speech.weight == 60
    units = read_train_config(path, ["teachers.speech.loss=units"]).teachers.speech
    assert (units.weight, units.units, units.unit_directions) == (5, 500, 64)
    assert (
        read_train_config(path, ["teachers.speech.loss=units", "teachers.speech.weight=7"]).teachers.speech.weight == 7
    )


def test_a_configuration_without_a_model(tmp_path):
    (tmp_path / "run.yaml").write_text("data: {train: x}\n")
    assert refusal(tmp_path / "run.yaml") == f"{tmp_path / 'run.yaml'}: model: Field required"


def test_what_is_allowed(path):
    config = read_train_config(
        path,
        [
            "data.min_s=0.38",
            "warm_start=dac:some/folder",
            "ema=0.999",
            "teachers.speech.layer=average",
            "teachers.text=null",
            "optimizer.learning_rate=3e-4",
            "data.train=[a.jsonl, b.jsonl]",
            "data.validation=c.jsonl",
            "data.level_db=null",
            "losses.adversarial=0",
        ],
    )
    assert config.data.min_s == 0.38 and config.warm_start == "dac:some/folder" and config.ema == 0.999
    assert config.teachers.speech.layer == "average" and config.teachers.text is None
    assert config.optimizer.learning_rate == 3e-4
    assert config.data.train == ("a.jsonl", "b.jsonl") and config.data.validation == ("c.jsonl",)
    assert config.data.level_db is None
    assert config.adversarial
    assert not read_train_config(path, ["losses.adversarial=0", "losses.feature_matching=0"]).adversarial
    assert read_train_config(path, ["teachers.speech.layer=7"]).teachers.speech.layer == 7
    assert read_train_config(path, ["warm_start=hac:x:y"]).warm_start == "hac:x:y"


def test_changes_win_over_files_and_files_over_their_base(path):
    (path.parent / "more.yaml").write_text("base: run.yaml\nsteps: 7\nlosses: {mel: 1.0}\n")
    config = read_train_config(path.parent / "more.yaml", ["losses.codebook=2", "steps=9"])
    assert (config.steps, config.losses.mel, config.losses.codebook, config.losses.commitment) == (9, 1.0, 2.0, 0.25)


@pytest.fixture
def folders(tmp_path):
    """Two model files, one that includes the other, and a training configuration in a folder of its own."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    (tmp_path / "models" / "wide.yaml").write_text("base: tiny.yaml\nlatent_dim: 48\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "run.yaml").write_text("model: ../models/wide.yaml\ndata: {train: x}\n")
    return tmp_path


def test_a_model_by_path_relative_to_its_file(folders):
    config = model_config(read_train_config(folders / "runs" / "run.yaml"))
    assert isinstance(config, HacConfig)
    assert (config.latent_dim, config.encoder_hidden_size) == (48, 4)


def test_an_included_file_finds_its_own_model(folders):
    (folders / "other.yaml").write_text("base: runs/run.yaml\nsteps: 3\n")
    assert model_config(read_train_config(folders / "other.yaml")).latent_dim == 48


def test_a_model_with_a_base_and_changes(folders, monkeypatch):
    (folders / "runs" / "mixed.yaml").write_text(
        "model: {base: ../models/wide.yaml, lexical: false}\ndata: {train: x}\n"
    )
    config = read_train_config(folders / "runs" / "mixed.yaml", ["model.transformer_dim=32"])
    model = model_config(config)
    assert (model.latent_dim, model.lexical, model.transformer_dim) == (48, False, 32)
    monkeypatch.chdir(folders)
    # on the command line, a path starts where the command is given
    assert model_config(read_train_config(Path("runs/run.yaml"), ["model=models/tiny.yaml"])).latent_dim == 24


def test_a_model_as_mapping_takes_the_weights_of_its_losses(path):
    config = read_train_config(path, ["losses.commitment=0.5", "losses.codebook=2"])
    model = model_config(config)
    assert (model.commitment_loss_weight, model.codebook_loss_weight) == (0.5, 2.0)
    assert model.latent_dim == TINY["latent_dim"]


def test_a_model_file_that_is_not_there(path):
    config = read_train_config(path, ["model=gone.yaml"])
    with pytest.raises(HacError, match=r"gone\.yaml: no such model configuration"):
        model_config(config)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations(shipped):
    config = read_train_config(shipped, ["data.train=train.jsonl"])
    assert model_config(config).levels == ("acoustic", "phonetic", "lexical")
    assert config.teachers.speech.name == "hubert" and config.teachers.text.name == "labse"
    # DAC's weights
    losses = config.losses
    assert (losses.mel, losses.adversarial, losses.feature_matching) == (15, 1, 2)
    assert (losses.commitment, losses.codebook) == (0.25, 1)
    # the window is long enough for the longest transform of losses and discriminators
    assert losses.window_s * 16_000 >= max(config.discriminator.fft_sizes)
    assert refusal(shipped).endswith("no speech to train on; give a manifest: --set data.train=train.jsonl")


def test_there_are_shipped_configurations():
    assert {path.stem for path in SHIPPED} == {"hac-base", "hac-small", "hac-nano"}


def test_learning_rates():
    steps = 1000
    exponential = OptimizerConfig(learning_rate=2.0, decay=0.9)
    assert [exponential.rate(s, steps) for s in (0, 1, 2)] == pytest.approx([2.0, 1.8, 1.62])
    cosine = OptimizerConfig(learning_rate=2.0, schedule="cosine")
    assert [cosine.rate(s, steps) for s in (0, 500, 1000)] == pytest.approx([2.0, 1.0, 0.0])
    assert all(cosine.rate(s, steps) > cosine.rate(s + 1, steps) for s in range(steps))
    constant = OptimizerConfig(learning_rate=2.0, schedule="constant", warmup_steps=3)
    assert [constant.rate(s, steps) for s in range(5)] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])
    warm = OptimizerConfig(learning_rate=2.0, decay=0.9, warmup_steps=1)
    assert [warm.rate(s, steps) for s in (0, 1)] == pytest.approx([1.0, 1.8])
    assert math.isclose(OptimizerConfig().rate(400_000, 400_000), 1e-4 * 0.999996**400_000)


def test_the_tiny_run_of_these_tests_is_one():
    assert model_config(tiny_config()).quantizer_dropout == 0
