"""Hidden states of a speech encoder, as features for k-means: HuBERT, WavLM, wav2vec 2.0, data2vec, Whisper.

Two families, and what `n` samples at 16 kHz give:

- *waveform* encoders (a `conv_stride` in the config): the convolutions are not padded, so
  `floor((n - 400) / 320) + 1` frames at 50 Hz for the usual strides, one fewer than a 50 Hz codec; frame i is
  centred at `320 i + 200` samples.
- *Whisper*: `ceil(n / 320)` frames at 50 Hz; frame i is centred at `320 i` samples, half a frame early. The
  model sees windows of 30 s filled up with silence, as it was trained, or with less silence where `window_s`
  asks for less; longer audio is cut into consecutive windows of 30 s.

A layer is a number, or `average`: the mean of all hidden states, what enters the first transformer layer
included (SpeechTokenizer's teacher, arXiv 2308.16692).

Every utterance goes through the model alone: base models normalize over time, so zeros added to fill a
batch would change the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.hub import Checkpoint, load_model, open_checkpoint, read_json

if TYPE_CHECKING:
    from torch import Tensor

Layer = int | Literal["average"]

WHISPER_HOP_SAMPLES = 320


class WaveformEncoder:
    """A layer of a wav2vec-like encoder.

    Args:
        layer: 0 is what enters the first transformer layer, i the output of layer i; `average` is the mean of all.

    Attributes:
        sample_rate: Hz of the audio it wants.
        first_centre_s: time of the centre of frame 0: half the receptive field of the convolutions.
        dim: features per frame.
    """

    def __init__(self, checkpoint: Checkpoint, layer: Layer, device: str) -> None:
        from transformers import AutoModel

        model = load_model(checkpoint, AutoModel, device)
        self._layer = _checked_layer(layer, model.encoder.layers, checkpoint)
        if self._layer != "average":
            # the layers above the next one are never needed; the last kept one may be followed by a norm
            model.encoder.layers = model.encoder.layers[: self._layer + 1]
        self._model = model
        self._geometry = tuple(zip(model.config.conv_kernel, model.config.conv_stride, strict=True))
        settings = _feature_settings(checkpoint)
        self.sample_rate = int(settings.get("sampling_rate", 16_000))
        self.frame_rate = Fraction(self.sample_rate, prod(model.config.conv_stride))
        self.first_centre_s = Fraction(_receptive_field(self._geometry), 2 * self.sample_rate)
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
            all_states = self._model(audio, output_hidden_states=True).hidden_states
            states = _mean(all_states) if self._layer == "average" else all_states[self._layer]
        return np.ascontiguousarray(states[0].float().cpu().numpy())


class WhisperEncoderFeatures:
    """A layer of Whisper's encoder; the decoder's weights are neither needed nor loaded.

    Args:
        layer: 0 is what enters the first transformer layer, i the output of layer i (the last one normed); `average`
            is the mean of all.
        window_s: fill audio with silence up to a multiple of this many seconds only, which saves most of the work on
            short utterances and changes the features somewhat; None fills it up to the 30 s the model was trained on,
            which published features use.

    Attributes:
        sample_rate: Hz of the audio it wants.
        first_centre_s: time of the centre of frame 0: zero, as the spectrogram's frames are centred.
        dim: features per frame.
    """

    def __init__(self, checkpoint: Checkpoint, layer: Layer, device: str, window_s: float | None = None) -> None:
        from torch import nn
        from transformers import WhisperFeatureExtractor
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        model = load_model(checkpoint, WhisperEncoder, device, key_mapping=_WHISPER_KEYS)
        self._layer = _checked_layer(layer, model.layers, checkpoint)
        if self._layer != "average" and self._layer < len(model.layers):
            # the layers above are never needed, and their norm not wanted
            model.layers = model.layers[: self._layer]
            model.layer_norm = nn.Identity()
        self._model = model
        self._window = int(model.config.max_source_positions) * WHISPER_HOP_SAMPLES
        settings = _feature_settings(checkpoint)
        self.sample_rate = int(settings.get("sampling_rate", 16_000))
        self._step = self._window if window_s is None else min(self._window, _window(window_s, self.sample_rate))
        self._positions = {int(model.config.max_source_positions): model.embed_positions}
        self.frame_rate = Fraction(self.sample_rate, WHISPER_HOP_SAMPLES)
        self.first_centre_s = Fraction(0)
        self.dim = int(model.config.d_model)
        self._mel = WhisperFeatureExtractor(
            feature_size=int(model.config.num_mel_bins),
            sampling_rate=self.sample_rate,
        )
        self._checkpoint = checkpoint

    def describe(self) -> dict[str, Any]:
        """The settings that fix the features, for provenance."""
        return {
            "kind": "whisper",
            "layer": self._layer,
            "window_s": self._step / self.sample_rate,
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

        n_filled = min(ceil(len(samples) / self._step) * self._step, self._window)
        filled = np.pad(samples, (0, n_filled - len(samples)))
        features = self._mel(
            filled,
            sampling_rate=self.sample_rate,
            padding="do_not_pad",
            truncation=False,
            return_tensors="pt",
        ).input_features
        self._admit(n_filled // WHISPER_HOP_SAMPLES)
        with torch.inference_mode():
            output = self._model(features.to(self._model.device), output_hidden_states=self._layer == "average")
        n_frames = ceil(len(samples) / WHISPER_HOP_SAMPLES)
        states = output.last_hidden_state if output.hidden_states is None else _mean(output.hidden_states)
        return np.ascontiguousarray(states[0, :n_frames].float().cpu().numpy())

    def _admit(self, n_positions: int) -> None:
        """Make the encoder one of windows of `n_positions` frames: it takes exactly as many as it has positions."""
        from torch import nn

        if n_positions not in self._positions:
            longest = self._positions[max(self._positions)]
            self._positions[n_positions] = nn.Embedding.from_pretrained(longest.weight[:n_positions])
        self._model.embed_positions = self._positions[n_positions]
        self._model.config.max_source_positions = n_positions


_WHISPER_KEYS = {r"^(model\.)?encoder\.": ""}


def load_encoder(
    where: str, layer: Layer, device: str = "cpu", revision: str | None = None, window_s: float | None = None
) -> WaveformEncoder | WhisperEncoderFeatures:
    """Load a speech encoder from a folder or hub id.

    Args:
        where: the folder or hub id.
        window_s: for Whisper, see `WhisperEncoderFeatures`; the others take audio of any length as it is.

    Raises:
        HacError: it cannot be loaded, is no speech encoder, or has no such layer.
    """
    checkpoint = open_checkpoint(where, revision)
    if checkpoint.config.get("model_type") == "whisper":
        return WhisperEncoderFeatures(checkpoint, layer, device, window_s)
    if "conv_stride" in checkpoint.config and "conv_kernel" in checkpoint.config:
        return WaveformEncoder(checkpoint, layer, device)
    raise HacError(
        f"{where}: model_type {checkpoint.config.get('model_type')!r} is no speech encoder known here;"
        " expected HuBERT, WavLM, wav2vec 2.0, data2vec-audio or Whisper"
    )


def _checked_layer(layer: int | str, layers: Any, checkpoint: Checkpoint) -> Layer:
    if layer == "average":
        return "average"
    if isinstance(layer, str) or not 0 <= layer <= len(layers):
        raise HacError(
            f"{checkpoint.where}: has layers 0 to {len(layers)}, layer {layer} was asked for; give one of these"
            " or average"
        )
    return layer


def _window(window_s: float, sample_rate: int) -> int:
    """A window in samples, a whole number of frames."""
    window = Fraction(str(window_s)) * sample_rate
    if window <= 0 or window % WHISPER_HOP_SAMPLES:
        step_s = WHISPER_HOP_SAMPLES / sample_rate
        raise HacError(f"a window of {window_s} s was asked for; expected a positive multiple of {step_s:g} s")
    return int(window)


def _mean(states: tuple[Tensor, ...]) -> Tensor:
    """The mean over layers."""
    import torch

    return torch.stack(states).mean(dim=0)


def _receptive_field(geometry: tuple[tuple[int, int], ...]) -> int:
    """Samples that one frame of a stack of (kernel, stride) convolutions sees."""
    field, hop = 1, 1
    for kernel, stride in geometry:
        field += (kernel - 1) * hop
        hop *= stride
    return field


def _feature_settings(checkpoint: Checkpoint) -> Mapping[str, Any]:
    path = checkpoint.folder / "preprocessor_config.json"
    return read_json(path) if path.is_file() else {}
