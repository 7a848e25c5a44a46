"""Recognizers and speaker encoders of transformers: any folder or pinned hub id with safetensors weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.hub import Checkpoint, checked_device, load_model, open_checkpoint
from hac.judges.base import Unjudged
from hac.judges.checks import check_heard, pieces

MIN_ASR_S = 0.1
"""Seconds below which there is nothing to recognize."""
LONGEST_S = 30.0
"""Seconds heard at once, Whisper's window; a longer recording is cut into equal parts."""
MIN_VOICE_S = 0.5
"""Seconds of audio below which a voice is not judged."""
TOKENS_PER_S = 15
"""A decoder is stopped after so many tokens a second (and 16): else a hallucination runs to the model's limit."""


class TransformersRecognizer:
    """A CTC or sequence-to-sequence model behind the `Recognizer` protocol; decoding is greedy.

    Args:
        where: folder or hub id.
        language: code such as `en`: handed to models that take one (Whisper), and the only language it is asked.
    """

    def __init__(
        self, where: str, device: str = "cpu", revision: str | None = None, language: str | None = None
    ) -> None:
        import transformers

        self.name = f"transformers:{where}"
        checkpoint = open_checkpoint(where, revision)
        self._ctc = _is_ctc(checkpoint)
        family = transformers.AutoModelForCTC if self._ctc else transformers.AutoModelForSpeechSeq2Seq
        self._device = checked_device(device)
        self._processor = _preparer(transformers.AutoProcessor, checkpoint)
        self.sample_rate = int(self._processor.feature_extractor.sampling_rate)
        self._model = load_model(checkpoint, family, device)
        english_only = checkpoint.config["model_type"] == "whisper" and not self._multilingual
        spoken = "en" if english_only else language
        self.languages = None if spoken is None else frozenset({spoken})
        self._options = {"language": language, "task": "transcribe"} if language and self._multilingual else {}
        self.provenance: Mapping[str, Any] = checkpoint.provenance() | {
            "judge": "transformers",
            "device": self._device.type,
            "language": spoken,
            "decoding": "ctc-greedy" if self._ctc else f"greedy, at most 16 + {TOKENS_PER_S} tokens a second",
            "longest_s": LONGEST_S,
        }

    def transcribe(self, samples: NDArray[np.float32]) -> str:
        """Text of one recording, float32 [n] mono at the model's rate.

        Raises:
            Unjudged: it is too short or silent.
        """
        check_heard(samples, self.sample_rate, MIN_ASR_S)
        texts = (self._hear(piece) for piece in pieces(samples, self.sample_rate, LONGEST_S))
        return " ".join(filter(None, texts))

    def _hear(self, samples: NDArray[np.float32]) -> str:
        import torch

        inputs = self._processor(samples, sampling_rate=self.sample_rate, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            if self._ctc:
                ids = self._model(**inputs).logits.argmax(dim=-1)
            else:
                limit = self._n_tokens(len(samples) / self.sample_rate)
                ids = self._model.generate(
                    **inputs, **self._options, do_sample=False, num_beams=1, max_new_tokens=limit
                )
        text = str(self._processor.batch_decode(ids, skip_special_tokens=not self._ctc)[0])
        # of CTC only now: what stands between two equal letters keeps them two
        for token in self._processor.tokenizer.all_special_tokens if self._ctc else ():
            text = text.replace(token, "")
        return text.strip()

    @property
    def _multilingual(self) -> bool:
        generation = getattr(self._model, "generation_config", None)
        return bool(getattr(generation, "is_multilingual", False))

    def _n_tokens(self, seconds: float) -> int:
        config = self._model.config
        positions = getattr(config, "max_target_positions", getattr(config, "max_position_embeddings", 448))
        # a decoder's prompt (start, language, task, no times) takes up to four places
        return max(1, min(16 + math.ceil(TOKENS_PER_S * seconds), int(positions) - 4))


class TransformersVoices:
    """An x-vector model behind the `SpeakerEncoder` protocol."""

    def __init__(self, where: str, device: str = "cpu", revision: str | None = None) -> None:
        import transformers

        self.name = f"transformers:{where}"
        checkpoint = open_checkpoint(where, revision)
        self._device = checked_device(device)
        self._extractor = _preparer(transformers.AutoFeatureExtractor, checkpoint)
        self.sample_rate = int(self._extractor.sampling_rate)
        self._model = load_model(checkpoint, transformers.AutoModelForAudioXVector, device)
        self.dim = int(self._model.config.xvector_output_dim)
        self.provenance: Mapping[str, Any] = checkpoint.provenance() | {
            "judge": "transformers",
            "device": self._device.type,
            "min_s": MIN_VOICE_S,
        }

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vector of one recording: float32 [n] mono at the model's rate -> float32 [dim], of length 1.

        Raises:
            Unjudged: it is too short or silent.
        """
        import torch

        check_heard(samples, self.sample_rate, MIN_VOICE_S)
        inputs = self._extractor(samples, sampling_rate=self.sample_rate, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            vector = self._model(**inputs).embeddings[0].double().cpu().numpy()
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise Unjudged("not-finite", "the model gave a vector without direction")
        return np.asarray(vector / length, np.float32)


def _is_ctc(checkpoint: Checkpoint) -> bool:
    """Whether the model spells frame by frame; by the class that was saved, else by its type.

    Raises:
        HacError: no model that transcribes.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CTC_MAPPING_NAMES,
        MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    )

    saved = str((checkpoint.config.get("architectures") or [""])[0])
    model_type = checkpoint.config.get("model_type")
    if saved.endswith("ForCTC") or saved in MODEL_FOR_CTC_MAPPING_NAMES.values():
        return True
    if model_type in MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES:
        return False
    raise HacError(
        f"{checkpoint.where}: holds {saved or 'a model'} of type {model_type!r}, which does not transcribe; expected"
        " one with a CTC head (Wav2Vec2ForCTC) or a decoder (Whisper, Moonshine, Speech2Text)"
    )


def _preparer(family: Any, checkpoint: Checkpoint) -> Any:
    """The processor or feature extractor that was saved beside the model."""
    folder: Path = checkpoint.folder
    try:
        found = family.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise HacError(
            f"{checkpoint.where}: its {family.__name__.removeprefix('Auto')} cannot be loaded ({reason}); save the"
            " processor beside the model with save_pretrained()"
        ) from error
    if not hasattr(found, "sampling_rate") and not hasattr(found, "feature_extractor"):
        raise HacError(f"{checkpoint.where}: holds no preprocessor_config.json; save the processor beside the model")
    return found
