"""How fast the codec encodes, decodes and trains beside its peers: `python -m benchmarks.training [--peer DIR]`.

In one run, on the same audio, interleaved and repeated, as medians of paired ratios:

1. encode and decode of whole utterances by `hac-small` and `hac-base` against transformers' `DacModel` of the same
   size, with the two level transformers and without them (levels off);
2. the generator's forward and backward pass, likewise, on crops as DAC trains on;
3. one full GAN training step (generator, all discriminators, all losses, two optimizers) against the same step as
   `descript-audio-codec` takes it: `DacModel`, and with `--peer` that project's own discriminators and losses.

`--peer` is a folder that holds checkouts of descript-audio-codec (`dac/`) and audiotools (`audiotools/`), with what
they import installed or in `site/`; they run in this process, with torchaudio, which they import for nothing, left out.
Without it, the step of the peer uses our discriminators and losses, called twice as DAC calls them.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor
from transformers import DacConfig, DacModel

from benchmarks.losses_oracle import Peer
from hac.model.config import HacConfig
from hac.model.hac_model import HacModel
from hac.train.config import TrainConfig, build_train_config
from hac.train.data.dataset import TrainBatch
from hac.train.discriminator import Discriminator
from hac.train.generator import Generator
from hac.train.losses import MelSpectrogramLoss, adversarial_loss, discriminator_loss, feature_matching_loss
from hac.train.step import Networks, train_step
from tests.hac.speech import speech

ROOT = Path(__file__).parent.parent
RATE = 16_000
OFF = {"phonetic": False, "lexical": False}
Work = Callable[[], Any]


def compare(works: dict[str, Work], repeats: int) -> dict[str, dict[str, float]]:
    """Run the works in turn, forwards and backwards, and give each one's seconds and its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name in list(works)[:: 1 if turn % 2 else -1]:
            wait(torch.get_default_device())
            started = time.perf_counter()
            works[name]()
            wait(torch.get_default_device())
            if turn:  # the first turn warms up
                times[name].append(time.perf_counter() - started)
    first = np.array(times[next(iter(works))])
    return {
        name: {
            "seconds": float(np.median(rows)),
            "ratio": float(np.median(np.array(rows) / first)),
            "ratio_min": float(np.min(np.array(rows) / first)),
            "ratio_max": float(np.max(np.array(rows) / first)),
        }
        for name, rows in times.items()
    }


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def models(size: str) -> tuple[DacModel, HacModel, HacModel]:
    """A DAC, and HAC models of the same backbone without and with the level transformers."""
    torch.manual_seed(0)
    config = HacConfig.from_yaml(ROOT / "configs" / "model" / f"{size}.yaml", kmeans_init=False)
    dac = config.dac_config()
    values = {**dac.to_dict(), "n_codebooks": config.acoustic_codebooks, "codebook_size": config.acoustic_codebook_size}
    peer = DacConfig(**values)
    peer.hidden_size = config.latent_dim
    bare = HacConfig.from_yaml(
        ROOT / "configs" / "model" / f"{size}.yaml", **OFF, lexical_input="parallel", kmeans_init=False
    )
    return DacModel(peer), HacModel(bare), HacModel(config)


def two_voices(seconds: float) -> Tensor:
    """Real speech, [2, n]."""
    return torch.from_numpy(np.stack([speech(seconds, 0.5), speech(seconds, 4.0)])).to(torch.get_default_device())


def coding(size: str, utterance_s: float, repeats: int) -> dict[str, Any]:
    """Encode and decode whole utterances."""
    dac, bare, whole = models(size)
    audio = two_voices(utterance_s)
    results: dict[str, Any] = {}
    for model in (dac, bare, whole):
        model.eval()
    with torch.inference_mode():
        codes = dac.encode(audio[:, None]).audio_codes
        tokens = {"bare": bare.encode(audio), "whole": whole.encode(audio)}
        results["encode"] = compare(
            {
                "DacModel": lambda: dac.encode(audio[:, None]),
                "levels off": lambda: bare.encode(audio),
                "whole": lambda: whole.encode(audio),
            },
            repeats,
        )
        results["decode"] = compare(
            {
                "DacModel": lambda: dac.decode(audio_codes=codes),
                "levels off": lambda: bare.decode(tokens["bare"]),
                "whole": lambda: whole.decode(tokens["whole"]),
            },
            repeats,
        )
    return results


def learning(size: str, seconds: float, repeats: int) -> dict[str, dict[str, float]]:
    """The generator's forward and backward pass on crops as DAC trains on."""
    dac, bare, whole = models(size)
    audio = two_voices(seconds)
    for model in (dac, bare, whole):
        model.train()

    def backward(loss: Tensor, sound: Tensor, model: torch.nn.Module) -> None:
        model.zero_grad(set_to_none=True)
        (loss + sound.pow(2).mean()).backward()

    def dac_pass() -> None:
        output = dac(audio[:, None])
        backward(output.loss.mean(), output.audio_values, dac)

    def hac_pass(model: HacModel) -> Work:
        def work() -> None:
            output = model(audio)
            backward(output.loss, output.audio_values, model)

        return work

    works = {"DacModel": dac_pass, "levels off": hac_pass(bare), "whole": hac_pass(whole)}
    return compare(works, repeats)


def stepping(size: str, seconds: float, repeats: int, peer: Path | None) -> dict[str, Any]:
    """One full GAN training step on a batch of two, all of whose sound is decoded."""
    dac, bare, whole = models(size)
    audio = two_voices(seconds)
    works = {
        "DAC's step": peer_step(dac, audio, peer),
        "levels off": own_step(bare, audio, seconds),
        "whole": own_step(whole, audio, seconds),
    }
    return compare(works, repeats)


