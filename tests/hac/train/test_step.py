"""One training step: the same gradients however a batch is cut, and the same as two plain passes would give."""

from __future__ import annotations

import dataclasses
import itertools
import math
import multiprocessing
import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from hac.train.losses import adversarial_loss, discriminator_loss, feature_matching_loss, waveform_l1
from hac.train.step import sum_over_processes, train_step
from tests.hac.bf16 import needs_bf16
from tests.hac.tiny_hac import one_thread
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

SECONDS = (0.5, 0.34, 0.42, 0.31, 0.38)
UNCLIPPED = {"optimizer": {"clip_generator": 1e9, "clip_discriminator": 1e9}}
EVERYTHING = tiny_config(UNCLIPPED, BOTH_TEACHERS, {"losses": {"waveform": 3.0}})


def gradients(networks):
    """What the recording optimizers were given, by network and parameter."""
    found = {}
    for name in ("generator", "discriminator"):
        network, optimizer = getattr(networks, name), getattr(networks, f"{name}_optimizer")
        if network is not None and optimizer.gradients is not None:
            names = [f"{name}.{key}" for key, _ in network.named_parameters()]
            found |= dict(zip(names, optimizer.gradients, strict=True))
    return found


def norm(found, name):
    """Norm of all gradients of one network."""
    return math.sqrt(sum(float(gradient.norm()) ** 2 for key, gradient in found.items() if key.startswith(name)))


def assert_same(found, wanted):
    """Equal gradients: as a whole to 1e-5, and each parameter's by itself."""
    assert found.keys() == wanted.keys()
    difference = {key: found[key] - gradient for key, gradient in wanted.items()}
    for name in ("generator", "discriminator"):
        whole = norm(wanted, name)
        assert norm(difference, name) <= 1e-5 * whole
        for key in (key for key in wanted if key.startswith(name)):
            # a share of its own size or, for what is nearly nothing, of the whole
            assert difference[key].norm() <= 5e-5 * (wanted[key].norm() + 1e-2 * whole), key


def parts_of(examples, cuts):
    edges = [0, *cuts, len(examples)]
    return [tiny_batch(examples[a:b]) for a, b in itertools.pairwise(edges)]


@pytest.fixture(scope="module")
def whole():
    """Losses, gradients and codebook counts of one batch in one part."""
    networks = tiny_networks(EVERYTHING)
    metrics = tiny_step(networks, parts_of(tiny_examples(SECONDS), []), EVERYTHING)
    usage = {name: b for name, b in networks.generator.named_buffers() if name.endswith("usage")}
    return metrics, gradients(networks), usage


def test_all_parameters_learn_and_all_losses_are_told(whole):
    metrics, found, _ = whole
    # what is only read at padding or not at all would stay at 0
    still = [name for name, gradient in found.items() if not gradient.any()]
    assert still == []
    assert set(metrics) == {
        "mel",
        "waveform",
        "vq/commitment",
        "vq/codebook",
        "vq/alignment",
        "adversarial/generator",
        "adversarial/discriminator",
        "feature_matching",
        "distillation/phonetic/loss",
        "distillation/phonetic/cosine",
        "distillation/lexical/loss",
        "distillation/lexical/cosine",
        "gradient_norm/generator",
        "gradient_norm/discriminator",
        "learning_rate",
    }


def test_alignment_pulls_the_phonetic_answer_to_z_as_it_is():
    silent = dict.fromkeys(("mel", "adversarial", "feature_matching", "commitment", "codebook"), 0.0)
    config = tiny_config(UNCLIPPED, {"losses": silent | {"alignment": 2.0}})
    networks = tiny_networks(config)
    batch = tiny_batch(tiny_examples(SECONDS[:1]))
    model = networks.generator.model.train()
    bottleneck = model.bottleneck_of(model.prepare(batch.audio, batch.exists))
    answer = bottleneck.levels["phonetic"].quantized
    loss = (bottleneck.encoded.detach() - answer).pow(2).mean()
    weights = [model.bottleneck.phonetic.out_proj.weight, next(model.encoder.parameters())]
    wanted = torch.autograd.grad(2.0 * loss, weights)
    networks = tiny_networks(config)
    metrics = tiny_step(networks, [batch], config)
    assert metrics["vq/alignment"] == pytest.approx(loss.item(), rel=1e-5)
    found = gradients(networks)
    first = next(name for name, _ in networks.generator.model.encoder.named_parameters())
    names = ["model.bottleneck.phonetic.out_proj.weight", f"model.encoder.{first}"]
    for name, gradient in zip(names, wanted, strict=True):
        torch.testing.assert_close(found[f"generator.{name}"], gradient, rtol=1e-4, atol=1e-8)
    assert not any(gradient.any() for name, gradient in found.items() if "decoder" in name or "acoustic" in name)


