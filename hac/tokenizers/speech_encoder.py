"""Hidden states of a speech encoder, as features for k-means: HuBERT, WavLM, wav2vec 2.0, data2vec, Whisper.

Two families, and what `n` samples at 16 kHz give:

- *waveform* encoders (a `conv_stride` in the config): the convolutions are not padded, so
  `floor((n - 400) / 320) + 1` frames at 50 Hz for the usual strides, one fewer than a 50 Hz codec; frame i is
  centred at `320 i + 200` samples.
- *Whisper*: `ceil(n / 320)` frames at 50 Hz; frame i is centred at `320 i` samples, half a frame early. The
  model sees windows of 30 s filled up with silence; longer audio is cut into consecutive windows.

Every utterance goes through the model alone: base models normalize over time, so zeros added to fill a
batch would change the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.tokenizers.pretrained import Checkpoint, load_model, open_checkpoint, read_json

WHISPER_HOP_SAMPLES = 320


class WaveformEncoder:
    """A layer of a wav2vec-like encoder.

    Args:
        checkpoint: the model's files.
        layer: 0 is what enters the first transformer layer, i the output of layer i.
        device: torch device.
    """

    def __init__(self, checkpoint: Checkpoint, layer: int, device: str) -> None:
        from transformers import AutoModel

        model = load_model(checkpoint, AutoModel, device)
        self._layer = _checked_layer(layer, model.encoder.layers, checkpoint)
        # the layers above the next one are never needed; the last kept one may be followed by a norm
        model.encoder.layers = model.encoder.layers[: layer + 1]
        self._model = model
        self._geometry = tuple(zip(model.config.conv_kernel, model.config.conv_stride, strict=True))
        settings = _feature_settings(checkpoint)
        self.sample_rate = int(settings.get("sampling_rate", 16_000))
        self.frame_rate = Fraction(self.sample_rate, prod(model.config.conv_stride))
        self.dim = int(model.config.hidden_size)
        # fairseq's models with layer-normed convolutions were trained on normalized waves, the others not
        default = getattr(model.config, "feat_extract_norm", "layer") == "layer"
        self._normalize = bool(settings.get("do_normalize", default))
        self._checkpoint = checkpoint

    def describe(self) -> dict[str, Any]:
        """The settings that fix the features, for provenance."""
        return {
            "kind": "waveform-encoder",
            "layer": self._layer,
            "normalize": self._normalize,
            **self._checkpoint.provenance(),
        }

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hidden states of one utterance: float32 [n_samples] -> float32 [n_frames, dim]."""
        import torch

        n_frames = len(samples)
        for kernel, stride in self._geometry:
            n_frames = (n_frames - kernel) // stride + 1 if n_frames >= kernel else 0
        if n_frames == 0:
            return np.empty((0, self.dim), dtype=np.float32)
        if self._normalize:
            wave = samples.astype(np.float64)
            samples = ((wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)).astype(np.float32)
        audio = torch.from_numpy(np.array(samples)).to(self._model.device)[None]
        with torch.inference_mode():
            states = self._model(audio, output_hidden_states=True).hidden_states[self._layer]
        return np.ascontiguousarray(states[0].float().cpu().numpy())


class WhisperEncoderFeatures:
    """A layer of Whisper's encoder; the decoder's weights are neither needed nor loaded.

    Args:
        checkpoint: the model's files.
        layer: 0 is what enters the first transformer layer, i the output of layer i (the last one normed).
        device: torch device.
    """

    def __init__(self, checkpoint: Checkpoint, layer: int, device: str) -> None:
        from transformers import WhisperFeatureExtractor
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        model = load_model(checkpoint, WhisperEncoder, device, key_mapping=_WHISPER_KEYS)
        self._layer = _checked_layer(layer, model.layers, checkpoint)
        model.layers = model.layers[: layer + 1]
        self._model = model
        self._window = int(model.config.max_source_positions) * WHISPER_HOP_SAMPLES
        settings = _feature_settings(checkpoint)
        self.sample_rate = int(settings.get("sampling_rate", 16_000))
        self.frame_rate = Fraction(self.sample_rate, WHISPER_HOP_SAMPLES)
        self.dim = int(model.config.d_model)
        self._mel = WhisperFeatureExtractor(
            feature_size=int(model.config.num_mel_bins),
            sampling_rate=self.sample_rate,
        )
        self._checkpoint = checkpoint

    def describe(self) -> dict[str, Any]:
        """The settings that fix the features, for provenance."""
        window_s = self._window / self.sample_rate
        return {
            "kind": "whisper",
            "layer": self._layer,
            "window_s": window_s,
            **self._checkpoint.provenance(),
        }

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hidden states of one utterance: float32 [n_samples] -> float32 [ceil(n_samples / 320), dim]."""
        windows = [
            self._extract_window(samples[start : start + self._window])
            for start in range(0, len(samples), self._window)
        ]
        return np.concatenate(windows) if windows else np.empty((0, self.dim), dtype=np.float32)

    def _extract_window(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        filled = np.pad(samples, (0, self._window - len(samples)))
        features = self._mel(
            filled,
            sampling_rate=self.sample_rate,
            padding="do_not_pad",
            truncation=False,
            return_tensors="pt",
        ).input_features
        with torch.inference_mode():
            output = self._model(features.to(self._model.device), output_hidden_states=True)
        n_frames = ceil(len(samples) / WHISPER_HOP_SAMPLES)
        states = output.hidden_states[self._layer][0, :n_frames]
        return np.ascontiguousarray(states.float().cpu().numpy())


_WHISPER_KEYS = {r"^(model\.)?encoder\.": ""}


def load_encoder(
    where: str, layer: int, device: str = "cpu", revision: str | None = None
) -> WaveformEncoder | WhisperEncoderFeatures:
    """Load a speech encoder from a folder or hub id.

    Raises:
        HacError: it cannot be loaded, is no speech encoder, or has no such layer.
    """
    checkpoint = open_checkpoint(where, revision)
    if checkpoint.config.get("model_type") == "whisper":
        return WhisperEncoderFeatures(checkpoint, layer, device)
    if "conv_stride" in checkpoint.config and "conv_kernel" in checkpoint.config:
        return WaveformEncoder(checkpoint, layer, device)
    raise HacError(
        f"{where}: model_type {checkpoint.config.get('model_type')!r} is no speech encoder known here;"
        " expected HuBERT, WavLM, wav2vec 2.0, data2vec-audio or Whisper"
    )


def _checked_layer(layer: int, layers: Any, checkpoint: Checkpoint) -> int:
    if not 0 <= layer <= len(layers):
        raise HacError(f"{checkpoint.where}: has layers 0 to {len(layers)}, layer {layer} was asked for")
    return layer


def _feature_settings(checkpoint: Checkpoint) -> Mapping[str, Any]:
    path = checkpoint.folder / "preprocessor_config.json"
    return read_json(path) if path.is_file() else {}
