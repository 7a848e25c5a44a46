"""Fundamental frequency and energy of speech on a grid of 10 ms.

Everything is measured at 16 kHz, to which audio of another rate is brought first. Frame i is the time from 10 i to
10 (i + 1) ms, its centre 10 i + 5 ms; a recording has as many frames as lie wholly inside it.

*F0* is Praat's autocorrelation (Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17) by `parselmouth`, a Hann window of three periods of
the floor (40 ms) around each frame's centre. Praat lays its frames symmetrically into a recording; here the recording
is cut by less than 10 ms on either side, so that they fall on the grid. Frames whose window would reach out of the
recording have no F0, and count as unvoiced.

*Energy* is the frame's mean square in dB, 0 dB being that of a constant at full scale. A frame of digital silence has
none: its value is NaN.

`parselmouth` is under the GPL (the extra `quality`) and imported only when F0 is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import soxr
from numpy.typing import NDArray

from hac.data.audio.audio import QUALITY, read_audio, resampled_length
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError, Unusable
from hac.parallel.resumable import Item, Recipe, clear_parts, hashed, process, read_rows, write_rows

SAMPLE_RATE = 16_000
"""Hz at which everything is measured."""
STEP_SAMPLES = 160
STEP_US = 10_000
FLOOR_HZ = 75.0
CEILING_HZ = 600.0
VERSION = 1
"""Of the measurement; a store of another one is measured again."""

_KIND = "prosody"
_COLUMNS = {"f0_hz": pa.list_(pa.float32()), "energy_db": pa.list_(pa.float32())}


@dataclass(frozen=True, slots=True)
class Prosody:
    """Prosody of a recording on the grid, float32 [n] each: NaN where unvoiced, and in digital silence."""

    f0_hz: NDArray[np.float32]
    energy_db: NDArray[np.float32]


def prosody(
    samples: NDArray[np.float32], sample_rate: int, floor_hz: float = FLOOR_HZ, ceiling_hz: float = CEILING_HZ
) -> Prosody:
    """F0 and energy of a recording.

    Args:
        samples: mono, float32 [n_samples], full scale 1.
        sample_rate: Hz.
        floor_hz: lowest F0 that is looked for.
        ceiling_hz: highest F0 that is looked for.

    Raises:
        HacError: parselmouth is missing, or the range is empty.
    """
    if not 10 <= floor_hz < ceiling_hz <= SAMPLE_RATE / 2:
        raise HacError(
            f"F0 from {floor_hz:g} to {ceiling_hz:g} Hz was asked for; expected 10 <= floor < ceiling <= 8000"
        )
    mono = _at_16k(np.asarray(samples, np.float32), sample_rate)
    return Prosody(_f0(mono, floor_hz, ceiling_hz), _energy(mono))


def prosody_store(manifest: Manifest, path: Path, jobs: int = 1, *, failures: FailureLog | None = None) -> Path:
    """Measure a corpus into a Parquet file, a row an utterance; what is in the file already is not measured again.

    Columns: `id`; `f0_hz`, `energy_db` (lists of float32, null where the audio cannot be read); `reason`, `detail`
    (why, else null); `audio`, `recipe` (hashes of the file's bytes and of how it was measured).

    Args:
        path: of the file; parts lie in `*.parts/` beside it until it is whole.

    Raises:
        HacError: parselmouth is missing; the file holds something else; or (strict failures) the first failure.
    """
    failures = FailureLog() if failures is None else failures
    path = Path(path)
    recipe = Recipe(_basis(), _COLUMNS, _measure)
    files, unreadable = hashed(_paths(manifest, failures))
    failures.extend(unreadable)
    kept = read_rows(path, _KIND, ["id", *recipe.schema.names])
    folder = path.with_suffix(".parts")
    rows = process(
        files,
        None if kept is None else kept[0],
        recipe,
        folder,
        jobs=jobs,
        strict=failures.strict,
        description="measuring prosody",
    )
    table = _by_utterance(rows, files)
    header = {"version": VERSION, "kind": _KIND, "recipe": recipe.basis}
    if kept is None or not table.equals(kept[0]):
        write_rows(table, path, header)
    clear_parts(folder, recipe)
    for id, reason, detail in zip(*(table[name].to_pylist() for name in ("id", "reason", "detail")), strict=True):
        if reason is not None:
            failures.add(id, reason, detail)
    return path


def read_prosody(path: Path) -> dict[str, Prosody]:
    """Prosody by utterance id, in the file's order; utterances without are left out.

    Raises:
        HacError: no such file, or another one.
    """
    path = Path(path)
    found = read_rows(path, _KIND, ["id", *_COLUMNS])
    if found is None:
        raise HacError(f"{path}: no such file; expected the prosody of a corpus")
    table = found[0].filter(pc.is_valid(found[0]["f0_hz"])).combine_chunks()
    values = {name: pc.list_flatten(table[name]).to_numpy() for name in _COLUMNS}
    ends = np.cumsum(pc.list_value_length(table["f0_hz"]).to_numpy().astype(np.int64))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    return {
        id: Prosody(values["f0_hz"][start:end], values["energy_db"][start:end])
        for id, start, end in zip(table["id"].to_pylist(), starts, ends, strict=True)
    }


def _measure(path: Path) -> Mapping[str, Any]:
    samples = read_audio(path, SAMPLE_RATE).samples
    if len(samples) < STEP_SAMPLES:
        raise Unusable("too-short", f"lasts {len(samples) / SAMPLE_RATE:.4f} s, less than one frame of 10 ms")
    return asdict(prosody(samples, SAMPLE_RATE, FLOOR_HZ, CEILING_HZ))


def _basis() -> dict[str, Any]:
    praat = _parselmouth()
    return {
        "version": VERSION,
        "sample_rate": SAMPLE_RATE,
        "step_us": STEP_US,
        "f0": f"Praat {praat.PRAAT_VERSION}, autocorrelation",
        "floor_hz": FLOOR_HZ,
        "ceiling_hz": CEILING_HZ,
    }


def _paths(manifest: Manifest, failures: FailureLog) -> dict[str, Path]:
    """Audio by id; paths that lead out of the corpus are noted."""
    paths = {}
    for utterance in manifest.utterances:
        try:
            paths[utterance.id] = manifest.audio_path(utterance)
        except HacError as error:
            failures.add(utterance.id, "audio-path", str(error))
    return paths


def _parselmouth() -> Any:
    try:
        import parselmouth
    except ImportError as error:
        raise HacError("F0 needs the package praat-parselmouth: pip install 'hac-codec[quality]'") from error
    return parselmouth


def _by_utterance(rows: pa.Table, items: list[Item]) -> pa.Table:
    """A row for each utterance, in order, from one for each different file."""
    place = {digest: i for i, digest in enumerate(rows["audio"].to_pylist())}
    table = rows.take(pa.array([place[item.key] for item in items], pa.int64()))
    return table.add_column(0, "id", pa.array([item.id for item in items], pa.string())).combine_chunks()


def _at_16k(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    if sample_rate == SAMPLE_RATE:
        return samples
    length = resampled_length(len(samples), sample_rate, SAMPLE_RATE)
    made = soxr.resample(samples, sample_rate, SAMPLE_RATE, quality=QUALITY)[:length]
    return np.pad(made, (0, length - len(made)))


def _energy(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    n = len(samples) // STEP_SAMPLES
    frames = samples[: n * STEP_SAMPLES].astype(np.float64).reshape(n, STEP_SAMPLES)
    power = np.square(frames).mean(axis=1)
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(power)
    return np.where(power > 0, level, np.nan).astype(np.float32)


def _f0(samples: NDArray[np.float32], floor_hz: float, ceiling_hz: float) -> NDArray[np.float32]:
    found = np.full(len(samples) // STEP_SAMPLES, np.nan, np.float32)
    # Praat has k + 1 frames in a recording of (window + 10 k + 5) ms, the first at window / 2 + 2.5 ms
    window = round(3 / floor_hz * SAMPLE_RATE)
    half_step = STEP_SAMPLES // 2
    lead = (half_step - (window + half_step) // 2) % STEP_SAMPLES
    steps = (len(samples) - lead - window - half_step) // STEP_SAMPLES
    if steps < 0:
        return found
    part = samples[lead : lead + window + steps * STEP_SAMPLES + half_step].astype(np.float64)
    pitch = (
        _parselmouth()
        .Sound(part, float(SAMPLE_RATE))
        .to_pitch_ac(time_step=STEP_SAMPLES / SAMPLE_RATE, pitch_floor=floor_hz, pitch_ceiling=ceiling_hz)
    )
    voiced = pitch.selected_array["frequency"]
    first = (lead + (window + half_step) // 2) // STEP_SAMPLES
    found[first : first + len(voiced)] = np.where(voiced > 0, voiced, np.nan)
    return found
