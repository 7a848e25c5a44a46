"""Probes of what every installation has, of the device, and of the caches.

A probe returns what it found, raises `Missing` where there is nothing, and any other error where a part is there but
does not work. Probes run in processes of their own (`analysis.doctor.examine`), so they may import what they like.
"""

from __future__ import annotations

import io
import os
import shutil
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from analysis.doctor.answer import RATE, Found, Missing, importable, is_there, tone

LOW_SPACE_GB = 1.0
"""A cache with less than this left is told as broken."""


def requirements() -> Found:
    """Every package that hac-codec names, in a version that it allows."""
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in metadata.requires("hac-codec") or []]
    plain = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = []
    for one in plain:
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{one.name} is not installed")
            continue
        if not one.specifier.contains(version, prereleases=True):
            wrong.append(f"{one.name} is {version}, expected {one.specifier}")
    if wrong:
        raise ImportError("; ".join(wrong))
    return Found(metadata.version("hac-codec"), f"{len(plain)} packages")


def numba() -> Found:
    """numba, by compiling a loop."""
    module, version = importable("numba", "numba")

    @module.njit  # type: ignore[untyped-decorator]
    def add(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    if add(5) != 10:
        raise ValueError("a compiled loop counts wrongly")
    return Found(version)


def libsndfile() -> Found:
    """libsndfile, by writing and reading FLAC."""
    soundfile, version = importable("soundfile", "soundfile")
    _roundtrip(soundfile, "FLAC", "PCM_16", RATE)
    return Found(version, str(soundfile.__libsndfile_version__))


def opus() -> Found:
    """Opus in that libsndfile, by writing and reading it."""
    soundfile, _ = importable("soundfile", "soundfile")
    if "OPUS" not in soundfile.available_subtypes("OGG"):
        raise Missing(f"libsndfile {soundfile.__libsndfile_version__} writes no Opus")
    _roundtrip(soundfile, "OGG", "OPUS", 48_000)
    return Found(str(soundfile.__libsndfile_version__))


def _roundtrip(soundfile: Any, format: str, subtype: str, rate: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(rate), rate, format=format, subtype=subtype)
    file.seek(0)
    samples, found = soundfile.read(file)
    if found != rate or abs(len(samples) - rate) > rate // 10 or not np.abs(samples).max() > 0.1:
        raise ValueError(f"{subtype} comes back as something else")


def soxr() -> Found:
    """soxr, by halving a rate."""
    module, version = importable("soxr", "soxr")
    if len(module.resample(tone(RATE), RATE, RATE // 2)) != RATE // 2:
        raise ValueError("half the rate does not give half the samples")
    return Found(version)


def fbank() -> Found:
    """kaldi-native-fbank, by the features of a second."""
    module, version = importable("kaldi_native_fbank", "kaldi-native-fbank")
    made = module.OnlineFbank(module.FbankOptions())
    made.accept_waveform(RATE, tone(RATE).tolist())
    if made.num_frames_ready < 90:
        raise ValueError(f"a second gave {made.num_frames_ready} frames, expected 98")
    return Found(version)


def pesq() -> Found:
    """PESQ of a signal and itself."""
    module, version = importable("pesq", "pesq")
    signal = np.concatenate([tone(RATE), np.random.default_rng(0).normal(0, 0.1, RATE)])
    if not module.pesq(RATE, signal, signal, "wb") > 4:
        raise ValueError("a signal and itself do not get the best score")
    return Found(version)


def pystoi() -> Found:
    """STOI of a signal and itself."""
    module, version = importable("pystoi", "pystoi")
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    if not module.stoi(noise, noise, RATE) > 0.99:
        raise ValueError("a signal and itself do not get the best score")
    return Found(version)


def torch() -> Found:
    """Torch, by a product."""
    module, _ = importable("torch", "torch")
    if float((module.ones(3) @ module.ones(3)).item()) != 3.0:
        raise ValueError("a product comes out wrong")
    cuda = module.version.cuda
    return Found(str(module.__version__), f"built for CUDA {cuda}" if cuda else "a build for the CPU")


def transformers() -> Found:
    """The part of transformers that HAC's codec is made of."""
    _, version = importable("transformers", "transformers")
    import_module("transformers.models.dac.modeling_dac")
    return Found(version)


def gpu() -> Found:
    """The GPU that torch sees."""
    is_there("torch")
    if (version := metadata.version("torch")).endswith("+cpu"):
        raise Missing(f"torch {version} is a build for the CPU")
    module = import_module("torch")
    if not module.cuda.is_available():
        raise Missing("torch sees no GPU" if module.version.cuda else f"torch {version} is a build for the CPU")
    found = module.cuda.get_device_properties(0)
    if float(module.ones(3, device="cuda").sum()) != 3.0:
        raise ValueError("a sum comes out wrong")
    return Found(
        f"CUDA {module.version.cuda}",
        f"{module.cuda.device_count()} x {found.name}, {found.total_memory / 2**30:.0f} GiB",
    )


def bf16_cpu() -> Found:
    """Whether this processor convolves soundly in bfloat16."""
    return _bf16("cpu")


def bf16_gpu() -> Found:
    """Whether the GPU does."""
    gpu()
    return _bf16("cuda")


def _bf16(device: str) -> Found:
    module, version = importable("torch", "torch")
    from hac.train.precision import sound_bf16

    if not sound_bf16(module.device(device)):
        raise ValueError("bfloat16 convolutions give wrong numbers")
    return Found(version, "sound")


def cache() -> Found:
    """Our own cache: whether it can be written, what lies there, what space is left."""
    from hac.files.atomic import user_cache

    folder = user_cache()
    teachers = folder / "teachers"
    n = sum(1 for path in teachers.iterdir() if path.is_dir()) if teachers.is_dir() else 0
    return Found("", f"{_space(folder)}; targets of {n} teachers in {teachers}")


def hub_cache() -> Found:
    """The hub's cache: whether it can be written, and what space is left."""
    importable("huggingface_hub", "huggingface_hub")
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    n = len(list(folder.glob("models--*")))
    return Found(metadata.version("huggingface_hub"), f"{_space(folder)}; {n} models in {folder}")


def _space(folder: Path) -> str:
    """Space on the disk of a folder, or of what is there above it.

    Raises:
        OSError: it cannot be written, or next to nothing is left.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise OSError(f"{there} cannot be written")
    free = shutil.disk_usage(there).free / 1e9
    if free < LOW_SPACE_GB:
        raise OSError(f"{there}: {free:.2f} GB are free, expected {LOW_SPACE_GB:.0f} or more")
    return f"{free:.0f} GB free"