def own_step(model: HacModel, audio: Tensor, seconds: float) -> Work:
    """Our training step, without teachers."""
    config: TrainConfig = build_train_config(
        {
            "model": {},
            "data": {"train": ["-"], "min_s": seconds},
            "teachers": {"speech": None, "text": None},
            "losses": {"window_s": seconds},
        },
        "benchmark",
    )
    generator = Generator(model, config, None, None).train()
    discriminator = Discriminator()
    networks = Networks(
        generator,
        discriminator,
        torch.optim.AdamW(generator.parameters(), fused=True),
        torch.optim.AdamW(discriminator.parameters(), fused=True),
        MelSpectrogramLoss(RATE),
    )
    n_frames = -(-audio.shape[1] // model.config.hop_length)
    batch = TrainBatch(
        ids=("a", "b"),
        audio=audio,
        exists=torch.ones(audio.shape, dtype=torch.bool),
        speech_targets=None,
        speech_taught=torch.zeros(2, n_frames, dtype=torch.bool),
        text_targets=None,
        text_taught=torch.zeros(2, dtype=torch.bool),
        windows=torch.zeros(2, dtype=torch.float64),
    )
    return lambda: train_step(networks, [replace(batch)], config, 0, nullcontext)


def peer_step(dac: DacModel, audio: Tensor, peer: Path | None) -> Work:
    """A step as descript-audio-codec's train.py takes it: discriminators first, then generator with a second pass."""
    if peer is None:
        discriminator: Any = Discriminator()
        mel: Any = MelSpectrogramLoss(RATE)

        def judge(fake: Tensor, real: Tensor) -> Tensor:
            return discriminator_loss(discriminator(real), discriminator(fake.detach()))

        def fool(fake: Tensor, real: Tensor) -> Tensor:
            features = discriminator(fake), discriminator(real)
            return adversarial_loss(features[0]) + 2 * feature_matching_loss(*features)

        def distance(fake: Tensor, real: Tensor) -> Tensor:
            loss: Tensor = mel(fake, real)
            return loss
    else:
        judge, fool, distance, discriminator = _peer_modules(peer)
    generator_optimizer = torch.optim.AdamW(dac.parameters(), fused=True)
    discriminator_optimizer = torch.optim.AdamW(discriminator.parameters(), fused=True)
    dac.train()

    def work() -> None:
        output = dac(audio[:, None])
        fake = output.audio_values
        real = audio[:, : fake.shape[1]]
        discriminator_optimizer.zero_grad()
        judge(fake, real).backward()
        torch.nn.utils.clip_grad_norm_(discriminator.parameters(), 10.0)
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        (15 * distance(fake, real) + fool(fake, real) + output.loss.mean()).backward()
        torch.nn.utils.clip_grad_norm_(dac.parameters(), 1e3)
        generator_optimizer.step()

    return work


def _peer_modules(folder: Path) -> tuple[Callable[..., Tensor], Callable[..., Tensor], Callable[..., Tensor], Any]:
    """Discriminators and losses out of a checkout, behind the same three functions."""
    peer = Peer(folder)

    def judge(fake: Tensor, real: Tensor) -> Tensor:
        loss: Tensor = peer.gan.discriminator_loss(peer.audio(fake), peer.audio(real))
        return loss

    def fool(fake: Tensor, real: Tensor) -> Tensor:
        generator, features = peer.gan.generator_loss(peer.audio(fake), peer.audio(real))
        total: Tensor = generator + 2 * features
        return total

    def distance(fake: Tensor, real: Tensor) -> Tensor:
        loss: Tensor = peer.mel(peer.audio(fake), peer.audio(real))
        return loss

    return judge, fool, distance, peer.discriminator


def _print(size: str, results: dict[str, Any]) -> None:
    for task, rows in results.items():
        for name, row in rows.items():
            print(
                f"{size:10} {task:22} {name:12} {row['seconds'] * 1000:9.1f} ms   {row['ratio']:.2f}x "
                f"[{row['ratio_min']:.2f}, {row['ratio_max']:.2f}]",
                flush=True,
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="hac-small,hac-base", help="comma-separated model configurations")
    parser.add_argument("--seconds", type=float, default=0.38, help="of each of two crops, for what is trained")
    parser.add_argument(
        "--utterance-s", type=float, default=3.0, help="of each of two utterances, for encode and decode"
    )
    parser.add_argument("--coding-only", action="store_true", help="leave out what is trained")
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each work")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; everything in single precision")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=True) or 1)
    parser.add_argument("--peer", type=Path, help="folder with dac/ and audiotools/")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_default_device(arguments.device)
    print(
        f"{platform.machine()}, {arguments.threads} threads, torch {torch.__version__}; "
        f"two crops of {arguments.seconds} s, two utterances of {arguments.utterance_s} s"
    )
    results: dict[str, Any] = {}
    for size in arguments.sizes.split(","):
        results[size] = coding(size, arguments.utterance_s, arguments.repeats)
        if not arguments.coding_only:
            results[size]["forward and backward"] = learning(size, arguments.seconds, arguments.repeats)
            results[size]["training step"] = stepping(size, arguments.seconds, arguments.repeats, arguments.peer)
        _print(size, results[size])
    print(f"peak memory {psutil.Process().memory_info().rss / 2**30:.2f} GiB")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
