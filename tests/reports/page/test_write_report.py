"""Files for a paper: all there or none, named safely, complete in their numbers, LaTeX that can be typeset."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hac.errors import HacError
from reports.cli import app
from reports.document.parts import Cell, Chart, Column, HeatMap, MatrixChart, Table
from reports.document.runs import ReportRun, Runs
from reports.page import write_report
from reports.page.page import build_page
from reports.page.write_report import write_files
from reports.render.downloads import CHART_FIELDS, INDEX_FIELDS, MATRIX_FIELDS
from reports.render.html import Drawn
from reports.render.latex import LONG, escape, latex_table
from tests.reports.made_runs import made_record, made_run


@pytest.fixture(scope="module")
def hostile_files(hostile_drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper") / "files"
    write_files(hostile_drawn, folder)
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_hostile_names_are_plain_in_file_names_and_all_files_are_in_the_folder(hostile_files: Path) -> None:
    assert {path.name for path in hostile_files.parent.iterdir()} == {"files"}
    for path in hostile_files.iterdir():
        assert path.is_file()
        assert re.fullmatch(r"[a-z0-9._-]+\.(csv|tex|svg|pdf)", path.name), path.name


def test_the_index_names_every_file(hostile_drawn: Drawn, hostile_files: Path) -> None:
    rows = read_csv(hostile_files / "index.csv")
    assert tuple(rows[0]) == INDEX_FIELDS
    named = {f"{row['name']}.{kind}" for row in rows for kind in row["kinds"].split()}
    assert named | {"index.csv"} == {path.name for path in hostile_files.iterdir()}
    titles = {part.id: part.title for part in hostile_drawn.page.parts if isinstance(part, Table | Chart)}
    assert {row["name"] for row in rows} >= titles.keys()


def test_every_figure_is_a_picture_in_two_formats_and_its_numbers(hostile_drawn: Drawn, hostile_files: Path) -> None:
    heads = {Chart: CHART_FIELDS, MatrixChart: MATRIX_FIELDS}
    for part in hostile_drawn.page.parts:
        if isinstance(part, Chart | MatrixChart | HeatMap):
            root = ET.parse(hostile_files / f"{part.id}.svg").getroot()
            assert root.tag.endswith("svg")
            assert not [node for node in root.iter() if node.tag.endswith("script")]
            assert (hostile_files / f"{part.id}.pdf").read_bytes().startswith(b"%PDF")
            rows = read_csv(hostile_files / f"{part.id}.csv")
            if type(part) in heads:
                assert tuple(rows[0]) == heads[type(part)]
                has_number = [row for row in rows if (row.get("value") or row.get("estimate")) and row["null"]]
                assert all(
                    int(row["n"]) > 0 for row in has_number if not part.id.startswith(("chart-words", "chart-d"))
                )


def test_what_fails_leaves_the_folder_as_it_was(drawn: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    (folder / "chart-pnmi.csv").write_text("of an earlier report")
    (folder / "mine.txt").write_text("mine")
    left = iter(range(3))

    def fails(_: object, paths: Sequence[Path], *__: object) -> None:
        if next(left, None) is None:
            raise OSError("no more ink")
        for path in paths:
            path.write_text("<svg/>")

    monkeypatch.setattr(write_report, "draw", fails)
    with pytest.raises(OSError, match="no more ink"):
        write_files(drawn, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["chart-pnmi.csv", "mine.txt"]
    assert (folder / "chart-pnmi.csv").read_text() == "of an earlier report"


def ids_of(*runs: ReportRun) -> set[str]:
    """The ids of everything that a page of these runs has but for what is of all its systems."""
    return {part.id for part in build_page(Runs(runs)).parts}


def of_system(name: str, seed: int) -> list[ReportRun]:
    """Runs that make a figure each: leakage, and PNMI that is compared."""
    leaks = [made_record(f"{s}.leakage[{f}]", 0.1 * seed, stream=s) for s in ("u", "v") for f in ("speaker", "f0")]
    return [made_run(name, "pnmi", made_record("u.pnmi", 0.1 * seed, seed=seed)), made_run(name, "leakage", *leaks)]


def test_a_system_that_is_added_renames_no_file_wherever_it_stands() -> None:
    b, c, new = (of_system(name, seed) for seed, name in enumerate(("b", "a_b&%$", "A new one"), 1))
    two = ids_of(*b, *c)
    assert ids_of(*b, *c, *new) >= two
    assert ids_of(*b, *new, *c) >= two
    # what is compared with the first system is of another name where another is first
    first = ids_of(*new, *b, *c) ^ ids_of(*b, *c, *new)
    assert first and all("differences" in id for id in first)
    assert "chart-leakage--b" in two and "differences-pnmi--b" in two


def test_maps_of_all_systems_have_one_scale_of_colours() -> None:
    page = build_page(Runs((*of_system("a", 1), *of_system("b", 4))))
    ends = [part.most for part in page.parts if isinstance(part, MatrixChart)]
    assert ends == [pytest.approx(0.4)] * 2


def test_what_is_higher_than_a_page_is_in_several_files_that_the_index_names(tmp_path: Path) -> None:
    streams = [made_record(f"s{i:02d}.pnmi", 0.3, stream=f"s{i:02d}") for i in range(16)]
    page = build_page(Runs(tuple(made_run(f"system-{n}", "pnmi", *streams) for n in range(13))))
    part = next(part for part in page.parts if part.id == "chart-pnmi")
    assert isinstance(part, Chart)
    drawn = Drawn(replace(page, sections=(replace(page.sections[0], parts=(part,)),)), {}, {})
    write_files(drawn, tmp_path, columns=1)
    assert {"chart-pnmi.svg", "chart-pnmi--2.svg", "chart-pnmi--2.pdf"} < {path.name for path in tmp_path.iterdir()}
    assert len(read_csv(tmp_path / "chart-pnmi.csv")) == 13 * 16
    named = {f"{row['name']}.{kind}" for row in read_csv(tmp_path / "index.csv") for kind in row["kinds"].split()}
    assert named | {"index.csv"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("options", [["--columns", "1"], ["--style", "own.mplstyle"]])
def test_options_of_figures_without_files_and_bad_styles_are_errors(options: list[str], tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    with pytest.raises(HacError, match="add --files FOLDER"):
        CliRunner().invoke(app, ["report", str(tmp_path), "-o", str(out), *options], catch_exceptions=False)
    if options[0] == "--style":
        options = ["--style", str(tmp_path / "none"), "--files", str(tmp_path / "files")]
        with pytest.raises(HacError, match="no such file; expected a matplotlib style"):
            CliRunner().invoke(app, ["report", str(tmp_path), "-o", str(out), *options], catch_exceptions=False)
    assert not out.exists()


def table(*texts: str, n_rows: int = 1, note: str = "", title: str = "t") -> Table:
    columns = (Column("name"), *(Column(f"value {i} [95 %], share ↑", True) for i in range(len(texts) - 1)))
    return Table("t", title, columns, (tuple(Cell(text, text) for text in texts),) * n_rows, note)


def body(text: str) -> str:
    return text.split("\\midrule\n")[-1].split("\n")[0]


def test_numbers_keep_their_minus_and_names_their_hyphens() -> None:
    assert body(latex_table(table("drop-3 --x", "-.20 [-.24, -1.5]*"))) == (
        "drop-3 -{}-x & $-$.20 [$-$.24, $-$1.5]* \\\\"
    )


def test_a_cell_of_several_lines_is_a_table_of_its_own() -> None:
    assert body(latex_table(table("a", ".1\nnull .2"))) == (
        "a & \\begin{tabular}[t]{@{}r@{}}.1\\\\null .2\\end{tabular} \\\\"
    )


def test_a_name_is_not_taken_for_an_option_of_the_line_above() -> None:
    assert body(latex_table(table("[noise]", "1"))).startswith("{}[noise] &")
    assert body(latex_table(table(" *", "1"))).startswith("{}* &")
    assert "\\\\{}[.1, .2]" in latex_table(table("a", ".1\n[.1, .2]"))


def test_long_tables_break_over_pages_and_repeat_their_head() -> None:
    long = latex_table(table("a", "1", n_rows=LONG + 1, note="100 % of it"))
    assert long.count("\\begin{longtable}") == long.count("\\end{longtable}") == 1
    assert long.count("\\endhead") == 1
    assert long.count("name &") == 2
    assert "100 \\% of it" in long
    assert "longtable" not in latex_table(table("a", "1", n_rows=LONG))


def test_remarks_say_what_a_table_needs() -> None:
    assert "XeLaTeX" not in latex_table(table("Zürich ± ↑ ⟨U+202E⟩", "1"))
    assert "XeLaTeX" in latex_table(table("ʃ", "1"))
    assert "wider than a page" in latex_table(table("a", *["1.234 [1.200, 1.300]"] * 9))
    assert "wider than a page" not in latex_table(table("a", "1"))


def test_a_long_name_loses_its_middle() -> None:
    assert len(body(latex_table(table("y" * 5000, "1")))) < 120


def test_letters_that_would_run_together_stand_apart() -> None:
    assert escape("?` !` `` '' --- |") == r"?{}` !{}` `{}` '{}' -{}-{}- \textbar{}"


OURS = re.compile(
    r"begin|end|caption|label|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|centering|scriptsize|footnotesize"
    r"|setlength|tabcolsep|par|smallskip|text(backslash|less|greater|bar|asciitilde|asciicircum)|ldots|pm|(up|down)arrow"
    r"|dag|cdot|rightarrow|times|Delta|langle|rangle|leq|geq"
)
"""Commands that we write."""


def test_hostile_tables_hold_no_command_of_a_name(hostile_files: Path) -> None:
    for path in hostile_files.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        code = "\n".join(line for line in text.split("\n") if not line.startswith("%"))
        assert all(map(OURS.fullmatch, re.findall(r"\\([A-Za-z]+)", code.replace("\\\\", ""))))
        plain = re.sub(r"\\[\\&%$#_{}]", "", code)
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        assert not set(plain) & set("%#~^\x00\u202e")


@pytest.mark.slow
@pytest.mark.parametrize("program", ["pdflatex", "xelatex"])
def test_hostile_tables_can_be_typeset(hostile_files: Path, tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    names = sorted(hostile_files.glob("*.tex"))
    inputs = "\n".join(f"\\input{{{path}}}\\clearpage" for path in names)
    head = "\\documentclass{article}\\usepackage{booktabs,longtable}"
    (tmp_path / "all.tex").write_text(f"{head}\\begin{{document}}{inputs}\\end{{document}}")
    words = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").is_file()
