"""Our losses and discriminators against those of descript-audio-codec: the same numbers, and how fast.

    python -m benchmarks.losses_oracle PEER [--repeats 7] [--no-speed]

PEER is a folder that holds checkouts of descript-audio-codec (`dac/`) and audiotools (`audiotools/`), with what they
import installed, in the folder itself or in its `site/`.
The peer's own modules run, on real speech, with the weights of its discriminator copied into ours. torchaudio,
which its audio class imports and does not use here, is replaced by an empty module. Prints JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hac.train.discriminator import Discriminator
from hac.train.losses import (
    MelSpectrogramLoss,
    MultiScaleStftLoss,
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    waveform_l1,
)
from tests.hac.speech import SAMPLE_RATE, speech

CROP_SAMPLES = 6080
"""DAC trains on crops of 0.38 s."""


class Peer:
    """descript-audio-codec with the values of its configurations."""

    def __init__(self, folder: Path) -> None:
        warnings.simplefilter("ignore")
        sys.path += [str(folder), str(folder / "site")]
        if "torchaudio" not in sys.modules and importlib.util.find_spec("torchaudio") is None:
            sys.modules["torchaudio"] = types.ModuleType("torchaudio")
        # audiotools wants the submodule to be there without importing it
        importlib.import_module("torch.utils.tensorboard")
        self.signal = importlib.import_module("audiotools").AudioSignal
        # the two files alone: the whole package would import the codec and its command line
        losses = _load("peer_losses", folder / "dac" / "nn" / "loss.py")
        scales = {"window_lengths": [2**i for i in range(5, 12)], "n_mels": [5 * 2**i for i in range(7)]}
        limits = {"mel_fmin": [0.0] * 7, "mel_fmax": [None] * 7}
        self.mel = losses.MelSpectrogramLoss(**scales, **limits, pow=1.0, clamp_eps=1e-5, mag_weight=0.0)
        self.stft = losses.MultiScaleSTFTLoss(window_lengths=[2048, 512])
        self.waveform = losses.L1Loss()
        self.discriminator = _load("peer_discriminator", folder / "dac" / "model" / "discriminator.py").Discriminator(
            sample_rate=SAMPLE_RATE
        )
        self.gan = losses.GANLoss(self.discriminator)

    def audio(self, samples: Tensor) -> Any:
        """[b, n] as the peer's own audio class."""
        return self.signal(samples[:, None], SAMPLE_RATE)


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"{path}: not there; give the folder that holds the checkout of descript-audio-codec")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def copy_weights(theirs: Any, ours: Any) -> None:
    """Weights of the peer's discriminator to our `Discriminator`; its multi-period kernels lie across ours."""

    def copy(source: Any, target: Any, across: bool) -> None:
        source = source[0] if isinstance(source, nn.Sequential) else source
        target.bias.copy_(source.bias)
        weight = target.parametrizations.weight
        weight.original0.copy_(source.weight_g)
        weight.original1.copy_(source.weight_v.transpose(2, 3) if across else source.weight_v)

    n_periods = len(ours.multi_period)
    for source, target in zip(theirs.discriminators[:n_periods], ours.multi_period, strict=True):
        for one, other in zip([*source.convs, source.conv_post], [*target.layers, target.output], strict=True):
            copy(one, other, across=True)
    for source, target in zip(theirs.discriminators[n_periods:], ours.multi_band, strict=True):
        for layers, others in zip(source.band_convs, target.bands, strict=True):
            for one, other in zip(layers, others, strict=True):
                copy(one, other, across=False)
        copy(source.conv_post, target.output, across=False)


def crops(n_samples: int, n_items: int = 2) -> tuple[Tensor, Tensor]:
    """Real speech and a spoilt copy of it, [b, n] each."""
    generator = torch.Generator().manual_seed(0)
    real = torch.from_numpy(np.stack([speech(n_samples / SAMPLE_RATE, 0.5 + 2.5 * i) for i in range(n_items)]))
    return real, 0.7 * real + 0.01 * torch.randn(real.shape, generator=generator)


