"""The parts from outside that commands lean on: what each is for, how to get it, and the probe that looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.doctor import optional, required
from analysis.doctor.answer import Found


def _extra(name: str) -> str:
    return f"pip install 'hac-codec[{name}]'"


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Attributes:
        name: as people know it.
        needed_for: what does not work without it.
        get: how to get it, or to mend it.
        probe: looks for it and tries it; see `analysis.doctor.required`.
        is_plain: whether every installation must have it.
    """

    name: str
    needed_for: str
    get: str
    probe: Callable[[], Found]
    is_plain: bool = False


PLAIN = "pip install -c constraints.txt hac-codec"

PARTS = (
    Part("Python packages", "everything", PLAIN, required.requirements, True),
    Part("numba", "counting, the builtin aligner", PLAIN, required.numba, True),
    Part("libsndfile", "reading and writing audio", PLAIN, required.libsndfile, True),
    Part("soxr", "changing sample rates", PLAIN, required.soxr, True),
    Part("kaldi-native-fbank", "the builtin aligner, mfcc-kmeans", PLAIN, required.fbank, True),
    Part("pesq", "PESQ in recon", PLAIN, required.pesq, True),
    Part("pystoi", "STOI in recon", PLAIN, required.pystoi, True),
    Part("torch", "tokenizers, training, decoding", PLAIN, required.torch, True),
    Part("transformers", "tokenizers, teachers, judges by name", PLAIN, required.transformers, True),
    Part(
        "bfloat16 on this CPU",
        "hac train --set precision=bf16 on a CPU",
        "set ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16, or train in float32",
        required.bf16_cpu,
    ),
    Part("GPU", "--device cuda", "a CUDA build of torch (pytorch.org) and NVIDIA's driver", required.gpu),
    Part("bfloat16 on the GPU", "hac train in bf16 on the GPU", "train in float32", required.bf16_gpu),
    Part(
        "Opus in libsndfile",
        "clips for reports (listen/), codec-opus in stability",
        "soundfile from PyPI, or libsndfile 1.0.29",
        required.opus,
    ),
    Part(
        "Montreal Forced Aligner",
        "hac align --aligner mfa",
        "conda create -n aligner -c conda-forge montreal-forced-aligner; put its bin on the PATH, or give --mfa",
        optional.mfa,
    ),
    Part("pocketsphinx", "the builtin English aligner", _extra("align"), optional.pocketsphinx),
    Part("gruut", "pronunciations for the builtin aligner", _extra("align"), optional.gruut),
    Part("espeak-ng", "the synthetic corpus, pronunciations", _extra("synth"), optional.espeak),
    Part("PyAV", "Debian's G.722 recordings", _extra("speech"), optional.pyav),
    Part("recognizer moonshine", "WER in recon and intervene", _extra("speech"), optional.moonshine),
    Part("speaker encoder resemblyzer", "voices in recon and intervene", _extra("quality"), optional.resemblyzer),
    Part("opinion scores dnsmos", "MOS in recon and intervene", _extra("quality"), optional.dnsmos),
    Part("praat-parselmouth", "F0 in recon, leakage, intervene", _extra("quality"), optional.parselmouth),
    Part("zerospeech-tde", "hac-analyze discovery", _extra("discovery"), optional.discovery),
    Part(
        "WeasyPrint and Pango",
        "reports as PDF",
        f"{_extra('report')}; Pango is the system's: apt-get install libpango-1.0-0 libpangoft2-1.0-0",
        optional.weasyprint,
    ),
    Part("Dask", "--cluster", _extra("cluster"), optional.dask),
    Part("dask-jobqueue", "--cluster FILE.yaml (Slurm and the like)", _extra("cluster"), optional.jobqueue),
    Part("tensorboard", "curves of hac train", _extra("train"), optional.tensorboard),
    Part("text teacher use", "hac train offline", _extra("offline"), optional.use),
    Part("text teacher minilm", "hac train offline", _extra("offline"), optional.minilm),
    Part(
        "cache of HAC",
        "targets of teachers, Debian's packages",
        "free some space, or set XDG_CACHE_HOME to another folder",
        required.cache,
    ),
    Part("cache of the Hugging Face hub", "models by hub id", "set HF_HOME to another folder", required.hub_cache),
)
"""All parts, those of a plain installation first."""
