"""Predicted opinion scores: DNSMOS P.835 and P.808 of the package `speechmos` (MIT), by its own code.

The network hears 9.01 s. The package repeats a shorter recording until it is that long, and of a longer one takes the
mean over windows that start a second apart. It was trained on noisy and on enhanced speech, not on codecs.
Reference: Reddy, Gopal, Cutler, DNSMOS P.835, ICASSP 2022 (arXiv 2110.01763).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.judges.base import Unjudged
from hac.judges.checks import check_heard, package_folder, weights_sha256

NAME = "dnsmos"
MIN_S = 0.1
"""Seconds below which repeating a recording up to 9 s says nothing of it."""

_SCALES = {"ovrl": "ovrl_mos", "sig": "sig_mos", "bak": "bak_mos", "p808": "p808_mos"}


class Dnsmos:
    """DNSMOS behind the `MosPredictor` protocol; it computes on the CPU, whatever the device, in one thread."""

    name = NAME
    sample_rate = 16_000
    scales = tuple(_SCALES)

    def __init__(self, device: str = "cpu") -> None:
        folder = package_folder("speechmos", NAME) / "dnsmos_models"
        files = [folder / "sig_bak_ovr.onnx", folder / "model_v8.onnx"]
        for needed in ("onnxruntime", "librosa"):
            package_folder(needed, NAME)
        self.provenance: Mapping[str, Any] = {
            "judge": NAME,
            "version": version("speechmos"),
            "weights_sha256": weights_sha256(files, NAME),
            "device": "cpu",
            "min_s": MIN_S,
            "libraries": {name: version(name) for name in ("onnxruntime", "librosa")},
        }
        try:
            import onnxruntime
            from speechmos.dnsmos import DNSMOS
        except ImportError as error:
            raise HacError(f"the judge {NAME} cannot be used ({error}): pip install 'hac-codec[quality]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # the package's constructor takes a thread a core, in every process
        self._model = DNSMOS.__new__(DNSMOS)
        self._model.onnx_sess, self._model.p808_onnx_sess = (
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]) for path in files
        )

    def predict(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Scores of one recording, float32 [n] mono at 16 kHz, within [-1, 1].

        Returns:
            `ovrl`, `sig` (of the speech), `bak` (of the background): P.835; `p808`: overall after P.808.

        Raises:
            Unjudged: it is too short, silent, or beyond full scale.
        """
        check_heard(samples, self.sample_rate, MIN_S)
        peak = float(np.abs(samples).max())
        if peak > 1.0:
            raise Unjudged("audio-clipped", f"its peak is {peak:.3f}, beyond full scale; expected values in [-1, 1]")
        found = self._model(samples, self.sample_rate, False)
        return {name: float(found[key]) for name, key in _SCALES.items()}
