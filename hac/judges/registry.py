"""Judges by name: `moonshine`, `resemblyzer`, `dnsmos`, `transformers:WHERE`, or one of an installed package.

`WHERE` is a folder or a hub id, and may carry options: `transformers:openai/whisper-base?language=en&revision=main`.
Other packages add judges through the entry point group `hac.judges`: the entry's name stands before the colon (or
alone), its object is called with `where` (what stands behind the colon, None without one), `device` and the options
as text, and returns a `Recognizer`, a `SpeakerEncoder` or a `MosPredictor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import TypeVar

from hac.errors import HacError
from hac.judges.base import Judge, MosPredictor, Recognizer, SpeakerEncoder
from hac.plugins import known_names, load_plugin, plugins, split_options, unknown_name

GROUP = "hac.judges"
_MODELS = "transformers"
"""The kind whose weights are named; those of the others lie in their packages."""


def load_recognizer(name: str, device: str = "cpu") -> Recognizer:
    """Load a recognizer: `moonshine` (English, on the CPU), `transformers:WHERE`, or one of an installed package.

    Raises:
        HacError: no such judge or model, pickled weights, or a package is missing.
    """
    builtin = {"moonshine": "moonshine_asr:Moonshine", _MODELS: "transformers_models:TransformersRecognizer"}
    return _load(name, device, Recognizer, "recognizer", builtin)  # type: ignore[type-abstract]


def load_speaker_encoder(name: str, device: str = "cpu") -> SpeakerEncoder:
    """Load a speaker encoder: `resemblyzer`, `transformers:WHERE` (an x-vector model), or one of an installed package.

    Raises:
        HacError: as for a recognizer.
    """
    builtin = {"resemblyzer": "resemblyzer:Resemblyzer", _MODELS: "transformers_models:TransformersVoices"}
    return _load(name, device, SpeakerEncoder, "speaker encoder", builtin)  # type: ignore[type-abstract]


def load_mos_predictor(name: str, device: str = "cpu") -> MosPredictor:
    """Load a predictor of opinion scores: `dnsmos` (on the CPU), or one of an installed package.

    Raises:
        HacError: as for a recognizer.
    """
    builtin = {"dnsmos": "dnsmos:Dnsmos"}
    return _load(name, device, MosPredictor, "predictor of opinion scores", builtin)  # type: ignore[type-abstract]


_J = TypeVar("_J", bound=Judge)


def _load(name: str, device: str, protocol: type[_J], what: str, builtin: Mapping[str, str]) -> _J:
    bare, options = split_options(name)
    kind, colon, place = bare.partition(":")
    if colon and not place:
        raise HacError(f"{name}: nothing behind the colon; expected {kind}:FOLDER or a hub id")
    is_packaged = kind in builtin and kind != _MODELS
    if is_packaged and colon:
        raise HacError(f"{kind}:{place}: {kind} has its weights in its package; leave out what follows its name")
    if kind in builtin and not is_packaged and not colon:
        raise HacError("transformers: is a kind of judge, expected transformers:WHERE, a folder or a hub id")
    own = {each: EntryPoint(each, f"hac.judges.{path}", GROUP) for each, path in builtin.items()}
    entry = (plugins(GROUP) | own).get(kind)
    if entry is None:
        shown = [f"{each}:WHERE" if each == _MODELS else each for each in known_names(builtin, GROUP)]
        raise unknown_name(kind, shown, what)
    given = options if is_packaged else {"where": place if colon else None, **options}
    try:
        judge = load_plugin(entry, "judge")(device=device, **given)
    except TypeError as error:
        raise HacError(f"judge {name!r} cannot be made so ({error}); see docs/judges.md for its options") from error
    if not isinstance(judge, protocol):
        raise HacError(f"judge {name!r}: is a {type(judge).__name__}, which lacks what a {protocol.__name__} must have")
    judge.name = name
    return judge
