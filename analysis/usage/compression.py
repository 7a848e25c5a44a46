"""How small a general compressor makes the tokens: an upper bound of their information that models nothing by hand.

All utterances are joined end to end, a code in as few whole bytes as the codebook needs (1, 2 or 4, little-endian), and
compressed as one block: `zlib-9` (level 9, window of 32 kB, no header) and `lzma-9` (LZMA2, preset 9, raw, its position
bits set to the width of a code). Bits per frame, beside log2 of the codebook size.
"""

from __future__ import annotations

import lzma
import zlib

import numpy as np
from numpy.typing import NDArray

COMPRESSORS = ("zlib-9", "lzma-9")


def bits_per_frame(codes: NDArray[np.int32], codebook_size: int, compressor: str) -> float:
    """Size of the compressed codes over their number; NaN for none.

    Args:
        codes: int32 [n_frames].
        codebook_size: codes lie below it.
        compressor: one of `COMPRESSORS`.
    """
    if not len(codes):
        return float("nan")
    width = 1 if codebook_size <= 1 << 8 else 2 if codebook_size <= 1 << 16 else 4
    data = codes.astype(f"<u{width}").tobytes()
    return 8 * (_zlib(data) if compressor == "zlib-9" else _lzma(data, width)) / len(codes)


def _zlib(data: bytes) -> int:
    packer = zlib.compressobj(level=9, wbits=-15)
    return len(packer.compress(data)) + len(packer.flush())


def _lzma(data: bytes, width: int) -> int:
    bits = width.bit_length() - 1
    # a dictionary beyond the data changes nothing but the time it takes to clear it
    size = min(max(len(data), 4096), 1 << 26)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "pb": bits, "lp": bits, "lc": 3, "dict_size": size}]
    return len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters))
