"""The recordings inside the wheel moonshine-voice, cut into utterances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hac.commands import corpus_builtin
from hac.corpora import wheel
from hac.data.audio.audio import read_audio
from hac.data.manifest.formats import read_manifest
from hac.errors import HacError


def test_the_corpus(tmp_path: Path) -> None:
    made = wheel.wheel_corpus(tmp_path)
    manifest = read_manifest(tmp_path / "manifest.jsonl")
    assert manifest.utterances == made.utterances
    assert len(manifest.utterances) == len({u.id for u in manifest.utterances}) == 28
    assert 60 < sum(u.duration for u in manifest.utterances) < 75
    assert {u.speaker for u in manifest.utterances} == {"nagg", "nell", "reader-beckett", "reader-cities"}
    for utterance in manifest.utterances:
        assert utterance.text
        samples = read_audio(manifest.audio_path(utterance), 16_000).samples
        assert len(samples) == round(utterance.duration * 16_000)
        # cut at pauses: both edges are quieter than what is between them
        loud = float(np.sqrt(np.mean(samples**2)))
        for edge in (samples[:160], samples[-160:]):
            assert float(np.sqrt(np.mean(edge**2))) < 0.2 * loud, utterance.id


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wheel._SHA256, "beckett.wav", "0" * 64)
    with pytest.raises(HacError, match=r"moonshine-voice==0.1.0"):
        wheel.wheel_corpus(tmp_path)
    assert not (tmp_path / "manifest.jsonl").exists()


def test_without_the_wheel_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "_PACKAGE", "no_such_package_here")
    with pytest.raises(HacError, match=r"hac-codec\[speech\]"):
        wheel.wheel_corpus(tmp_path)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(corpus_builtin.wheel)
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "28 utterances" in result.output
