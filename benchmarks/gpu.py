"""What a training step costs on a GPU, and what limits it: `python -m benchmarks.gpu [--device cuda]`.

For each training configuration, one full step (whole utterances encoded and quantized, both teachers' losses, windows
decoded, all discriminators, two optimizers) on real speech, as `hac train` takes it: steps and seconds of audio per
second, peak memory, floating point operations beside what a matrix product reaches on the same device in the same
run, and where the device's time goes. Besides, how fast whole utterances are encoded and decoded.

Teachers' targets have the sizes of HuBERT's and LaBSE's, and are random: the cost of their losses does not depend on
their values. They are cached when a model is trained, so no teacher runs here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.training import wait
from hac.model.hac_model import HacModel
from hac.train.config import TrainConfig, model_config, read_train_config
from hac.train.data.dataset import TrainBatch
from hac.train.generator import Generator
from hac.train.losses import MelSpectrogramLoss
from hac.train.step import Networks, make_discriminator, train_step
from tests.hac.speech import speech

ROOT = Path(__file__).parent.parent
RATE = 16_000
UTTERANCE_S = 8.0
TEACHER_DIM = 768
Work = Callable[[], Any]

KINDS = {
    "convolution": ("conv", "cudnn", "implicit", "wgrad", "dgrad", "fprop", "xmma", "winograd"),
    "matrix product": ("gemm", "cutlass", "cublas", "flash", "fmha", "nvjet"),
    "Fourier transform": ("fft",),
    "copies and layout": ("memcpy", "memset", "copy", "nchw", "nhwc", "transpose", "cat"),
    "optimizer": ("adam", "multi_tensor"),
    "reductions": ("reduce", "norm", "softmax", "argm"),
    "elementwise": ("elementwise", "vectorized", "unrolled"),
}
"""Kinds of kernels, by what their names hold; the first that fits."""


class Operations(TorchDispatchMode):
    """Counts the floating point operations of convolutions and products inside it, by torch's own formulas.

    torch's `FlopCounterMode` follows modules too, which fails where gradients are asked for by `autograd.grad`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def train_config(name: str, changes: tuple[str, ...]) -> TrainConfig:
    """A training configuration that ships, with changes."""
    return read_train_config(ROOT / "configs" / "train" / f"{name}.yaml", ["data.train=none", *changes])


def networks_of(config: TrainConfig, device: torch.device) -> Networks:
    """Fresh networks, as a run makes them."""
    torch.manual_seed(0)
    model = HacModel(model_config(config))
    generator = Generator(model, config, TEACHER_DIM, TEACHER_DIM).train().to(device)
    discriminator = make_discriminator(config)
    adam = partial(torch.optim.AdamW, lr=1e-4, betas=(0.8, 0.99), fused=True)
    return Networks(
        generator,
        None if discriminator is None else discriminator.to(device),
        adam(generator.parameters()),
        None if discriminator is None else adam(discriminator.to(device).parameters()),
        MelSpectrogramLoss(RATE).to(device),
    )


def batch_of(seconds: float, hop: int, device: torch.device) -> TrainBatch:
    """Utterances of eight seconds that make a batch of that many."""
    n = max(1, round(seconds / UTTERANCE_S))
    starts = np.linspace(0.5, 9.9 - UTTERANCE_S, n)
    audio = torch.from_numpy(np.stack([speech(UTTERANCE_S, float(start)) for start in starts]))
    n_frames = audio.shape[1] // hop
    generator = torch.Generator().manual_seed(0)
    batch = TrainBatch(
        ids=tuple(str(i) for i in range(n)),
        audio=audio,
        exists=torch.ones(audio.shape, dtype=torch.bool),
        speech_targets=torch.randn(n, n_frames, TEACHER_DIM, generator=generator),
        speech_taught=torch.ones(n, n_frames, dtype=torch.bool),
        text_targets=torch.randn(n, TEACHER_DIM, generator=generator),
        text_taught=torch.ones(n, dtype=torch.bool),
        windows=torch.rand(n, generator=generator, dtype=torch.float64),
    )
    return batch.to(device)


def seconds_each(work: Work, device: torch.device, repeats: int, warm: int = 3) -> list[float]:
    """What each of some calls takes, after a few that warm up."""
    times = []
    for turn in range(warm + repeats):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        if turn >= warm:
            times.append(time.perf_counter() - started)
    return times


