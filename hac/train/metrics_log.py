"""What a run says of itself: `metrics.jsonl`, one line a step or validation, and TensorBoard beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.files.atomic import write_text
from hac.files.parsing import load_json


class Journal:
    """Writes numbers, sounds and pictures of a run; the log of a resumed run is that of an undisturbed one.

    Args:
        step: where the run goes on; lines of later steps, left by a run that was killed, are dropped.
        sample_rate: Hz of the sounds.
    """

    def __init__(self, run: Path, step: int, sample_rate: int) -> None:
        self._path = run / "metrics.jsonl"
        self._sample_rate = sample_rate
        _drop_later(self._path, step)
        self._lines = self._path.open("a", encoding="utf-8")
        self._board = _board(run / "tensorboard", step)

    @property
    def has_tensorboard(self) -> bool:
        """Whether TensorBoard is installed."""
        return self._board is not None

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers by path."""
        row = {"step": step, **{name: _finite(value) for name, value in values.items()}}
        self._lines.write(json.dumps(row) + "\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def sound(self, step: int, name: str, samples: NDArray[np.float32]) -> None:
        """Log a sound, float32 [n], and its spectrogram."""
        if self._board is not None:
            self._board.add_audio(f"audio/{name}", samples[None], step, self._sample_rate)
            self._board.add_image(f"spectrogram/{name}", _spectrogram(samples), step, dataformats="HW")

    def close(self) -> None:
        """Finish the files."""
        self._lines.close()
        if self._board is not None:
            self._board.close()


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


def _drop_later(path: Path, step: int) -> None:
    """Keep the whole lines of steps up to `step`."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if load_json(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # cut short when the run was killed
    write_text(path, "".join(kept))


def _finite(value: float) -> float | None:
    """JSON has no NaN; what is undefined is null."""
    return value if np.isfinite(value) else None


def _spectrogram(samples: NDArray[np.float32], size: int = 512, floor_db: float = -80.0) -> NDArray[np.uint8]:
    """Power in dB as a grey picture, uint8 [frequencies, frames], low frequencies at the bottom."""
    hop = size // 4
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, size)), size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    level = 10 * np.log10(power / max(float(power.max()), 1e-12) + 1e-12)
    picture: NDArray[np.uint8] = (255 * (np.clip(level, floor_db, 0) / -floor_db + 1)).astype(np.uint8).T[::-1]
    return picture
