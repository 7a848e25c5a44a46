"""The project as it is shipped: what the wheel holds, what is imported when, and how the tree is cut."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"hac", "probes", "analysis", "reports"}
MOST_MODULES = 22
"""Of a folder: beyond it, nobody sees what it is about."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel built from a copy of the sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    skipped = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").touch()
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return set(zipfile.ZipFile(next(out.glob("*.whl"))).namelist())


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_sources_and_data_ship_with_the_wheel(wheel: set[str]) -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.suffix in {".py", ".csv", ".yaml", ".txt", ".mplstyle", ".typed", ".j2", ".css", ".js"}:
                assert file.relative_to(ROOT).as_posix() in wheel


def test_nothing_that_counts_or_prints_help_imports_torch() -> None:
    """One process imports one after the other and names the first that brings torch: most of each is the same."""
    modules = [
        "reports.cli",
        "hac.cli",
        "hac.data.alignments.alignment",
        "analysis.pnmi.run",
        "reports.render.tables",
        "reports.page.write_report",
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    if {'torch', 'transformers'} & set(sys.modules):\n"
        "        sys.exit(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["reports.cli", "hac.cli"])
def test_help_needs_no_numbers(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'numba')))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes of every package in requirements.lock, by its normal name."""
    found: dict[str, tuple[str, int]] = {}
    for entry in (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        pinned, *hashes = entry.split()
        name, version = pinned.split("==")
        found[re.sub(r"[-_.]+", "-", name).lower()] = version, sum(word.startswith("--hash=sha256:") for word in hashes)
    return found


def test_the_lock_holds_the_tested_versions_with_their_hashes() -> None:
    lock = locked()
    assert all(n_hashes > 0 for _, n_hashes in lock.values())
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for name, version in (line.split("==") for line in tested if line and not line.startswith("#")):
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in lock:
            assert lock[name][0].partition("+")[0] == version, name


def test_the_lock_holds_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        # the fuzzer is installed by `make fuzz` alone, and has wheels for fewer systems
        *(name for key, extra in project["optional-dependencies"].items() if key != "fuzz" for name in extra),
    ]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=]", each)[0]).lower() for each in wanted}
    assert names - {"hac-codec"} <= set(locked())


def modules(root: Path) -> dict[str, Path]:
    """The four packages' files by module name."""
    files = sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(node: ast.AST, known: Collection[str]) -> Iterator[str]:
    """Modules that a syntax tree imports, also late in functions; not what only types need."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        # a package's submodule, or a name in a module
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name if name in known else str(node.module) for name in inner)
    elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from imported(child, known)


def import_loop(root: Path) -> list[str]:
    """Modules that import one another in a ring, the first one again at the end; empty: there is no ring."""
    files = modules(root)
    graph = {
        name: {one for one in imported(ast.parse(file.read_text(encoding="utf-8")), files) if one in files}
        for name, file in files.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_one_another_in_a_ring() -> None:
    assert import_loop(ROOT) == []


@pytest.mark.parametrize(
    ("text", "ring"),
    [
        ("from reports import cli\n", True),
        ("import reports.cli\n", True),
        ("def late():\n    from reports.cli import app\n", True),
        ("if TYPE_CHECKING:\n    from reports.cli import app\n", False),
    ],
)
def test_a_ring_is_found_where_one_is(text: str, ring: bool, tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "reports" / "cli.py").write_text("from analysis.sweep import run\n")
    (tmp_path / "analysis" / "sweep.py").write_text(text)
    assert bool(import_loop(tmp_path)) == ring


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    folders = Counter(file.parent for file in modules(ROOT).values())
    assert {folder: n for folder, n in folders.items() if n > MOST_MODULES} == {}