@pytest.mark.parametrize("cuts", [[2, 3], [1, 2, 3, 4]])
def test_parts_give_the_gradients_of_the_whole(whole, cuts):
    networks = tiny_networks(EVERYTHING)
    metrics = tiny_step(networks, parts_of(tiny_examples(SECONDS), cuts), EVERYTHING)
    assert_same(gradients(networks), whole[1])
    assert metrics == pytest.approx(whole[0], rel=1e-4)


@pytest.mark.parametrize("form", ["d-axis", "t-axis"])
def test_parts_add_in_the_other_forms_too(form):
    config = tiny_config(
        UNCLIPPED,
        {"teachers": {"speech": {"loss": form}, "text": {"loss": "l1", "student_pooling": "attention"}}},
        {"losses": {"adversarial": 0, "feature_matching": 0}},
    )
    found = []
    for cuts in ([], [1, 3]):
        networks = tiny_networks(config)
        tiny_step(networks, parts_of(tiny_examples(SECONDS), cuts), config)
        found.append(gradients(networks))
    assert_same(found[1], found[0])


def test_the_order_of_the_batch_does_not_matter(whole):
    networks = tiny_networks(EVERYTHING)
    tiny_step(networks, [tiny_batch(tiny_examples(SECONDS)[::-1])], EVERYTHING)
    assert_same(gradients(networks), whole[1])


def test_gradients_are_those_of_two_plain_passes(whole):
    """As DAC writes it, but that both networks see the discriminators as they were before the step."""
    config, networks, batch = EVERYTHING, tiny_networks(EVERYTHING), tiny_batch(tiny_examples(SECONDS))
    judge, weights = networks.discriminator, config.losses
    output = networks.generator(batch)

    own = discriminator_loss(judge(output.reference), judge(output.estimate.detach()))
    own.backward()
    wanted = {f"discriminator.{name}": p.grad.clone() for name, p in judge.named_parameters()}

    fake = judge(output.estimate)
    with torch.no_grad():
        real = judge(output.reference)
    losses = {
        "mel": (weights.mel, networks.mel(output.estimate, output.reference)),
        "waveform": (weights.waveform, waveform_l1(output.estimate, output.reference)),
        "vq/commitment": (weights.commitment, output.commitment_loss),
        "vq/codebook": (weights.codebook, output.codebook_loss),
        "adversarial/generator": (weights.adversarial, adversarial_loss(fake)),
        "feature_matching": (weights.feature_matching, feature_matching_loss(fake, real)),
        "distillation/phonetic/loss": (config.teachers.speech.weight, output.phonetic.loss),
        "distillation/lexical/loss": (config.teachers.text.weight, output.lexical.loss),
    }
    sum(weight * loss for weight, loss in losses.values()).backward()
    wanted |= {f"generator.{name}": p.grad for name, p in networks.generator.named_parameters()}

    metrics, found, _ = whole
    assert_same(found, wanted)
    expected = {name: loss.item() for name, (_, loss) in losses.items()} | {"adversarial/discriminator": own.item()}
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    for name in ("generator", "discriminator"):
        assert metrics[f"gradient_norm/{name}"] == pytest.approx(norm(wanted, name), rel=1e-5)


