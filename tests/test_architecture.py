"""docs/architecture.md against the folders: its tree is made of their docstrings, and what it points at exists."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from analysis.slices import SLICES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
ROOMS = ("hac", "probes", "analysis", "reports")


def tree() -> str:
    """Every folder of the packages with the first line of its `__init__.py`."""
    lines = []
    for room in ROOMS:
        for init in sorted((ROOT / room).rglob("__init__.py"), key=lambda path: path.parent.parts):
            folder = init.parent.relative_to(ROOT)
            says = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").split("\n")[0]
            assert says, f"{init}: says nothing of what lives here"
            indent = "  " * (len(folder.parts) - 1)
            lines.append(f"{indent + folder.name + '/':<24}{says}")
    return "\n".join(lines)


def test_the_tree_is_that_of_the_folders() -> None:
    expected = tree()
    assert expected in PAGE.read_text(encoding="utf-8"), f"the tree in {PAGE.name} should be:\n{expected}"


def test_every_slice_is_in_the_contract_of_slices() -> None:
    """One that is left out could know any other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (modules,) = (set(one["modules"]) for one in contracts if one["type"] == "independence")
    assert {f"analysis.{one.name}" for one in SLICES} <= modules


def test_every_folder_with_modules_is_a_package() -> None:
    """Else it would be neither in the tree nor in the wheel."""
    for room in ROOMS:
        folders = {path.parent for path in (ROOT / room).rglob("*.py")}
        assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_files_and_modules_that_docs_name_exist() -> None:
    """In docs, README and CONTRIBUTING: `analysis/pnmi/run.py`, `probes.nulls`, `hac.judges.base.Judge`, ..."""
    missing = []
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        text = page.read_text(encoding="utf-8")
        rooms = "|".join((*ROOMS, "tests", "benchmarks", "scripts"))
        paths = re.findall(rf"`((?:{rooms})/[\w/.-]*)`", text)
        missing += [f"{page.name}: {path}" for path in paths if not (ROOT / path).exists() and "NAME" not in path]
        names = re.findall(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)[`(]", text)
        missing += [f"{page.name}: {dotted}" for dotted in names if not _is_there(dotted)]
    assert missing == []


def _is_there(dotted: str) -> bool:
    """Whether it is a module, a name at the top of one, or a group of entry points."""
    for n in range(len(parts := dotted.split(".")), 0, -1):
        place = ROOT.joinpath(*parts[:n])
        module = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if module.exists():
            rest = parts[n:]
            return not rest or bool(re.search(rf"(?m)^(?:def |class )?{rest[0]}\b", module.read_text(encoding="utf-8")))
    return False
