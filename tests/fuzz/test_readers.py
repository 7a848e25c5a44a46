"""Whatever is in a file, only our own errors come out of its reader; soon, and without gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.formats import spoilt
from tests.fuzz.readers import READERS
from tests.fuzz.trial import Bench, bounded_memory

BY_NAME = {reader.name: reader for reader in READERS}
FILES = [(reader.name, name) for reader in READERS for name in reader.files]
SLOW = {"models": 8, "imports": 25}
"""Examples of families whose readings take more than a millisecond or two."""


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    """A bench of each reader, made when it is first asked for."""
    base = tmp_path_factory.mktemp("benches")

    class Made(dict[str, Bench]):
        def __missing__(self, name: str) -> Bench:
            self[name] = Bench(BY_NAME[name], base / name)
            return self[name]

    return Made()


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    with bounded_memory():
        yield


@pytest.mark.parametrize("name", BY_NAME)
def test_the_sound_folder_is_read(benches: dict[str, Bench], name: str) -> None:
    # else the tests below would see nothing but one early complaint
    benches[name].reader.read(benches[name].folder)
    benches[name].mend()


@pytest.mark.parametrize(("name", "file"), FILES)
def test_only_our_own_errors_come_out(benches: dict[str, Bench], name: str, file: str) -> None:
    bench = benches[name]

    @settings(max_examples=SLOW.get(bench.reader.family, 40))
    @given(seed=st.integers(0, 2**32))
    def check(seed: int) -> None:
        content = spoilt(file, bench.sound[file], Random(seed))
        finding = bench.read_with(file, content)
        assert finding is None, f"{finding.text}\n{content[:500]!r}"

    check()


@pytest.mark.parametrize("put", ["nothing", "empty", "folder", "dangling", "loop"])
@pytest.mark.parametrize(("name", "file"), [one for one in FILES if one[0] != "set-option"])  # which is no file
def test_what_is_no_file_is_refused(benches: dict[str, Bench], name: str, file: str, put: str) -> None:
    bench = benches[name]
    path = bench.folder / file
    path.unlink()
    if put == "empty":
        path.touch()
    elif put == "folder":
        path.mkdir()
    elif put != "nothing":
        path.symlink_to(path.name if put == "loop" else "nowhere")
    try:
        finding = bench.read()
        assert finding is None, finding.text
    finally:
        bench.mend()


def test_a_value_inside_a_file_can_be_spoilt(benches: dict[str, Bench]) -> None:
    # what the properties above rest on: many of the changes leave a file of its format with another value in it
    bench = benches["results"]
    made = [spoilt("results.json", bench.sound["results.json"], Random(seed)) for seed in range(40)]
    said = set()
    for content in made:
        (bench.folder / "results.json").write_bytes(content)
        try:
            bench.reader.read(bench.folder)
            said.add("read")
        except Exception as error:
            said.add(str(error).split(": ", 1)[-1][:30])
    bench.mend()
    assert len(said) > 8
