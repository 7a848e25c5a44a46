"""`hac-analyze doctor`: parts that are missing, broken, that crash or hang are rows, and never more than that."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from analysis.doctor import examine as doctor
from analysis.doctor import trials
from analysis.doctor.examine import Finding, State, as_json, examine, look
from analysis.doctor.parts import PARTS, Part
from reports import cli

BY_NAME = {part.name: part for part in PARTS}


@pytest.fixture
def shims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules stand before the installed ones, for this process' children."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def apart(name: str, timeout_s: float = 600) -> Finding:
    return examine([BY_NAME[name]], timeout_s)[0]


def test_every_part_says_what_it_is_for_and_how_to_get_it() -> None:
    assert len(BY_NAME) == len(PARTS)
    for part in PARTS:
        assert part.needed_for and part.get, part.name


@pytest.mark.parametrize("name", ["soxr", "libsndfile", "kaldi-native-fbank", "pesq", "Python packages"])
def test_a_part_that_works_is_found(name: str) -> None:
    found = apart(name)
    assert (found.state, found.version != "") == ("found", True), found


def test_a_package_that_is_not_installed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    found = look(BY_NAME["soxr"])
    assert found.state == "missing" and "soxr" in found.detail and found.is_trouble


def test_a_package_that_lacks_another_one_is_broken(shims: Path) -> None:
    (shims / "pesq.py").write_text("import no_such_module\n")
    found = apart("pesq")
    assert found.state == "broken" and "no_such_module" in found.detail


def test_a_library_that_kills_its_process_is_one_row(shims: Path) -> None:
    (shims / "soxr.py").write_text("import os\nos.abort()\n")
    one, other = examine([BY_NAME["soxr"], BY_NAME["pesq"]])
    assert one.state == "broken" and "signal 6" in one.detail
    assert other.state == "found"


def test_a_library_that_prints_and_leaves_is_one_row(shims: Path) -> None:
    (shims / "soxr.py").write_text(
        "import os, sys\nprint('hello')\nprint('no licence', file=sys.stderr)\nos._exit(3)\n"
    )
    found = apart("soxr")
    assert found.state == "broken" and "code 3: no licence" in found.detail


def test_a_library_that_hangs_is_one_row(shims: Path) -> None:
    (shims / "soxr.py").write_text("import time\ntime.sleep(3600)\n")
    found = apart("soxr", 3)
    assert found.state == "broken" and "3 s" in found.detail


def test_a_library_that_computes_wrongly_is_broken(shims: Path) -> None:
    (shims / "pesq.py").write_text("def pesq(*_):\n    return 1.0\n")
    assert "best score" in apart("pesq").detail


def test_modules_in_the_users_folder_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soxr.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    assert apart("soxr").state == "found"


@pytest.mark.parametrize(
    ("script", "state", "says"),
    [
        ("#!/bin/sh\necho 3.2.1\n", "found", "mfa"),
        ("#!/bin/sh\necho 'no module named kalpy' >&2\nexit 1\n", "broken", "kalpy"),
        (None, "missing", "PATH"),
    ],
    ids=["works", "fails", "not-there"],
)
def test_the_aligner(
    script: str | None, state: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        (tmp_path / "mfa").write_text(script)
        (tmp_path / "mfa").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    found = look(BY_NAME["Montreal Forced Aligner"])
    assert found.state == state and says in found.detail
    assert found.version == ("3.2.1" if state == "found" else "")


def test_versions_that_are_not_allowed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials.metadata, "requires", lambda _: ["numpy>=999", "no-such-thing", "torch; extra == 'x'"])
    found = look(BY_NAME["Python packages"])
    assert found.state == "broken" and found.is_trouble
    assert "numpy is" in found.detail and "no-such-thing is not installed" in found.detail
    assert "torch" not in found.detail


def test_a_cache_without_space_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert look(BY_NAME["cache of HAC"]).state == "found"
    monkeypatch.setattr(trials, "LOW_SPACE_GB", 1e9)
    found = look(BY_NAME["cache of HAC"])
    assert found.state == "broken" and not found.is_trouble
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert "cannot be written" in look(BY_NAME["cache of HAC"]).detail


def _command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hac-analyze", "doctor", *words])
    with pytest.raises(SystemExit) as finished:
        cli.main()
    return int(str(finished.value.code or 0))


def _made(state: State, is_plain: bool) -> Finding:
    return Finding("a [red]part", state, "1.0", "detail", "everything", "pip install it", is_plain)


@pytest.mark.parametrize(
    ("state", "is_plain", "code"),
    [("found", True, 0), ("missing", False, 0), ("broken", False, 0), ("missing", True, 1), ("broken", True, 1)],
)
def test_exit_code(
    state: str,
    is_plain: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [_made(state, is_plain)])
    assert _command(monkeypatch) == code
    shown = capsys.readouterr()
    assert "a [red]part" in shown.out and state in shown.out
    assert ("pip install it" in shown.out) == (state != "found")
    assert ("pip install it" in shown.err) == (code == 1)
    assert _command(monkeypatch, "--json") == code
    told = json.loads(capsys.readouterr().out)
    assert told["works"] == (code == 0) and told["schema"] == "hac-doctor/1"
    assert told["parts"][0]["state"] == state


def test_any_error_of_a_trial_is_a_row() -> None:
    def explode(_: None) -> trials.Found:
        raise RuntimeError("line one\nline two")

    found = look(Part("x", "nothing", "nowhere", trial=explode))
    assert (found.state, found.detail) == ("broken", "RuntimeError: line one line two")
    assert as_json([found])["works"]
