"""Every bad input of the gallery through the real command line: one sentence, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad.gallery import AS_PROCESS, GALLERY
from tests.bad.world import make_world

ROOT = Path(__file__).parents[2]
LONGEST = 2100


@pytest.fixture(scope="module")
def sound_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "world"
    folder.mkdir()
    make_world(folder)
    return folder


@pytest.fixture
def world(sound_world: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound_world, tmp_path / "world", symlinks=True)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call a program in a folder, in this process: exit code and all that it and its libraries said on stderr."""
    import hac.cli
    import reports.cli
    from hac.coding import decode_input, encode_shard

    def call(folder: Path, words: list[str]) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("hac.parallel.dask_cluster.CONNECT_S", 1)
        monkeypatch.setattr(sys, "argv", words)
        encode_shard._load.cache_clear()  # a model of a folder of the same name in another world
        decode_input.release_decoder()
        with pytest.raises(SystemExit) as ended:
            (hac.cli if words[0] == "hac" else reports.cli).main()
        return int(str(ended.value.code or 0)), capfd.readouterr().err

    return call


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def check(says: tuple[str, ...], code: int, error: str) -> None:
    assert code == 2, error
    assert error.startswith("error: "), error
    assert error.count("\n") == 1 and error.endswith("\n"), error
    assert "Traceback" not in error and len(error) < LONGEST, error
    for text in says:
        assert text in error, (text, error)


@pytest.mark.parametrize("name", GALLERY)
def test_one_sentence_and_nothing_left(name: str, world: Path, run: Callable[..., tuple[int, str]]) -> None:
    case = GALLERY[name]
    case.spoil(world)
    before = files(world)
    code, error = run(world, shlex.split(case.words))
    check(case.says, code, error)
    new = files(world) - before
    assert files(world) >= before
    assert not [name for name in new if not name.startswith(case.keeps or "\0") or name.endswith(".part")]


@pytest.mark.parametrize("name", AS_PROCESS)
def test_the_same_as_a_process(name: str, world: Path) -> None:
    case = GALLERY[name]
    case.spoil(world)
    before = files(world)
    program, *words = shlex.split(case.words)
    module = "hac.cli" if program == "hac" else "reports.cli"
    code = f"import sys, {module}; sys.argv[0] = {program!r}; {module}.main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=world, env=env, capture_output=True, text=True)
    check(case.says, done.returncode, done.stderr)
    assert files(world) == before
