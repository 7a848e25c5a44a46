"""The table of a paper: the numbers of the records, the first screen's best in bold, LaTeX that compiles and fits."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analysis.results.left_out import write_left_out
from analysis.results.schema import write_results
from hac.errors import HacError
from reports.answers.questions import answered
from reports.cli import app
from reports.document.runs import ReportRun, Runs
from reports.paper.columns import AT_LEAST, columns, shown_systems
from reports.paper.latex import letter_points, paper_latex
from reports.paper.table import PaperTable, letter, long_csv, markdown, paper_csv
from tests.reports.answers.test_answers import summed_up
from tests.reports.made_runs import FITTED, made_record, made_run, with_coverage

HOSTILE = ("a_b&%$", "[x] ~^\\input{x}", "*{}#<|>", "``-- ”…")


def pnmi(system: str, **streams: float) -> ReportRun:
    return made_run(system, "pnmi", *(made_record(f"{s}.pnmi", e, seed=i) for i, (s, e) in enumerate(streams.items())))


def recon(system: str, wer: float, seed: int = 0, last: str = "rvq-7") -> ReportRun:
    records = [made_record(f"{last}.wer", wer, value=wer, is_corrected=False, null_mean=float("nan"), seed=seed)]
    return made_run(system, "recon", *records, coverage=with_coverage(conditions={"rvq-1": {}, last: {}}))


def world(*systems: str) -> Runs:
    names = systems or ("ours", "theirs", "units")
    runs = [pnmi(name, phonetic=0.4 - 0.1 * (i > 1), lexical=0.2) for i, name in enumerate(names)]
    return Runs((*runs, *(recon(name, 0.1 + 0.2 * i, seed=i) for i, name in enumerate(names))))


def table(runs: Runs, metrics: str = "", **fields: object) -> PaperTable:
    found = columns(runs, metrics)
    return PaperTable(shown_systems(runs, found), tuple(found), **fields)  # type: ignore[arg-type]


def read(made: PaperTable) -> dict[str, dict[str, str]]:
    return {row["system"]: row for row in csv.DictReader(io.StringIO(paper_csv(made)))}


def test_a_metric_alone_is_of_each_systems_best_stream_or_last_condition() -> None:
    rows = read(table(Runs((pnmi("a", phonetic=0.2, lexical=0.3), recon("a", 0.1, last="rvq-9"))), "pnmi,wer"))
    assert (rows["a"]["PNMI"], rows["a"]["PNMI: of"], rows["a"]["WER: of"]) == ("0.3", "lexical", "rvq-9")


def test_an_id_is_of_its_stream_alone_and_two_streams_of_a_metric_are_two_columns() -> None:
    made = table(Runs((pnmi("a", phonetic=0.2, lexical=0.3), pnmi("b", phonetic=0.25))), "phonetic.pnmi,lexical.pnmi")
    assert [column.title for column in made.columns] == ["PNMI (phonetic)", "PNMI (lexical)"]
    rows = read(made)
    assert [rows["a"]["PNMI (phonetic)"], rows["a"]["PNMI (lexical)"]] == ["0.2", "0.3"]
    assert [rows["b"]["PNMI (phonetic)"], rows["b"]["PNMI (lexical)"]] == ["0.25", ""]


def test_streams_together_answer_for_a_system_and_never_for_a_stream_or_without_silence() -> None:
    whole = summed_up("a", 0.05, 0.1, 0.45)
    run = whole.results.metrics[0]
    silent = made_record("q0.pnmi[silence-dropped]", 0.03, stream=run.stream)
    more = made_run(
        "a", "pnmi", *whole.results.metrics, silent, streams=whole.results.streams, coverage=whole.results.coverage
    )
    made = table(Runs((more,)), "pnmi,q0.pnmi,pnmi[silence-dropped],pnmi_bound")
    numbers = [column.numbers["a"] for column in made.columns]
    assert [(number.value, number.of) for number in numbers] == [
        (0.45, "q0..q45"), (0.05, "q0"), (0.03, "q0"), (0.45, "q0..q45")
    ]  # fmt: skip
    assert [number.remark for number in numbers] == [AT_LEAST, "", "", ""]


def test_without_metrics_it_is_the_first_screen_with_the_same_best() -> None:
    runs = world()
    made = table(runs)
    wanted = {
        (one.metric.title, answer.system): answer.place in ("best", "within noise of the best")
        for one in answered(runs)
        for answer in one.answers
    }
    found = {
        (c.title, system): n.is_best for c in made.columns for system, n in c.numbers.items() if c.title != "kbit/s"
    }
    assert found == wanted
    assert set(wanted.values()) == {True, False}


def test_bold_in_every_form_is_what_is_best_and_nothing_else() -> None:
    made = table(world(), "pnmi,wer")
    best = {value for c in made.columns for s in made.systems if c.numbers[s].is_best for value in made.text(c, s)[:1]}
    assert best == {".400", ".100"}
    assert set(re.findall(r"\\textbf\{(.*?)\}", paper_latex(made))) == best
    assert set(re.findall(r"\*\*(.*?)\*\*", markdown(made))) == best
    places = [read(made)[system]["WER: place"] for system in made.systems]
    assert places == ["best", "behind", "behind"]


def test_where_nothing_is_beyond_chance_nothing_is_bold() -> None:
    made = table(Runs((pnmi("a", u=0.001), pnmi("b", u=0.002))), "pnmi")
    assert r"\textbf" not in paper_latex(made)
    assert made.remarks == ("no more than chance",)
    assert "Bold" not in made.caption


def test_what_cannot_be_ranked_says_why_by_a_letter() -> None:
    fitted = made_run("fitted", "pnmi", made_record("u.pnmi", 0.9), provenance=FITTED)
    made = table(Runs((fitted, pnmi("b", u=0.3), pnmi("c", u=0.2))), "pnmi")
    assert made.text(made.columns[0], "fitted")[2] == "a"
    assert made.notes[-1] == "a: its units were fitted on the speech that they are scored on."
    assert re.findall(r"\\textbf\{(.*?)\}", paper_latex(made)) == [".300"]


def test_a_description_has_no_best() -> None:
    runs = [made_run(s, "pnmi", made_record("u.h_phone", e, is_corrected=False)) for s, e in (("a", 3.0), ("b", 4.0))]
    assert r"\textbf" not in paper_latex(table(Runs(tuple(runs)), "h_phone"))


def test_a_metric_of_a_later_version_is_shown_and_not_ranked() -> None:
    runs = [made_run(s, "pnmi", made_record("u.abx", e), made_record("u.pnmi", e)) for s, e in (("a", 0.3), ("b", 0.9))]
    made = table(Runs(tuple(runs)), "abx,pnmi")
    assert [column.title for column in made.columns] == ["abx", "PNMI"]
    assert r"\textbf{.900}" in paper_latex(made)
    assert made.notes[-1] == "a: a metric of a later version."


def test_a_run_of_a_later_version_is_read_too() -> None:
    made = table(Runs((made_run("a", "abx", made_record("u.abx", 0.3)), pnmi("a", u=0.2))), "u.abx")
    assert read(made)["a"]["abx"] == "0.3"


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("pnmj", "no run has a metric 'pnmj'; did you mean pnmi"),
        ("xyzzy", "no run has a metric 'xyzzy'; there are kbps, pnmi, wer"),
        ("pesq_wb", "no run has 'pesq_wb'; run hac-analyze recon, or choose among kbps, pnmi, wer"),
        ("units.pnmi", "no run has 'units.pnmi'; ids with pnmi are "),
        ("pnmi[greedy]", "no run has 'pnmi[greedy]'; ids with pnmi are "),
        ("pnmi[{x}]", "no run has 'pnmi[{x}]'; ids with pnmi are "),
        ("pnmi,,wer", "'' is no metric"),
        ("pnmi@phonetic", "'pnmi@phonetic' is no metric; expected METRIC or STREAM.METRIC"),
        ("pnmi[a", "'pnmi[a' is no metric"),
    ],
)
def test_what_no_run_has_is_an_error_that_says_what_there_is(metrics: str, said: str) -> None:
    with pytest.raises(HacError, match=re.escape(said)):
        columns(world(), metrics)


def test_bits_are_of_codebooks_and_with_a_condition_what_was_measured_of_it() -> None:
    bits = made_record("rvq-7.kbps[nominal]", 6.0, value=6.0, is_corrected=False, stream="rvq-7")
    run = made_run("a", "recon", bits, coverage=with_coverage(conditions={"rvq-7": {}}))
    made = table(Runs((run, pnmi("b", u=0.3))), "kbps,rvq-7.kbps")
    assert [column.title for column in made.columns] == ["kbit/s", "bit rate (rvq-7, nominal)"]
    # log2(1024) bits, 50 times a second
    assert [(row["kbit/s"], row["bit rate (rvq-7, nominal)"]) for row in read(made).values()] == [
        ("6.0", "6.0"),
        ("0.5", ""),
    ]


def test_heads_of_ones_own() -> None:
    made = table(world(), "phonetic.pnmi=Phones $x_1$,wer = WER [%],kbps=bits")
    assert [column.title for column in made.columns] == ["Phones $x_1$", "WER [%]", "bits"]
    assert r"\multicolumn{2}{c}{Phones \$x\_1\$ $\uparrow$}" in paper_latex(made)


@pytest.mark.parametrize(
    ("values", "digits", "shown"),
    [
        ((0.1234, 9.87654), 3, [".123", "9.877"]),
        ((0.1234, 9.87654), 1, [".1", "9.9"]),
        ((12.345, 0.5), 3, ["12.3", ".5"]),  # a column has one number of decimals, so that points stand below points
        ((1234.5, -0.04), 2, ["1234", "0"]),
    ],
)
def test_decimals_are_those_of_the_largest(values: tuple[float, ...], digits: int, shown: list[str]) -> None:
    runs = Runs(tuple(pnmi(f"s{i}", u=value) for i, value in enumerate(values)))
    made = table(runs, "pnmi", digits=digits)
    assert [made.text(made.columns[0], s)[0] for s in made.systems] == shown


def test_counts_have_no_decimals_and_small_intervals_are_not_none() -> None:
    nan = float("nan")
    facts = [
        made_record("u.used_codes", n, is_corrected=False, ci_low=nan, ci_high=nan, left_out=None) for n in (7.0, 512.0)
    ]
    made = table(Runs(tuple(made_run(f"s{i}", "pnmi", one) for i, one in enumerate(facts))), "used_codes")
    assert [made.text(made.columns[0], s)[:2] for s in made.systems] == [("7", ""), ("512", "")]
    fine = table(Runs((made_run("a", "pnmi", made_record("u.pnmi", 0.5, 1e-6)),)), "pnmi")
    assert fine.text(fine.columns[0], "a") == (".500", "<.001", "")
    assert r"$\pm$\,\textless{}.001" in paper_latex(fine)


def test_intervals_can_be_left_out() -> None:
    assert r"$\pm$" in paper_latex(table(world()))
    without = table(world(), intervals=False)
    assert r"$\pm$" not in paper_latex(without) and "±" not in markdown(without)


def test_names_of_users_are_text_in_latex_and_markdown() -> None:
    made = table(world(*HOSTILE), "pnmi")
    latex = paper_latex(made)
    assert r"a\_b\&\%\$ & " in latex
    assert r"\input" not in latex and "{}[x]" in latex and "{}*\\{\\}" in latex
    rows = markdown(made).split("\n\n")[0].splitlines()
    assert len(rows) == 2 + len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    spreadsheet = table(world("=cmd()", "@x"), "pnmi")
    assert [row["system"] for row in csv.DictReader(io.StringIO(paper_csv(spreadsheet)))] == ["'=cmd()", "'@x"]


def test_long_names_alike_but_for_their_middle_stay_apart() -> None:
    names = tuple("x" * 40 + middle + "y" * 40 for middle in "ab")
    assert len(set(table(world(*names)).names)) == 2
    assert all(len(name) <= 48 for name in table(world(names[0], "b")).names)


def test_letters_of_remarks_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 25, 26, 51, 52)] == ["a", "z", "aa", "az", "ba"]


def test_wider_tables_have_smaller_letters() -> None:
    few, many = (
        table(world(), "pnmi"),
        table(world(*(f"system-{i:02d}" for i in range(12))), "pnmi,wer,kbps,phonetic.pnmi"),
    )
    assert letter_points(few) == 10 > letter_points(many) < letter_points(many, 2)
    assert r"\begin{table*}[t]" in paper_latex(many, 2) and r"\textwidth" in paper_latex(many, 2)


def test_every_number_of_all_runs_as_a_long_table() -> None:
    runs = world()
    rows = list(csv.DictReader(io.StringIO(long_csv(runs))))
    assert [(row["system"], row["id"], float(row["estimate"])) for row in rows] == [
        (run.system, record.id, record.estimate) for run in runs.all for record in run.results.metrics
    ]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Runs on disk: 12 systems, two of one name, one hostile."""
    for i in range(12):
        name = {0: "a_b&%$", 1: "same", 2: "same"}.get(i, f"a-system-of-some-length-{i}")
        for run in (pnmi(name, phonetic=0.3 + 0.01 * i, lexical=0.2), recon(name, 0.3 - 0.01 * i, seed=i)):
            folder = tmp_path / "runs" / f"{i:02d}" / run.command
            folder.mkdir(parents=True)
            write_results(run.results, folder / "results.json")
            write_left_out(run.results, folder)
    return tmp_path


