"""Calls as processes and in this one: what they see, say, and how they are stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from analysis.sweeps.launch import Call, Processes, environment, last_error
from tests.analysis.sweeps.worlds import run_here
from tests.waiting import WAIT_S, until


class Python(Call):
    """A call of plain Python, to see what a process sees."""

    def argv(self) -> list[str]:
        return [sys.executable, *self.words]


def python(code: str, folder: Path, **options) -> Python:
    return Python("hac", ("-c", code), folder / "call.log", **options)


def test_a_process_logs_and_its_exit_code_comes_back(tmp_path):
    launch = Processes()
    call = python("import sys; print('hello'); print('error: no such thing', file=sys.stderr); sys.exit(3)", tmp_path)
    assert launch(call) == 3
    assert last_error(call.log) == "no such thing"
    assert "hello" in call.log.read_text()


def test_a_program_that_cannot_be_started_is_a_failure(tmp_path):
    call = Call("hac", ("train",), tmp_path / "call.log", prefix=("no-such-launcher",))
    assert call.argv()[:3] == ["no-such-launcher", "-m", "hac.cli"]
    assert Processes()(call) == 127
    assert last_error(call.log) == "no-such-launcher cannot be started (No such file or directory)"


def test_each_call_sees_its_own_device_and_this_code():
    def seen(device: str, outside: dict[str, str], **options) -> dict[str, str]:
        return environment(Call("hac", (), Path("x"), device, **options), outside)

    assert seen("cpu", {"CUDA_VISIBLE_DEVICES": "0,1"})["CUDA_VISIBLE_DEVICES"] == ""
    assert seen("cuda:1", {})["CUDA_VISIBLE_DEVICES"] == "1"
    # a scheduler that gave GPUs 4 and 6 calls them 0 and 1
    assert seen("cuda:1", {"CUDA_VISIBLE_DEVICES": "4,6"})["CUDA_VISIBLE_DEVICES"] == "6"
    assert "CUDA_VISIBLE_DEVICES" not in seen("cuda:0", {}, prefix=("torchrun",))
    assert seen("cpu", {"OMP_NUM_THREADS": "3"}, threads=1)["OMP_NUM_THREADS"] == "3"
    assert seen("cpu", {}, threads=2)["OMP_NUM_THREADS"] == "2"
    paths = seen("cpu", {"PYTHONPATH": "/theirs"})["PYTHONPATH"].split(os.pathsep)
    assert (Path(paths[0]) / "hac").is_dir() and paths[1:] == ["/theirs"]


def test_a_folder_named_like_a_package_where_the_user_stands_is_not_taken_for_it(tmp_path, monkeypatch):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").write_text("raise SystemExit('theirs')")
    monkeypatch.chdir(tmp_path)
    assert Processes()(Call("hac-analyze", ("--help",), tmp_path / "call.log")) == 0


@pytest.mark.parametrize("saves_on_term", [True, False])
def test_stop_asks_a_process_to_end_and_starts_no_more(tmp_path, saves_on_term):
    """A training is terminated and saves; anything else is interrupted."""
    code = (
        "import signal, sys, time\n"
        "def save(number, frame):\n"
        "    print(signal.Signals(number).name); sys.exit(9)\n"
        "signal.signal(signal.SIGTERM, save); signal.signal(signal.SIGINT, save)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(3600)\n"
    )
    launch, codes = Processes(), []
    call = python(code, tmp_path, saves_on_term=saves_on_term)
    thread = threading.Thread(target=lambda: codes.append(launch(call)))
    thread.start()
    until((tmp_path / "ready").exists)
    launch.stop()
    thread.join(WAIT_S)
    assert codes == [9]
    assert call.log.read_text().strip() == ("SIGTERM" if saves_on_term else "SIGINT")
    assert launch(python("open('never', 'w')", tmp_path)) == -signal.SIGTERM


def test_a_process_that_will_not_end_is_killed(tmp_path):
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(3600)\n"
    )
    launch, codes = Processes(grace_s=0.1), []
    thread = threading.Thread(target=lambda: codes.append(launch(python(code, tmp_path, saves_on_term=True))))
    thread.start()
    until((tmp_path / "ready").exists)
    launch.stop()
    thread.join(WAIT_S)
    assert codes == [-signal.SIGKILL]


def test_in_this_process_errors_are_codes_and_said_in_the_log(tmp_path, capsys):
    call = Call("hac-analyze", ("pnmi", "--tokens", str(tmp_path / "none.parquet")), tmp_path / "call.log")
    assert run_here(call) == 2
    assert "none.parquet" in last_error(call.log)
    call = Call("hac-analyze", ("pnmi", "--nulls=many"), tmp_path / "call.log")
    assert run_here(call) == 2 and "Invalid value for '--nulls'" in last_error(call.log)
    assert run_here(Call("hac-analyze", ("pnmi", "--help"), tmp_path / "help.log")) == 0
    assert capsys.readouterr() == ("", "")