def test_the_window_is_decoded_where_the_batch_says():
    examples = tiny_examples(SECONDS)
    networks = tiny_networks(EVERYTHING)
    width = networks.generator.window_frames
    assert width == 5  # 0.1 s of 50 frames/s
    ends = [
        dataclasses.replace(example, window=w) for example, w in zip(examples, (0, 0.5, 0.999999, 0, 0.9), strict=True)
    ]
    batch = tiny_batch(ends)
    output = networks.generator(batch)
    for row, example in enumerate(ends):
        n_frames = -(-len(example.samples) // 320)
        start = int(example.window * (n_frames - width + 1))
        wanted = torch.nn.functional.pad(torch.from_numpy(example.samples), (0, 320))[start * 320 :][: width * 320]
        assert torch.equal(output.reference[row], wanted)
        assert start + width <= n_frames
    model = networks.generator.model
    alone = model.bottleneck_of(model.prepare(torch.from_numpy(ends[2].samples)[None])).latent
    torch.testing.assert_close(output.estimate[2], model.decoder(alone[:, :, -width:])[0, 0], rtol=1e-3, atol=1e-4)


def test_several_windows_are_spread_over_the_utterance():
    examples = [dataclasses.replace(example, window=0.75) for example in tiny_examples(SECONDS)]
    config = EVERYTHING.model_copy(update={"losses": EVERYTHING.losses.model_copy(update={"windows": 3})})
    output = tiny_networks(config).generator(tiny_batch(examples))
    width = 5
    assert output.estimate.shape == output.reference.shape == (3 * len(examples), width * 320)
    for window, place in enumerate((0.75, 0.75 + 1 / 3 - 1, 0.75 + 2 / 3 - 1)):
        for row, example in enumerate(examples):
            n_frames = -(-len(example.samples) // 320)
            start = int(place * (n_frames - width + 1))
            wanted = torch.nn.functional.pad(torch.from_numpy(example.samples), (0, 320))[start * 320 :][: width * 320]
            assert torch.equal(output.reference[window * len(examples) + row], wanted)


def test_a_window_is_whole_frames_and_no_more():
    for window_s, n_frames in ((0.1, 5), (0.101, 6), (0.38, 19), (0.56, 28), (0.58, 29)):
        config = tiny_config({"losses": {"window_s": window_s}, "data": {"min_s": 0.6}})
        assert tiny_networks(config).generator.window_frames == n_frames


def test_a_part_without_targets_counts_for_nothing(whole):
    """Utterances that no teacher knows add to the losses of sound alone."""
    untaught = tiny_examples((0.5, 0.4), taught=False)
    networks = tiny_networks(EVERYTHING)
    metrics = tiny_step(networks, [tiny_batch(tiny_examples(SECONDS)), tiny_batch(untaught)], EVERYTHING)
    for name in ("distillation/phonetic/loss", "distillation/lexical/loss", "distillation/lexical/cosine"):
        assert metrics[name] == pytest.approx(whole[0][name], rel=1e-5)
    heads = {name: gradient for name, gradient in gradients(networks).items() if ".heads." in name}
    assert_same(heads, {name: gradient for name, gradient in whole[1].items() if name in heads})
    assert metrics["mel"] != pytest.approx(whole[0]["mel"], rel=1e-5)


def test_a_batch_that_no_teacher_knows():
    networks = tiny_networks(EVERYTHING)
    metrics = tiny_step(networks, [tiny_batch(tiny_examples((0.5, 0.4), taught=False))], EVERYTHING)
    assert metrics["distillation/phonetic/loss"] == metrics["distillation/lexical/loss"] == 0
    heads = [gradient for name, gradient in gradients(networks).items() if ".heads." in name]
    assert heads and not any(gradient.any() for gradient in heads)


def test_discriminators_start_late():
    config = tiny_config({"discriminator": {"start_step": 3}})
    networks = tiny_networks(config)
    batch = tiny_batch(tiny_examples(SECONDS[:2]))
    metrics = tiny_step(networks, [batch], config, step=2)
    assert not any("adversarial" in name or "discriminator" in name or "feature" in name for name in metrics)
    assert networks.discriminator_optimizer.gradients is None
    metrics = tiny_step(networks, [batch], config, step=3)
    assert {"adversarial/generator", "feature_matching", "gradient_norm/discriminator"} <= set(metrics)
    assert all(parameter.grad is None for parameter in networks.discriminator.parameters())
    assert all(parameter.grad is None for parameter in networks.generator.parameters())


def test_gradients_are_clipped_and_rates_are_set():
    config = tiny_config(
        {"optimizer": {"clip_generator": 0.5, "clip_discriminator": 0.25, "schedule": "cosine", "warmup_steps": 4}}
    )
    networks = tiny_networks(config)
    metrics = tiny_step(networks, [tiny_batch(tiny_examples(SECONDS[:2]))], config, step=1)
    for name, limit in (("generator", 0.5), ("discriminator", 0.25)):
        assert metrics[f"gradient_norm/{name}"] > limit
        assert norm(gradients(networks), name) == pytest.approx(limit, rel=1e-4)
        assert getattr(networks, f"{name}_optimizer").param_groups[0]["lr"] == config.optimizer.rate(1, 4)
    assert metrics["learning_rate"] == config.optimizer.rate(1, 4)


def test_a_gradient_that_is_not_finite_moves_nothing():
    config = tiny_config()
    networks = tiny_networks(config, optimizer=adam)
    with torch.no_grad():
        networks.generator.model.decoder.conv2.bias.fill_(float("nan"))
    before = {name: value.clone() for name, value in networks.generator.model.encoder.state_dict().items()}
    metrics = tiny_step(networks, [tiny_batch(tiny_examples(SECONDS[:2]))], config)
    assert metrics["mel"] != metrics["mel"]  # for the loop to see
    after = networks.generator.model.encoder.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_real_step_lowers_the_loss():
    config = tiny_config({"losses": {"adversarial": 0, "feature_matching": 0}, "optimizer": {"schedule": "constant"}})
    networks = tiny_networks(config, optimizer=adam)
    batch = tiny_batch(tiny_examples(SECONDS[:2]))
    losses = [tiny_step(networks, [batch], config, step)["mel"] for step in range(3)]
    assert losses[-1] < losses[0]


@needs_bf16
def test_mixed_precision_keeps_losses_and_gradients_single():
    networks = tiny_networks(EVERYTHING)
    batch = tiny_batch(tiny_examples(SECONDS[:2]))
    metrics = train_step(networks, [batch], EVERYTHING, 0, lambda: torch.autocast("cpu", torch.bfloat16))
    assert all(value == value for value in metrics.values())
    single = tiny_networks(EVERYTHING)
    wanted = tiny_step(single, [batch], EVERYTHING)
    # codes may tip in half precision: near, not equal
    assert metrics["mel"] == pytest.approx(wanted["mel"], rel=0.1)
    assert all(gradient.dtype == torch.float32 for gradient in gradients(networks).values())


def test_alone_nothing_is_summed():
    tensors = [torch.ones(3), torch.ones(2, 2)]
    sum_over_processes(tensors)
    assert all(torch.equal(tensor, torch.ones_like(tensor)) for tensor in tensors)


# two processes


def work(rank, folder):
    """What one of two processes does: its half of the batch, of other lengths and frames than the other's."""
    torch.set_num_threads(1)
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=1000)
    )
    sums = [torch.full((3,), rank + 1.0), torch.arange(4.0).reshape(2, 2) * (rank + 1), torch.full((), rank + 1.0)]
    sum_over_processes(sums)
    examples = tiny_examples(SECONDS)
    networks = tiny_networks(EVERYTHING)
    parts = parts_of(examples[:2], [1]) if rank == 0 else parts_of(examples[2:], [2])
    metrics = train_step(networks, parts, EVERYTHING, 0, nullcontext)
    tensors = {f"metric.{name}": torch.tensor(value, dtype=torch.float64) for name, value in metrics.items()}
    tensors |= {f"gradient.{name}": gradient for name, gradient in gradients(networks).items()}
    tensors |= {f"sum.{k}": tensor for k, tensor in enumerate(sums)}
    save_file(tensors, Path(folder) / f"{rank}.safetensors")
    dist.destroy_process_group()


