"""Kaldi's filter banks and cepstra without dither, on a grid of whole hops: frame i is centred on (i + 1/2) hops."""

from __future__ import annotations

from typing import Any

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray


def set_grid(options: Any, sample_rate: int, window_ms: float, hop_ms: float) -> None:
    """Set the frames of `MfccOptions` or `FbankOptions`; dither would make two runs differ."""
    frames = options.frame_opts
    frames.samp_freq = float(sample_rate)
    frames.frame_length_ms = window_ms
    frames.frame_shift_ms = hop_ms
    frames.dither = 0.0
    frames.snip_edges = False


def kaldi_frames(options: Any, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cepstra (`MfccOptions`) or log filter bank (`FbankOptions`), float32 [n_frames, d], of audio [n_samples].

    The floor of Kaldi's filter bank is meant for samples in the range of 16 bits.
    """
    computer = (knf.OnlineMfcc if isinstance(options, knf.MfccOptions) else knf.OnlineFbank)(options)
    if len(samples):
        computer.accept_waveform(options.frame_opts.samp_freq, np.ascontiguousarray(samples, dtype=np.float32))
    computer.input_finished()
    frames = [computer.get_frame(index) for index in range(computer.num_frames_ready)]
    return np.array(frames, dtype=np.float32).reshape(len(frames), computer.dim)
