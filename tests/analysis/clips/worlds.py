"""Runs that can be heard, and what every `listen/` must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import soundfile
from PIL import Image

from analysis.clips.schema import NAME, Clips


def read_listen(run: Path) -> Clips:
    """The clips of a run, after proving that the folder is what the format promises."""
    text = (run / NAME).read_text(encoding="utf-8")
    found = Clips.model_validate_json(text)
    assert json.loads(text) == json.loads(json.dumps(found.model_dump()))  # nothing is left out that has a default
    sounds = [(sound.file, sound.duration_s) for clip in found.clips for sound in clip.sounds]
    sounds += [(hit.file, hit.duration_s) for word in found.detections for hit in word.hits]
    images = [sound.spectrogram for clip in found.clips for sound in clip.sounds if sound.spectrogram]
    for file, duration_s in sounds:
        info = soundfile.info(run / file)
        assert (info.format, info.subtype, info.channels) == ("OGG", "OPUS", 1)
        assert abs(info.frames / info.samplerate - duration_s) < 1e-4
    for file in images:
        with Image.open(run / file) as image:
            assert (image.format, image.size) == ("PNG", (600, 96))
    files = {file for file, _ in sounds} | set(images)
    assert {f"listen/{path.name}" for path in (run / "listen").iterdir()} == files | {NAME}
    assert sum((run / file).stat().st_size for file in files) == found.total_bytes <= found.budget_bytes
    for clip in found.clips:
        assert (clip.sounds[0].name, clip.sounds[0].kind) == ("original", "original")
        assert clip.sounds[0].duration_s == clip.duration_s
        names = [sound.name for sound in clip.sounds]
        assert len(set(names)) == len(names)
        for tier in clip.tiers:
            for (_, offset, _), (onset, _, _) in zip(tier.intervals, tier.intervals[1:], strict=False):
                assert onset >= offset
    return found


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tiers_by_name(clip: Any) -> dict[str, Any]:
    """Intervals of each tier."""
    return {tier.name: tier.intervals for tier in clip.tiers}