def matmul_flops(device: torch.device, dtype: torch.dtype, size: int, repeats: int = 10) -> float:
    """Operations per second of a square matrix product of random numbers."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / float(np.median(seconds_each(lambda: a @ b, device, repeats)))


def training(name: str, changes: tuple[str, ...], device: torch.device, repeats: int, size: int) -> dict[str, Any]:
    """One configuration's step."""
    config = train_config(name, changes)
    networks = networks_of(config, device)
    batch = batch_of(config.data.batch_s, networks.generator.model.config.hop_length, device)
    bf16 = config.precision == "bf16"
    autocast = partial(torch.autocast, device.type, dtype=torch.bfloat16, enabled=bf16)
    step = config.discriminator.start_step + 1
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def work() -> None:
        train_step(networks, [batch], config, step, autocast)

    times = seconds_each(work, device, repeats)
    with Operations() as counted:
        work()
    flops = counted.total
    audio_s = len(batch) * UTTERANCE_S
    second = float(np.median(times))
    peak = matmul_flops(device, torch.bfloat16 if bf16 else torch.float32, size)
    found = {
        "precision": config.precision,
        "parameters_M": sum(p.numel() for p in networks.generator.model.parameters()) / 1e6,
        "batch_s": audio_s,
        "step_ms": [1000 * float(q) for q in np.quantile(times, (0, 0.5, 1))],
        "steps_per_s": 1 / second,
        "audio_s_per_s": audio_s / second,
        "tflop_per_step": flops / 1e12,
        "tflops": flops / second / 1e12,
        "share_of_matrix_product": flops / second / peak,
        "matrix_product_tflops": peak / 1e12,
    }
    if device.type == "cuda":
        found["peak_memory_GiB"] = torch.cuda.max_memory_allocated(device) / 2**30
        found["device_time"] = device_time(work, device, second)
    return found


def device_time(work: Work, device: torch.device, second: float) -> dict[str, float]:
    """Shares of a step's time by kind of kernel, and how long the device had nothing to do."""
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        work()
        wait(device)
    shares: dict[str, float] = {}
    n_kernels = 0
    for event in profiled.events():
        if event.device_type != torch.autograd.DeviceType.CUDA or event.is_user_annotation:
            continue
        kind = next((k for k, parts in KINDS.items() if any(p in event.name.lower() for p in parts)), "other")
        shares[kind] = shares.get(kind, 0.0) + event.self_device_time_total * 1e-6 / second
        n_kernels += 1
    busy = sum(shares.values())
    return {**dict(sorted(shares.items(), key=lambda item: -item[1])), "busy": busy, "kernels": float(n_kernels)}


def coding(name: str, device: torch.device, repeats: int, batch_s: float) -> dict[str, float]:
    """Seconds of audio that are encoded and decoded in a second, in whole single precision."""
    torch.manual_seed(0)
    model = HacModel(model_config(train_config(name, ("model.kmeans_init=false",)))).eval().to(device)
    audio = batch_of(batch_s, model.config.hop_length, device).audio
    with torch.inference_mode():
        tokens = model.encode(audio)
        encode = float(np.median(seconds_each(lambda: model.encode(audio), device, repeats)))
        decode = float(np.median(seconds_each(lambda: model.decode(tokens), device, repeats)))
    total = audio.numel() / RATE
    return {"batch_s": total, "encoded_s_per_s": total / encode, "decoded_s_per_s": total / decode}


def report(title: str, values: Mapping[str, Any]) -> None:
    """Print numbers by name."""
    print(title)
    for name, value in values.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v:.3g}" for k, v in value.items())
        elif isinstance(value, list):
            value = " ".join(f"{v:.4g}" for v in value)
        print(f"  {name:26} {value if isinstance(value, str) else format(value, '.4g')}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", default="hac-small,hac-base", help="training configurations, comma-separated")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of all configurations")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=10, help="counted steps")
    parser.add_argument("--coding-s", type=float, default=160.0, help="seconds of audio coded at once; 0: none")
    parser.add_argument("--matrix", type=int, default=8192, help="rows of the matrix product it is held against")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    results: dict[str, Any] = {"device": name, "torch": torch.__version__}
    for config in arguments.configs.split(","):
        results[config] = training(config, tuple(arguments.set), device, arguments.repeats, arguments.matrix)
        report(f"{config}: training step", results[config])
        if arguments.coding_s:
            results[config]["coding"] = coding(config, device, arguments.repeats, arguments.coding_s)
            report(f"{config}: coding", results[config]["coding"])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
