"""Names with options, and the sentence for a name that nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from hac.errors import HacError
from hac.plugins import split_options, unknown_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("kind:where", ("kind:where", {})),
        ("kind:where?a=1&b=", ("kind:where", {"a": "1", "b": ""})),
        ("kind?a=refs/pr/1", ("kind", {"a": "refs/pr/1"})),
        ("kind:folder?a=1", ("kind:folder?a=1", {})),
        ("folder?a=1", ("folder?a=1", {})),
    ],
)
def test_options_follow_a_question_mark(
    name: str, parts: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder?a=1").mkdir()
    assert split_options(name) == parts


def test_what_is_no_option_is_refused() -> None:
    with pytest.raises(HacError, match="expected option=value"):
        split_options("kind:where?nonsense")


def test_the_nearest_name_is_proposed() -> None:
    known = ["mimi", "xcodec"]
    assert str(unknown_name("Xcode", known, "codec")) == (
        "codec 'Xcode' is unknown; known are mimi, xcodec; did you mean xcodec?"
    )
    assert str(unknown_name("q", known, "codec")) == "codec 'q' is unknown; known are mimi, xcodec"
    assert str(unknown_name("xcode", known, "codec", "it is a file")).endswith("xcodec; it is a file")
