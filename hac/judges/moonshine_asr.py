"""English recognizer: Moonshine tiny, whose weights lie in the wheel `moonshine-voice==0.1.0` (MIT).

The recording is heard whole. The package would by default cut it at what its voice detector takes for pauses; on 100
English prompts that lost words at the cuts (word error rate .096 instead of .055).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.judges.base import Unjudged
from hac.judges.checks import check_heard, package_folder, pieces, weights_sha256

NAME = "moonshine"
MIN_S = 0.1
"""Seconds below which there is nothing to recognize."""
LONGEST_S = 30.0
"""Seconds heard at once; a longer recording is cut into equal parts."""

_OPTIONS = {"vad_threshold": "0.0", "vad_max_segment_duration": "60", "return_audio_data": "false"}


class Moonshine:
    """Moonshine tiny behind the `Recognizer` protocol; it computes on the CPU, whatever the device."""

    name = NAME
    sample_rate = 16_000
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, device: str = "cpu") -> None:
        folder = package_folder("moonshine_voice", NAME, "speech")
        model = folder / "assets" / "tiny-en"
        files = [model / name for name in ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")]
        self.provenance: Mapping[str, Any] = {
            "judge": NAME,
            "version": version("moonshine-voice"),
            "weights_sha256": weights_sha256(files, NAME),
            "device": "cpu",
            "longest_s": LONGEST_S,
            "options": dict(_OPTIONS),
        }
        from moonshine_voice import ModelArch, MoonshineError
        from moonshine_voice.transcriber import Transcriber

        self._error = MoonshineError
        try:
            self._transcriber = Transcriber(model, ModelArch.TINY, options=_OPTIONS)
        except MoonshineError as error:
            raise HacError(
                f"the judge {NAME}: its model cannot be loaded ({error}); install the package again"
            ) from error

    def transcribe(self, samples: NDArray[np.float32]) -> str:
        """Text of one recording, float32 [n] mono at 16 kHz.

        Raises:
            Unjudged: it is too short, silent, or the package fails on it.
        """
        check_heard(samples, self.sample_rate, MIN_S)
        return " ".join(filter(None, (self._hear(piece) for piece in pieces(samples, self.sample_rate, LONGEST_S))))

    def _hear(self, samples: NDArray[np.float32]) -> str:
        try:
            found = self._transcriber.transcribe_without_streaming(samples.tolist(), self.sample_rate)
        except self._error as error:
            raise Unjudged("judge-error", f"Moonshine failed: {error}") from error
        return " ".join(line.text.strip() for line in found.lines)