def work_both(folder):
    """Fork into the two processes; called in a fresh one, which has no threads yet."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(rank, folder)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes found, by name."""
    folder = tmp_path_factory.mktemp("two")
    code = f"from {__name__} import work_both; work_both({str(folder)!r})"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=1100)
    assert ended.returncode == 0, ended.stderr
    return [load_file(folder / f"{rank}.safetensors") for rank in range(2)]


def test_two_processes_give_the_gradients_of_one(two, whole):
    for found in two:
        own = {name.removeprefix("gradient."): value for name, value in found.items() if name.startswith("gradient.")}
        assert_same(own, whole[1])
        metrics = {name.removeprefix("metric."): float(v) for name, v in found.items() if name.startswith("metric.")}
        assert metrics == pytest.approx(whole[0], rel=1e-4)
    # both go the same way, to the bit, or their weights would drift apart
    assert all(torch.equal(two[0][name], two[1][name]) for name in two[0])


def test_sums_over_processes(two):
    for found in two:
        assert found["sum.0"].tolist() == [3, 3, 3]
        assert found["sum.1"].tolist() == [[0, 3], [6, 9]]
        assert found["sum.2"].item() == 3


def test_messages_are_few_and_every_tensor_is_summed_once(monkeypatch):
    sizes = []

    def pretend(flat):
        sizes.append(flat.numel())
        flat.mul_(2)  # as if another process had the same

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_reduce", pretend)
    monkeypatch.setattr("hac.train.step._BUCKET", 10)
    tensors = [torch.full((n,), float(n)) for n in (1, 2, 3, 25, 4, 4, 4, 1)]
    sum_over_processes(iter(tensors))
    assert all(torch.equal(tensor, torch.full_like(tensor, 2.0 * len(tensor))) for tensor in tensors)
    assert sum(sizes) == 44 and len(sizes) < len(tensors)
    sum_over_processes([])
