"""Judges by name: `moonshine`, `resemblyzer`, `dnsmos`, `transformers:WHERE`, or one of an installed package.

`WHERE` is a folder or a hub id, and may carry options: `transformers:openai/whisper-base?language=en&revision=main`.
Other packages add judges through the entry point group `hac.judges`: the entry's name stands before the colon (or
alone), its object is called with `where` (what stands behind the colon, None without one), `device` and the options
as text, and returns a `Recognizer`, a `SpeakerEncoder` or a `MosPredictor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hac.errors import HacError
from hac.judges.base import Judge, MosPredictor, Recognizer, SpeakerEncoder
from hac.plugins import known_names, load_plugin, plugins, split_options, unknown_name

GROUP = "hac.judges"


def load_recognizer(name: str, device: str = "cpu") -> Recognizer:
    """Load a recognizer.

    Args:
        name: `moonshine` (English, on the CPU), `transformers:WHERE`, or one of an installed package.

    Raises:
        HacError: no such judge or model, pickled weights, or a package is missing.
    """
    return _load(name, device, Recognizer, {"moonshine": _moonshine, "transformers": _asr})  # type: ignore[type-abstract]


def load_speaker_encoder(name: str, device: str = "cpu") -> SpeakerEncoder:
    """Load a speaker encoder.

    Args:
        name: `resemblyzer`, `transformers:WHERE` (an x-vector model), or one of an installed package.

    Raises:
        HacError: as for a recognizer.
    """
    builtin = {"resemblyzer": _resemblyzer, "transformers": _xvector}
    return _load(name, device, SpeakerEncoder, builtin)  # type: ignore[type-abstract]


def load_mos_predictor(name: str, device: str = "cpu") -> MosPredictor:
    """Load a predictor of opinion scores.

    Args:
        name: `dnsmos` (on the CPU), or one of an installed package.

    Raises:
        HacError: as for a recognizer.
    """
    return _load(name, device, MosPredictor, {"dnsmos": _dnsmos})  # type: ignore[type-abstract]


_J = TypeVar("_J", bound=Judge)
_Loader = Callable[..., Judge]


def _load(name: str, device: str, protocol: type[_J], builtin: dict[str, _Loader]) -> _J:
    bare, options = split_options(name)
    kind, colon, place = bare.partition(":")
    where = place if colon else None
    if colon and not place:
        raise HacError(f"{name}: nothing behind the colon; expected {kind}:FOLDER or a hub id")
    loader = builtin.get(kind) or _plugin(kind, protocol, builtin)
    try:
        judge = loader(where=where, device=device, **options)
    except TypeError as error:
        raise HacError(f"judge {name!r} cannot be made so ({error}); see docs/judges.md for its options") from error
    if not isinstance(judge, protocol):
        raise HacError(f"judge {name!r}: is a {type(judge).__name__}, which lacks what a {protocol.__name__} must have")
    judge.name = name
    return judge


def _plugin(kind: str, protocol: type[Judge], builtin: dict[str, _Loader]) -> _Loader:
    entry = plugins(GROUP).get(kind)
    if entry is None:
        shown = ["transformers:WHERE" if name == "transformers" else name for name in known_names(builtin, GROUP)]
        raise unknown_name(kind, shown, _WHAT[protocol.__name__])
    loaded: _Loader = load_plugin(entry, "judge")
    return loaded


_WHAT = {"Recognizer": "recognizer", "SpeakerEncoder": "speaker encoder", "MosPredictor": "predictor of opinion scores"}


def _alone(name: str, where: str | None) -> None:
    if where is not None:
        raise HacError(f"{name}:{where}: {name} has its weights in its package; leave out what follows its name")


def _needed(where: str | None) -> str:
    if where is None:
        raise HacError("transformers: is a kind of judge, expected transformers:WHERE, a folder or a hub id")
    return where


def _moonshine(where: str | None, device: str) -> Judge:
    from hac.judges.moonshine_asr import Moonshine

    _alone("moonshine", where)
    return Moonshine()


def _resemblyzer(where: str | None, device: str) -> Judge:
    from hac.judges.resemblyzer import Resemblyzer

    _alone("resemblyzer", where)
    return Resemblyzer(device)


def _dnsmos(where: str | None, device: str) -> Judge:
    from hac.judges.dnsmos import Dnsmos

    _alone("dnsmos", where)
    return Dnsmos()


def _asr(where: str | None, device: str, revision: str | None = None, language: str | None = None) -> Judge:
    from hac.judges.transformers_models import TransformersRecognizer

    return TransformersRecognizer(_needed(where), device, revision, language)


def _xvector(where: str | None, device: str, revision: str | None = None) -> Judge:
    from hac.judges.transformers_models import TransformersVoices

    return TransformersVoices(_needed(where), device, revision)
