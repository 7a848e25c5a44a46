"""What a killed training left in its folder, and what the next part of it makes of that."""

from __future__ import annotations

from pathlib import Path

from hac.errors import Failure, FailureLog
from hac.train.checkpoints import checkpoints, rotate
from hac.train.run_record import FAILURES, met_before


def checkpoint(run: Path, step: int) -> Path:
    folder = run / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "trainer.json"):
        (folder / name).touch()
    return folder


def test_a_checkpoint_that_is_half_removed_is_none_and_goes(tmp_path, monkeypatch):
    for step in (1, 2, 3):
        checkpoint(tmp_path, step)

    class Killed(Exception):
        pass

    def killed(folder):
        (Path(folder) / "model.safetensors").unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        try:
            rotate(tmp_path, 2, None)
        except Killed:
            pass
        else:
            raise AssertionError("nothing was removed")
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000002", "step-00000003"]
    rotate(tmp_path, 2, None)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000002", "step-00000003"]
    rotate(tmp_path, "all", None)
    assert len(checkpoints(tmp_path)) == 2


def test_what_could_not_be_read_before_is_remembered_once(tmp_path):
    known, met = Failure("a", "audio-missing", "gone"), Failure("b", "audio-silent", "silent")
    lines = FailureLog(items=[known, met, met]).json_lines() + '{"id": "c", "rea'
    (tmp_path / FAILURES).write_text(lines)
    assert met_before(tmp_path, FailureLog(items=[known])) == []  # no checkpoint: the run begins anew
    checkpoint(tmp_path, 1)
    assert met_before(tmp_path, FailureLog(items=[known])) == [met]
