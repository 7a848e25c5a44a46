"""What comes from a corpus, a model or the network runs nothing: not in a spreadsheet, a shell or Python."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hac.align.mfa import MfaOptions
from hac.errors import HacError
from reports.render.csv_files import csv_text, harmless, plain

ROOT = Path(__file__).parents[2]
ROOMS = ("hac", "probes", "analysis", "reports")
RUN_BY_SPREADSHEETS = "=+-@\t\r\n＝＋－＠"


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """File, dotted name and node of every call in the four rooms."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path.as_posix(), ast.unparse(node.func), node


def keyword(node: ast.Call, name: str) -> str | None:
    return next((ast.unparse(each.value) for each in node.keywords if each.arg == name), None)


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), min_size=1, max_size=5))
@example([["=cmd|' /C calc'!A0", "'=1"], ["\t=1", "\ufeff"], ["''+1", "\r\n@x"]])
def test_no_cell_is_a_formula_and_every_text_comes_back(rows: list[list[str]]) -> None:
    cells = list(csv.reader(io.StringIO(csv_text(rows[0], rows[1:]), newline="")))
    for cell in (cell for row in cells for cell in row):
        stripped = cell.strip(" ")
        assert stripped[:1] not in RUN_BY_SPREADSHEETS or not stripped or is_number(stripped), cell
    assert [[plain(harmless(text)) for text in row] for row in rows] == rows


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(st.floats(allow_nan=False) | st.integers())
def test_numbers_are_untouched(value: float) -> None:
    assert harmless(value) is value
    text = f"{value:.6g}"
    assert harmless(text) == text or text in ("inf", "-inf")


def test_all_csv_goes_through_one_function() -> None:
    writers = {file for file, name, _ in calls() if name.endswith((".to_csv", "csv.writer", "csv.DictWriter"))}
    assert writers == {"reports/render/csv_files.py"}


def test_no_shell_and_no_text_that_becomes_code() -> None:
    for file, name, node in calls():
        assert keyword(node, "shell") in (None, "False"), file
        assert name not in ("os.system", "os.popen", "subprocess.getoutput", "eval", "exec", "yaml.load"), file
        if name in ("subprocess.run", "subprocess.Popen"):
            # a list, or a name for one: a text would be split by a shell or not at all
            assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), file


def test_nothing_is_unpickled_but_what_a_cluster_sends_itself() -> None:
    readers = ("pickle.load", "pickle.loads", "joblib.load", "cloudpickle.load", "cloudpickle.loads", "pd.read_pickle")
    assert {file for file, name, _ in calls() if name in readers} == {"hac/parallel/dask_tasks.py"}
    for file, name, node in calls():
        assert keyword(node, "allow_pickle") in (None, "False"), file
        assert name != "np.load" or keyword(node, "allow_pickle") == "False", file
        assert name != "torch.load" or keyword(node, "weights_only") == "True", file


def test_code_of_a_model_is_never_trusted() -> None:
    given = [keyword(node, "trust_remote_code") for _, _, node in calls()]
    assert set(given) == {None, "False"}


def test_no_archive_is_unpacked_by_its_own_names() -> None:
    unpacking = ("tarfile.open", "shutil.unpack_archive")
    assert not {file for file, name, _ in calls() if name in unpacking or name.endswith(".extractall")}


@pytest.mark.parametrize("name", ["-o", "--clean", "-"])
def test_names_that_look_like_options_do_not_reach_mfa(name: str) -> None:
    with pytest.raises(HacError, match="no name of a model"):
        MfaOptions(name, "english_us_arpa")
    with pytest.raises(HacError, match="no name of a model"):
        MfaOptions("english_us_arpa", name)
