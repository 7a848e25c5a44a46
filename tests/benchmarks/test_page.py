"""The benchmarks page: drawn from files, one part at a time; every figure is one that its benchmark prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page
from benchmarks.parts import PARTS, Figure, Part, at, at_most

PART = Part(
    "leap",
    "How far it leaps",
    "leap --metres 3",
    "leap --metres 1",
    (
        Figure("time", at("times", 0), "s", "under 2 s", at_most(2)),
        Figure("length", at("length"), "m"),
        Figure("height", at("height", "best"), "m", "at most 1 m", at_most(1)),
    ),
)


def row(**found: Any) -> dict[str, Any]:
    about = {"part": "leap", "command": "python -m benchmarks.leap", "date": "2026-11-26T08:00+00:00"}
    load = {"load_before": 0.2, "load_after": 1.1, "wall_s": 3.0, "core_s": 2.0}
    return {**about, **load, "machine": page.machine(), "versions": page.versions(), "found": found}


def written(folder: Path, **found: Any) -> str:
    (folder / "leap.json").write_text(json.dumps(row(**found)))
    return page.draw(folder, (PART,))


def test_a_figure_stands_beside_its_demand(tmp_path: Path) -> None:
    drawn = written(tmp_path, times=[1.23456], length=12_345.6)
    assert "| time | 1.23 s | under 2 s | yes |" in drawn
    assert "| length | 12,346 m | | |" in drawn
    assert "height" not in drawn
    assert "not a quiet machine" not in drawn
    assert "| time | 2.5 s | under 2 s | **no** |" in written(tmp_path, times=[2.5])


def test_a_busy_machine_is_said(tmp_path: Path) -> None:
    (tmp_path / "leap.json").write_text(json.dumps({**row(length=1), "load_before": 4.0}))
    assert "load 4 before (**not a quiet machine**)" in page.draw(tmp_path, (PART,))
    (tmp_path / "leap.json").write_text(json.dumps({**row(length=1), "load_before": 4.0, "busy_before": 0.02}))
    assert "busy 2%, load 4 before, " in page.draw(tmp_path, (PART,))


def test_what_is_not_measured_says_how(tmp_path: Path) -> None:
    assert "Not measured yet: `python -m benchmarks.page --only leap`." in page.draw(tmp_path, (PART,))


def test_machine_and_versions_are_told_once_for_all_parts_of_them(tmp_path: Path) -> None:
    drawn = written(tmp_path, length=1)
    assert drawn.count(page.machine()["processor"]) == 1
    assert f"python {page.versions()['python']}" in drawn


@pytest.mark.parametrize("text", ['{"a": 1}\n', 'said: {x}\n{"b": 2}\n{"a": 1}\n', '{\n "a": 1\n}\n'])
def test_the_last_object_counts(text: str) -> None:
    assert page.last_json("words first\n" + text) == {"a": 1}
    with pytest.raises(ValueError, match="no JSON"):
        page.last_json("words only\n")


def test_a_part_is_run_once_and_again_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(page, "PARTS", PARTS[:3])
    monkeypatch.setattr(page, "run", lambda part, tiny: ran.append(part.name) or {**row(), "part": part.name})

    def call(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["page", "--tiny", str(tmp_path), *words])
        ran.clear()
        page.main()
        return list(ran)

    first, second, third = (part.name for part in PARTS[:3])
    assert call("--skip", second) == [first, third]
    assert call() == [second]
    assert call() == []
    assert call("--only", third) == [third]
    assert call("--draw-only") == []
    assert (tmp_path / "benchmarks.md").read_text().startswith("# Benchmarks\n")


def test_parts_have_names_and_programs_of_their_own() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        for words in (part.standard, part.tiny):
            assert (page.ROOT / "benchmarks" / f"{words.split()[0]}.py").is_file()


def test_the_page_in_the_docs_is_drawn_from_the_files_beside_it() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.draw(page.FOLDER)