def parity(peer: Peer, ours: Discriminator, n_samples: int) -> dict[str, list[float]]:
    """By quantity: our value, the peer's, and the largest difference of the gradients on the audio."""
    real, fake = crops(n_samples)
    mel, stft = MelSpectrogramLoss(SAMPLE_RATE), MultiScaleStftLoss()

    def adversarial(samples: Tensor) -> Tensor:
        return adversarial_loss(ours(samples))

    def matching(samples: Tensor) -> Tensor:
        return feature_matching_loss(ours(samples), ours(real))

    cases: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
        "mel": (lambda x: mel(x, real), lambda x: peer.mel(peer.audio(x), peer.audio(real))),
        "stft": (lambda x: stft(x, real), lambda x: peer.stft(peer.audio(x), peer.audio(real))),
        "waveform": (lambda x: waveform_l1(x, real), lambda x: peer.waveform(peer.audio(x), peer.audio(real))),
        "adversarial": (adversarial, lambda x: peer.gan.generator_loss(peer.audio(x), peer.audio(real))[0]),
        "feature matching": (matching, lambda x: peer.gan.generator_loss(peer.audio(x), peer.audio(real))[1]),
    }
    found = {}
    for name, pair in cases.items():
        made = []
        for loss in pair:
            samples = fake.clone().requires_grad_()
            value = loss(samples)
            made.append((value.item(), torch.autograd.grad(value, samples)[0]))
        found[name] = [made[0][0], made[1][0], (made[0][1] - made[1][1]).abs().max().item()]
    with torch.no_grad():
        judged = discriminator_loss(ours(real), ours(fake)).item()
        theirs = peer.gan.discriminator_loss(peer.audio(fake), peer.audio(real)).item()
        found["discriminator"] = [judged, theirs]
        found["features, largest difference"] = [_feature_difference(peer, ours, fake)]
    return found


def _feature_difference(peer: Peer, ours: Discriminator, samples: Tensor) -> float:
    largest = 0.0
    for i, (left, right) in enumerate(zip(ours(samples), peer.discriminator(samples[:, None]), strict=True)):
        for one, other in zip(left, right, strict=True):
            across = other.transpose(2, 3) if i < len(ours.multi_period) else other
            largest = max(largest, (one - across).abs().max().item())
    return largest


def speed(peer: Peer, ours: Discriminator, repeats: int) -> dict[str, dict[str, float]]:
    """CPU seconds on one thread, peer and ours in turn; the ratio is the median over the turns."""
    real, fake = crops(CROP_SAMPLES)
    mel = MelSpectrogramLoss(SAMPLE_RATE)
    found = {}
    for name, pair in {
        "discriminator, forward and backward": (
            lambda: _squares(peer.discriminator(real[:, None])).backward(),
            lambda: _squares(ours(real)).backward(),
        ),
        "discriminator step": (
            lambda: peer.gan.discriminator_loss(peer.audio(fake), peer.audio(real)).backward(),
            lambda: discriminator_loss(ours(real), ours(fake)).backward(),
        ),
        "mel loss, forward and backward": (
            lambda: peer.mel(peer.audio(fake.clone().requires_grad_()), peer.audio(real)).backward(),
            lambda: mel(fake.clone().requires_grad_(), real).backward(),
        ),
    }.items():
        times = np.array([_turn(pair, i % 2 == 0, (peer.discriminator, ours)) for i in range(repeats + 1)])[1:]
        theirs, own = np.median(times, axis=0)
        found[name] = {"peer": theirs, "ours": own, "ours / peer": float(np.median(times[:, 1] / times[:, 0]))}
    return found


def _turn(pair: tuple[Callable[[], object], ...], forwards: bool, modules: tuple[nn.Module, ...]) -> list[float]:
    """CPU seconds of each of a pair, called in one order or the other."""
    seconds = [0.0] * len(pair)
    for i in range(len(pair)) if forwards else reversed(range(len(pair))):
        modules[i].zero_grad()
        start = time.process_time()
        pair[i]()
        seconds[i] = time.process_time() - start
    return seconds


def _squares(features: list[list[Tensor]]) -> Tensor:
    return torch.stack([layers[-1].pow(2).mean() for layers in features]).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", type=Path, help="folder with dac/ and audiotools/")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    peer, ours = Peer(options.peer), Discriminator()
    copy_weights(peer.discriminator, ours)
    figures: dict[str, Any] = {f"{n} samples": parity(peer, ours, n) for n in (CROP_SAMPLES, 1281)}
    if not options.no_speed:
        figures["CPU seconds, one thread"] = speed(peer, ours, options.repeats)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
