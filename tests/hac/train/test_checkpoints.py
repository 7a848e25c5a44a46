"""Checkpoints: the same bits back, never half a one, no pickle, and every complaint one sentence."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hac.errors import HacError
from hac.model.hac_model import HacModel
from hac.train.checkpoints import (
    FORMAT_VERSION,
    Progress,
    checkpoints,
    last_good,
    load_checkpoint,
    load_heads,
    read_state,
    rotate,
    save_checkpoint,
)
from hac.train.ema import Ema
from tests.hac.tiny_hac import noise, one_thread
from tests.hac.train.tiny_run import (
    BOTH_TEACHERS,
    adam,
    tiny_batch,
    tiny_config,
    tiny_examples,
    tiny_networks,
    tiny_step,
)

__all__ = ["one_thread"]  # a fixture that runs by itself

CONFIG = tiny_config(BOTH_TEACHERS)
SETTINGS = {"seed": 3, "data": {"train": ["a.jsonl"]}}
FULL = (
    OSError(errno.ENOSPC, "No space left on device"),
    SafetensorError('Error while serializing: I/O error: Os { code: 28, message: "No space left on device" }'),
)


def trained(seed=0, steps=1, ema=True):
    """Networks and running mean after some steps."""
    networks = tiny_networks(CONFIG, seed, adam)
    mean = Ema(networks.generator.model, 0.9) if ema else None
    go_on(networks, mean, range(steps))
    return networks, mean


def go_on(networks, mean, steps):
    batch = tiny_batch(tiny_examples((0.5, 0.4)))
    for step in steps:
        tiny_step(networks, [batch], CONFIG, step)
        if mean is not None:
            mean.update(networks.generator.model, step + 1)


def everything(networks, mean):
    """Every tensor that a run goes on with, by name, copied."""
    found = {f"generator.{name}": value for name, value in networks.generator.state_dict().items()}
    found |= {f"discriminator.{name}": value for name, value in networks.discriminator.state_dict().items()}
    for kind in ("generator", "discriminator"):
        state = getattr(networks, f"{kind}_optimizer").state
        for name, parameter in getattr(networks, kind).named_parameters():
            found |= {f"{kind}_optimizer.{name}.{key}": value for key, value in state[parameter].items()}
    if mean is not None:
        with mean.applied(networks.generator.model):
            found |= {f"mean.{name}": value.data for name, value in networks.generator.model.named_parameters()}
    return {name: value.clone() for name, value in found.items()}


def assert_equal_bits(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.dtype == right[name].dtype and torch.equal(value, right[name]), name


def save(run, networks, mean=None, step=2, **progress):
    return save_checkpoint(run, networks, mean, Progress(step, **progress), SETTINGS)


@pytest.fixture(scope="module")
def one():
    """Networks after a step, their running mean, and all of their tensors; to be left as they are."""
    networks, mean = trained()
    return networks, mean, everything(networks, mean)


@pytest.fixture(scope="module")
def saved(one, tmp_path_factory):
    """The folder of their checkpoint; to be left as it is."""
    return save(tmp_path_factory.mktemp("run"), one[0], one[1], best_step=1, best_value=0.5, audio_s=2.5, wall_s=0.25)


@pytest.fixture(scope="module")
def fresh():
    """Networks to load into what cannot be loaded."""
    return tiny_networks(CONFIG, 1, adam)


@pytest.mark.parametrize("ema", [True, False])
def test_a_resumed_run_goes_on_with_the_same_bits(tmp_path, ema):
    networks, mean = trained(ema=ema)
    before = everything(networks, mean)
    folder = save(tmp_path, networks, mean)
    assert_equal_bits(everything(networks, mean), before)  # saving changes nothing

    others, other_mean = trained(seed=1, ema=ema)
    load_checkpoint(folder, others, other_mean)
    assert_equal_bits(everything(others, other_mean), before)
    fresh, fresh_mean = trained(seed=2, steps=0, ema=ema)
    load_checkpoint(folder, fresh, fresh_mean)
    assert_equal_bits(everything(fresh, fresh_mean), before)

    go_on(networks, mean, [1])
    go_on(fresh, fresh_mean, [1])
    assert_equal_bits(everything(fresh, fresh_mean), everything(networks, mean))


def test_progress_and_settings_come_back(saved):
    assert read_state(saved) == (Progress(2, 1, 0.5, 2.5, 0.25), SETTINGS)
    assert saved.name == "step-00000002" and saved.parent.name == "checkpoints"


def test_a_checkpoint_is_a_model(one, saved):
    networks, mean, tensors = one
    model = HacModel.from_pretrained(saved)
    for name, value in model.named_parameters():
        # what is published is the running mean; the weights that go on learning stand beside it
        assert torch.equal(value, tensors[f"mean.{name}"])
        assert not torch.equal(value, tensors[f"generator.model.{name}"]) or not value.any()
    for name, value in model.named_buffers():
        assert torch.equal(value, networks.generator.model.get_buffer(name))
    trainer = load_file(saved / "trainer.safetensors")
    for name, value in networks.generator.model.named_parameters():
        assert torch.equal(trainer[f"model.{name}"], value)
    audio = noise(1, 6400)
    model.eval()
    networks.generator.eval()
    with mean.applied(networks.generator.model):
        wanted = networks.generator.model.encode(audio)
    networks.generator.train()
    found = model.encode(audio)
    assert all(torch.equal(found.streams[name], wanted.streams[name]) for name in wanted.streams)


def test_without_a_running_mean_the_model_is_what_learns(one, tmp_path):
    folder = save(tmp_path, one[0])
    model = load_file(folder / "model.safetensors")
    assert all(torch.equal(model[name], value) for name, value in one[0].generator.model.named_parameters())
    assert not any(name.startswith("model.") for name in load_file(folder / "trainer.safetensors"))


def test_nothing_is_pickled_and_nothing_is_left_over(saved):
    names = {path.name for path in saved.iterdir()}
    assert {"config.json", "model.safetensors", "trainer.safetensors", "trainer.json"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".md"}
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_run_without_discriminators(tmp_path):
    config = tiny_config({"losses": {"adversarial": 0, "feature_matching": 0}})
    networks = tiny_networks(config, 0, adam)
    tiny_step(networks, [tiny_batch(tiny_examples((0.5,)))], config)
    folder = save(tmp_path, networks)
    others = tiny_networks(config, 1, adam)
    load_checkpoint(folder, others, None)
    assert_equal_bits(others.generator.state_dict(), networks.generator.state_dict())


def test_saving_the_same_step_again_replaces_it(one, tmp_path):
    networks, mean, _ = one
    folder = save(tmp_path, networks, mean)
    (folder / "stale").touch()
    leftover = folder.with_name(f".{folder.name}.part")
    leftover.mkdir()
    (leftover / "half").touch()
    assert save(tmp_path, networks, mean, best_step=2) == folder
    assert read_state(folder)[0].best_step == 2
    assert not (folder / "stale").exists() and not leftover.exists() and not (folder / "half").exists()


# which checkpoints there are


def pretend(run, *names):
    """Folders that look like finished checkpoints."""
    for name in names:
        folder = run / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "trainer.json").write_text("{}")


def test_only_finished_checkpoints_are_seen(tmp_path):
    assert checkpoints(tmp_path) == []
    assert last_good(tmp_path) == "there is no earlier checkpoint"
    pretend(tmp_path, "step-00000020", "step-00000003", "step-100000000", "step-99999999")
    pretend(tmp_path, ".step-00000101.part", "step-00000102.part", "step-7", "step-00000103 (copy)", "other")
    (tmp_path / "checkpoints" / "step-00000104").mkdir()
    steps = [path.name for path in checkpoints(tmp_path)]
    assert steps == ["step-00000003", "step-00000020", "step-99999999", "step-100000000"]
    assert last_good(tmp_path).startswith(f"the last good checkpoint is {tmp_path}/checkpoints/step-100000000")


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [
        (2, None, [5, 6]),
        (2, 3, [3, 5, 6]),
        (2, 6, [5, 6]),
        (1, 1, [1, 6]),
        (9, None, [1, 2, 3, 4, 5, 6]),
        ("all", 2, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_rotation_keeps_the_last_and_the_best(tmp_path, keep, best, left):
    pretend(tmp_path, *(f"step-{step:08d}" for step in range(1, 7)))
    rotate(tmp_path, keep, best)
    assert [int(path.name[5:]) for path in checkpoints(tmp_path)] == left


# what can be wrong with one


def damaged(saved, tmp_path, name, content):
    """A copy of a checkpoint with one file changed; None removes it."""
    folder = tmp_path / saved.name
    folder.mkdir()
    for path in saved.iterdir():
        if path.name != name:
            (folder / path.name).write_bytes(path.read_bytes())
        elif content is not None:
            (folder / path.name).write_bytes(content(path.read_bytes()))
    return folder


def state_with(**changes):
    return lambda content: json.dumps(json.loads(content) | changes).encode()


def test_a_newer_format(saved, tmp_path):
    folder = damaged(saved, tmp_path, "trainer.json", state_with(format_version=FORMAT_VERSION + 1))
    with pytest.raises(HacError, match="has trainer format 2 and this hac reads up to 1; install a newer hac-codec"):
        read_state(folder)


@pytest.mark.parametrize(
    "content",
    [
        None,
        lambda content: b"",
        lambda content: content[:40],
        lambda content: b"[]",
        lambda content: b"\xff\xfe",
        lambda content: b'{"format_version": 1}',
        state_with(format_version="new"),
        state_with(progress={"steps": 1}),
        state_with(progress=3),
        state_with(settings=3),
    ],
)
def test_a_damaged_state(saved, tmp_path, content):
    folder = damaged(saved, tmp_path, "trainer.json", content)
    with pytest.raises(HacError, match=r"trainer\.json is damaged .*; remove the folder to go on") as error:
        read_state(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.safetensors", "trainer.safetensors"])
@pytest.mark.parametrize(
    "content", [None, lambda content: b"", lambda content: content[:-9], lambda content: b"\x80pickle"]
)
def test_damaged_weights(saved, tmp_path, fresh, name, content):
    folder = damaged(saved, tmp_path, name, content)
    with pytest.raises(HacError, match=r"cannot be read .*; remove the folder to go on from the checkpoint before it"):
        load_checkpoint(folder, fresh, None)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"latent_dim": 32}},
        {"model": {"phonetic_codebook_size": 17}},
        {"model": {"acoustic_codebooks": 2}},
        {"model": {"phonetic_layers": 2}},
        {"teachers": {"text": None}},
        {"teachers": {"text": {"student_pooling": "attention"}}},
        {"discriminator": {"periods": [2, 3, 5]}},
        {"discriminator": {"band_channels": 5}},
    ],
    ids=str,
)
def test_another_shape(saved, change):
    networks = tiny_networks(tiny_config(BOTH_TEACHERS, change), 0, adam)
    with pytest.raises(HacError, match=r"does not fit the configuration .*; give another -o") as error:
        load_checkpoint(saved, networks, None)
    assert "\n" not in str(error.value)


# what can go wrong while one is written


@pytest.mark.parametrize("error", FULL, ids=["os", "safetensors"])
@pytest.mark.parametrize("place", ["save_file", "save_pretrained", "write_text"])
def test_a_full_disk(one, tmp_path, monkeypatch, error, place):
    networks, mean, tensors = one
    pretend(tmp_path, "step-00000001")
    (good,) = checkpoints(tmp_path)

    def fail(*args, **options):
        raise error

    target = HacModel if place == "save_pretrained" else "hac.train.checkpoints"
    if place == "save_pretrained":
        monkeypatch.setattr(target, place, fail)
    else:
        monkeypatch.setattr(f"{target}.{place}", fail)
    with pytest.raises(HacError) as caught:
        save(tmp_path, networks, mean, step=2)
    assert str(caught.value) == (
        f"{good.with_name('step-00000002')}: cannot be written (no space left on the disk); "
        f"the last good checkpoint is {good}, and the same command goes on from it"
    )
    assert list(good.parent.iterdir()) == [good]
    # the mean stood in for the weights while the model was written
    assert_equal_bits(everything(networks, mean), tensors)


def test_a_full_disk_at_the_first_checkpoint(one, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise FULL[0]

    monkeypatch.setattr("hac.train.checkpoints.save_file", fail)
    with pytest.raises(HacError, match=r"no space left on the disk\); there is no earlier checkpoint$"):
        save(tmp_path, one[0])


def test_a_folder_that_cannot_be_written(one, tmp_path):
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    with pytest.raises(HacError, match=r"step-00000002: cannot be written \(.*\); there is no earlier checkpoint"):
        save(tmp_path, one[0])


def test_killed_while_writing(one, tmp_path, monkeypatch):
    """Whatever is not a HacError or OSError leaves at most a temporary folder, which nobody takes for a checkpoint."""
    good = save(tmp_path, one[0], step=1)

    def kill(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("hac.train.checkpoints.save_file", kill)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, one[0], step=2)
    assert checkpoints(tmp_path) == [good]
    monkeypatch.undo()
    folder = save(tmp_path, one[0], step=2)
    assert checkpoints(tmp_path) == [good, folder] and set(good.parent.iterdir()) == {good, folder}


TEACHERS = CONFIG.teachers.model_dump(mode="json")


@pytest.mark.parametrize(
    ("change", "levels"),
    [
        ({}, ["phonetic", "lexical"]),
        ({"speech": None}, ["lexical"]),
        ({"speech": {"name": "another"}}, ["lexical"]),
        ({"speech": {"layer": 3}}, ["lexical"]),
        ({"text": {"student_pooling": "attention"}}, ["phonetic"]),
        ({"speech": {"weight": 3.0, "cache": "elsewhere", "device": "cuda:1"}}, ["phonetic", "lexical"]),
    ],
)
def test_a_warm_start_takes_the_heads_of_the_same_teachers(one, change, levels, tmp_path):
    networks, mean, *_ = one
    recorded = {
        kind: None if change.get(kind, {}) is None else {**teacher, **change.get(kind, {})}
        for kind, teacher in TEACHERS.items()
    }
    folder = save_checkpoint(tmp_path, networks, mean, Progress(step=1), {"teachers": recorded})
    other = tiny_networks(CONFIG, seed=5)
    before = {name: value.clone() for name, value in other.generator.heads.state_dict().items()}
    assert load_heads(folder, other.generator, CONFIG.teachers) == levels
    kept = networks.generator.heads.state_dict()
    for name, value in other.generator.heads.state_dict().items():
        source = kept if name.split(".")[0] in levels else before
        assert torch.equal(value, source[name]), name
    assert any(not torch.equal(before[name], kept[name]) for name in before)


@pytest.mark.parametrize("name", ["trainer.json", "trainer.safetensors"])
def test_a_published_model_has_no_heads(one, name, tmp_path):
    networks, mean, *_ = one
    folder = save_checkpoint(tmp_path, networks, mean, Progress(step=1), {"teachers": TEACHERS})
    (folder / name).unlink()
    assert load_heads(folder, tiny_networks(CONFIG, seed=5).generator, CONFIG.teachers) == []
