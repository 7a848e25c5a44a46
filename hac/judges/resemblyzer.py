"""Speaker encoder: the network and the weights of the package `Resemblyzer` 0.1.4 (Apache-2.0), without its code.

The package itself cannot be imported where `pkg_resources` is missing, so the network stands here again: the last
state of a three-layer LSTM over 40 mel bands, a linear layer, ReLU, length 1. A recording is cut into windows of 1.6 s
at 1.3 a second, and its vector is the mean of theirs. Quiet recordings are raised to -30 dB as the package does. The
package also cuts long silences out by a voice detector; here they stay, and the provenance says so.
Reference: Wan et al., Generalized end-to-end loss for speaker verification, ICASSP 2018 (arXiv 1710.10467).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hac.errors import HacError
from hac.hub import checked_device
from hac.judges.checks import check_heard, package_folder, weights_sha256

NAME = "resemblyzer"
SAMPLE_RATE = 16_000
MIN_S = 0.5
"""Seconds of audio below which a voice is not judged: the package fills up to 1.6 s with zeros."""

N_MELS = 40
HIDDEN = 256
HOP = 160
WINDOW_FRAMES = 160
TARGET_DB = -30.0
RATE = 1.3
"""Windows a second."""
MIN_COVERAGE = 0.75
"""Share of the last window that must be audio."""


class Network(nn.Module):
    """Mel frames of a window to its vector."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, HIDDEN, 3, batch_first=True)
        self.linear = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, mels: Tensor) -> Tensor:
        """Vectors of length 1: float32 [b, t, 40] -> [b, 256], none negative."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)


class Resemblyzer:
    """Resemblyzer's encoder behind the `SpeakerEncoder` protocol."""

    name = NAME
    sample_rate = SAMPLE_RATE
    dim = HIDDEN

    def __init__(self, device: str = "cpu") -> None:
        weights = package_folder("resemblyzer", NAME) / "pretrained.pt"
        package_folder("librosa", NAME)
        self._device = checked_device(device)
        self.provenance: Mapping[str, Any] = {
            "judge": NAME,
            "version": version("Resemblyzer"),
            "weights_sha256": weights_sha256([weights], NAME),
            "device": self._device.type,
            "min_s": MIN_S,
            "silences_trimmed": False,
            "libraries": {name: version(name) for name in ("torch", "librosa")},
        }
        self._network = _load(weights).to(self._device)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vector of one recording: float32 [n] mono at 16 kHz -> float32 [256], of length 1.

        Raises:
            Unjudged: it is too short or silent.
        """
        check_heard(samples, SAMPLE_RATE, MIN_S)
        starts = window_starts(len(samples))
        padded = np.pad(raised(samples), (0, max(0, (starts[-1] + WINDOW_FRAMES) * HOP - len(samples))))
        frames = mel_frames(padded)
        windows = np.stack([frames[start : start + WINDOW_FRAMES] for start in starts])
        with torch.inference_mode():
            vectors = self._network(torch.from_numpy(windows).to(self._device)).cpu().numpy()
        mean = vectors.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def raised(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The recording at -30 dB RMS of full scale, if it was below."""
    rms_db = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))
    gain = 10 ** (max(0.0, TARGET_DB - rms_db) / 20)
    return np.asarray(samples * gain, np.float32)


def mel_frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel power (no logarithm) in windows of 25 ms each 10 ms: float32 [n] -> [t, 40]."""
    import librosa

    mel = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE, n_fft=400, hop_length=HOP, n_mels=N_MELS)
    return np.ascontiguousarray(mel.T, np.float32)


def window_starts(n_samples: int) -> list[int]:
    """First frames of the windows that a recording of so many samples is cut into."""
    n_frames = -(-(n_samples + 1) // HOP)
    step = round(SAMPLE_RATE / RATE / HOP)
    starts = list(range(0, max(1, n_frames - WINDOW_FRAMES + step + 1), step))
    covered = (n_samples - starts[-1] * HOP) / (WINDOW_FRAMES * HOP)
    return starts[:-1] if covered < MIN_COVERAGE and len(starts) > 1 else starts


def _load(weights: Path) -> Network:
    network = Network()
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        # beside the network's own weights lie the two numbers of its training loss
        network.load_state_dict({name: state[name] for name in network.state_dict()})
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HacError(f"{weights}: holds no weights of {NAME} ({reason}); install Resemblyzer==0.1.4 again") from error
    return network.eval().requires_grad_(False)
