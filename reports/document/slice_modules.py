"""What each measure brings to a page: modules of one name, such as `section`, in its folder of reports."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from analysis.slices import SLICES, Slice


def slice_modules(name: str) -> Iterator[tuple[Slice, ModuleType]]:
    """Every measure that has a module of this name, with the module, in the order of `SLICES`."""
    for one in SLICES:
        folder = f"reports.{one.name}"
        if find_spec(folder) and find_spec(f"{folder}.{name}"):
            yield one, import_module(f"{folder}.{name}")
