"""Forced alignments as one columnar store: id, tier, label, onset, offset.

This is the front door; the parts lie in `alignment_tiers` (tables), `alignment_store` (Parquet),
`alignment_formats` (TextGrid, CTM, TIMIT, CSV), `alignment_folder` (many files) and `alignment_partition`.
"""

from __future__ import annotations

from pathlib import Path

from hac.data.alignment_partition import AlignmentReport, Touched, partition
from hac.data.alignment_store import read_store, write_alignments
from hac.data.alignment_tiers import PHONES, WORDS, Alignments, Tier, tier_from_rows

__all__ = [
    "PHONES",
    "WORDS",
    "AlignmentReport",
    "Alignments",
    "Tier",
    "Touched",
    "partition",
    "read_alignments",
    "tier_from_rows",
    "write_alignments",
]


def read_alignments(path: Path) -> Alignments:
    """Read an alignment store.

    Raises:
        HacError: the file is missing or no alignment store.
    """
    return read_store(Path(path))