def called(*args: object) -> str:
    result = CliRunner().invoke(app, ["table", *map(str, args)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.parametrize("kind", ["tex", "csv", "md"])
def test_the_command_writes_by_the_ending_and_the_same_bytes_again(folders: Path, kind: str) -> None:
    out = folders / f"t.{kind}"
    called(folders / "runs", "-o", out)
    first = out.read_bytes()
    called(folders / "runs", "-o", out)
    assert first == out.read_bytes()
    assert first.count(b"same (") >= 2  # two of one name have those of their folders behind it


def test_bad_options_write_nothing(folders: Path) -> None:
    tex = folders / "t.tex"
    for args in (
        ["-o", folders / "t.pdf"],
        ["--long"],
        ["--long", "-o", tex],
        ["--long", "-o", tex.with_suffix(".csv"), "--metrics", "pnmi"],
        ["-o", tex, "--metrics", "no"],
    ):
        with pytest.raises(HacError):
            called(folders / "runs", *args)
    assert [path.name for path in folders.iterdir()] == ["runs"]


SETS = ([], ["--no-intervals", "--digits", "1"], ["--metrics", "pnmi,lexical.pnmi,wer=Word error rate,kbps"])


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("options", SETS)
def test_it_compiles_in_a_two_column_class_and_fits(folders: Path, columns: int, options: list[str]) -> None:
    called(folders / "runs", "-o", folders / "t.tex", "--columns", columns, *options)
    (folders / "doc.tex").write_text(
        r"\documentclass[twocolumn]{article}\usepackage{booktabs,graphicx}\overfullrule=5pt\begin{document}x"
        r"\input{t.tex}\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "doc.tex"]
    said = subprocess.run(command, cwd=folders, capture_output=True, timeout=120, check=False)
    log = (folders / "doc.log").read_text(errors="replace")
    assert said.returncode == 0, log[-2000:]
    assert "Overfull" not in log
    assert "Output written on doc.pdf" in log
