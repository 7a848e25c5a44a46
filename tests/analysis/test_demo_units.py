"""The speech teacher's units, which come with the package, reach the demo only for the very audio they belong to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from analysis.demo import DEBIAN_SET, write_teacher_units
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.files.atomic import sha256_file
from hac.reference import teacher_units


def test_what_ships_says_whose_units_they_are():
    tokens = read_tokens(teacher_units())
    stream = tokens["units"]
    assert (stream.codebook_size, stream.frame_rate) == (1024, 50)
    assert len(stream.used_codes()) > 500
    assert all(id.startswith(DEBIAN_SET) for id in tokens.ids)
    assert set(tokens.provenance["audio_sha256"]) == set(tokens.ids)
    assert tokens.provenance["teacher"]["layer"] == 4
    assert set(tokens.provenance["fitted_on"]) == {"real/train.jsonl", "synthetic/train.jsonl"}
    assert teacher_units().stat().st_size < 300_000


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """Three recordings, whose units the package has by their ids and audio."""
    tokens = read_tokens(teacher_units())
    ids = tokens.ids[:3]
    for n in range(3):
        soundfile.write(tmp_path / f"{n}.wav", np.full(1600, n / 8, np.float32), 16_000)
    hashes = {id: sha256_file(tmp_path / f"{n}.wav") for n, id in enumerate(ids)}
    write_tokens(
        replace(tokens.select(ids), provenance={**tokens.provenance, "audio_sha256": hashes}),
        tmp_path / "units.parquet",
    )
    monkeypatch.setattr("analysis.demo.teacher_units", lambda: tmp_path / "units.parquet")
    return Manifest(tmp_path, tuple(Utterance(id, f"{n}.wav", 0.1) for n, id in enumerate(ids)))


def test_other_audio_under_the_same_id_gets_none(known: Manifest, tmp_path: Path):
    all_of_them = write_teacher_units(known, tmp_path / "out.parquet")
    assert all_of_them is not None and read_tokens(all_of_them).ids == known.ids
    soundfile.write(tmp_path / "1.wav", np.zeros(1601, np.float32), 16_000)
    two = write_teacher_units(known, tmp_path / "two.parquet")
    assert two is not None and read_tokens(two).ids == (known.ids[0], known.ids[2])
    units = read_tokens(teacher_units())["units"]
    np.testing.assert_array_equal(read_tokens(two)["units"].utterance(1), units.utterance(2))


def test_speech_it_was_not_computed_for_has_no_file(known: Manifest, tmp_path: Path):
    other = Manifest(tmp_path, (Utterance("elsewhere", "0.wav", 0.1),))
    assert write_teacher_units(other, tmp_path / "out.parquet") is None
    assert not (tmp_path / "out.parquet").exists()
