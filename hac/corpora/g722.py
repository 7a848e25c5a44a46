"""G.722 telephone speech: 64 kbit/s, 16 kHz, headerless; decoded by FFmpeg through PyAV.

The codec's two filter banks (24 taps each, ITU-T G.722) delay the sound by 22 samples, 1.375 ms, between what
a microphone heard and what is decoded. Nothing is cut for it: alignments are made on the decoded sound.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import AudioError
from hac.errors import HacError

SAMPLE_RATE = 16_000
"""Hz."""


def read_g722(path: Path) -> NDArray[np.int16]:
    """Decode a whole file: int16 [n], two samples per byte, at 16 kHz.

    Raises:
        HacError: PyAV is not installed.
        AudioError: the file is missing or empty.
    """
    try:
        import av
    except ImportError as error:
        raise HacError("decoding G.722 needs PyAV: pip install 'hac-codec[speech]'") from error
    path = Path(path)
    if not path.is_file():
        raise AudioError(path, "audio-missing", "no such audio file")
    if path.stat().st_size == 0:
        raise AudioError(path, "audio-empty", "the file is empty (0 bytes)")
    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.int16, copy=False)
