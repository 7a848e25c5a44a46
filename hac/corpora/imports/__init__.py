"""Importing corpora: one small module a layout, each turning a folder into `Item`s; `importer` makes the manifest."""

from __future__ import annotations

from hac.corpora.imports import commonvoice, folder, kaldi, lhotse, librispeech, ljspeech, mls, vctk
from hac.corpora.imports.item import Layout

LAYOUTS: dict[str, Layout] = {
    module.LAYOUT.name: module.LAYOUT
    for module in (kaldi, lhotse, commonvoice, mls, librispeech, ljspeech, vctk, folder)
}
"""Layouts by name, in the order in which they are looked for: the most telling first."""
