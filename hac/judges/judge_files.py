"""Judge many audio files with one model: resumably, in processes, every file once.

Verdicts are kept in a Parquet file, a row for each pair of audio bytes and judge (`hac.parallel.resumable`), so that
neither an interrupted run nor a second codec's report judges the same reference again. Columns: `audio`, `recipe`
(hashes), `reason`, `detail` (why there is no value, else null) and `value`.
A file that cannot be judged gets a verdict without a value; only `--strict` stops at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hac.data.audio.audio import audio_info, is_silent, read_audio
from hac.errors import Failure, FailureLog, HacError, Unusable
from hac.files.parsing import plain
from hac.judges import registry
from hac.judges.base import Judge, MosPredictor, Recognizer, SpeakerEncoder, Unjudged
from hac.parallel.resumable import Recipe, clear_parts, final_rows, hashed, process, read_rows, write_rows

T = TypeVar("T")

VERSION = 1
"""Of the way in which a file is handed to a judge; another one judges anew."""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """What a judge said of one file; without a value a slug such as `too-short` and a sentence."""

    value: T | None
    reason: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of verdict: name of the store, its column, and its value out of the column."""

    name: str
    column: pa.DataType
    value: Callable[[Any], Any]


@lru_cache(maxsize=1)
def _loaded(kind: str, name: str, device: str) -> Judge:
    """A judge by name, the only one in this process's memory."""
    if kind == "transcripts":
        return registry.load_recognizer(name, device)
    return (
        registry.load_speaker_encoder(name, device) if kind == "voices" else registry.load_mos_predictor(name, device)
    )


def judged(
    kind: Kind,
    files: Mapping[str, Path],
    judge: str | Judge,
    store: Path,
    *,
    device: str = "cpu",
    jobs: int = 1,
    failures: FailureLog | None = None,
) -> dict[str, Verdict[Any]]:
    """What a judge says of every file: verdicts by id, in the order of `files`.

    Args:
        files: audio files by utterance id. Leave out those in languages that `languages_of` does not name.
        judge: name for `hac.judges.registry`, or a judge (picklable where `jobs` > 1).
        store: Parquet file that keeps the verdicts, made where it is not there.
        jobs: processes on a CPU; on a GPU there is one.

    Raises:
        HacError: no such judge; a store of another kind; or (strict failures) the first file without a verdict.
    """
    failures = FailureLog() if failures is None else failures
    loaded = _loaded(kind.name, judge, device) if isinstance(judge, str) else judge
    on_cpu = str(loaded.provenance.get("device", "cpu")) == "cpu"
    recipe = Recipe(_basis(loaded, kind.name), {"value": kind.column}, _FileValue(kind.name, judge, device), on_cpu)
    kept = read_rows(Path(store), kind.name, recipe.schema.names)
    found, unreadable = hashed(files)
    FailureLog(failures.strict).extend(unreadable)
    folder = Path(store).with_suffix(".parts")
    rows = process(
        found,
        None if kept is None else kept[0],
        recipe,
        folder,
        jobs=jobs if on_cpu else 1,
        strict=failures.strict,
        description=f"judging with {loaded.name}",
    )
    _keep(rows, kept, recipe, kind, Path(store))
    clear_parts(folder, recipe)
    by_audio = {row["audio"]: row for row in rows.to_pylist()}
    verdicts: dict[str, Verdict[Any]] = {f.id: Verdict(None, f.reason, f.detail) for f in unreadable}
    verdicts |= {item.id: _verdict(by_audio[item.key], kind) for item in found}
    failures.extend(Failure(id, v.reason, v.detail) for id in files if (v := verdicts[id]).reason is not None)
    return {id: verdicts[id] for id in files}


transcripts: Callable[..., dict[str, Verdict[str]]] = partial(judged, Kind("transcripts", pa.string(), str))
"""What a recognizer hears in every file; digital silence is the empty text."""
voices: Callable[..., dict[str, Verdict[NDArray[np.float32]]]] = partial(
    judged, Kind("voices", pa.list_(pa.float32()), partial(np.array, dtype=np.float32))
)
"""The voice in every file as a vector, float32 [dim], of length 1."""
opinions: Callable[..., dict[str, Verdict[dict[str, float]]]] = partial(
    judged, Kind("opinions", pa.map_(pa.string(), pa.float64()), dict)
)
"""Predicted opinion scores of every file by scale, 1 to 5."""


def languages_of(judge: str | Recognizer, device: str = "cpu") -> frozenset[str] | None:
    """Languages a recognizer knows, as manifests name them; None: any.

    Raises:
        HacError: no such judge.
    """
    loaded = judge if not isinstance(judge, str) else _loaded("transcripts", judge, device)
    assert isinstance(loaded, Recognizer)
    return loaded.languages


def _basis(judge: Judge, kind: str) -> dict[str, Any]:
    """What the verdicts depend on but the audio: neither where a model's folder lies nor how it was named."""
    fixing = {key: value for key, value in judge.provenance.items() if key not in ("where", "revision")}
    content = {"version": VERSION, "kind": kind, "sample_rate": judge.sample_rate, "provenance": fixing}
    return plain(content)


def _keep(
    rows: pa.Table, kept: tuple[pa.Table, dict[str, Any]] | None, recipe: Recipe, kind: Kind, store: Path
) -> None:
    """Write the store: its rows of other judges and audio as they were, and these; sorted, so the bytes are fixed."""
    rows = final_rows(rows, recipe)
    judges = {recipe.key: recipe.basis}
    if kept is not None:
        old, header = kept
        old = old.select(recipe.schema.names).cast(recipe.schema)
        judges = {**header.get("judges", {}), **judges}
        mine = pc.and_(pc.equal(old["recipe"], recipe.key), pc.is_in(old["audio"], rows["audio"].combine_chunks()))
        rows = pa.concat_tables([old.filter(pc.invert(mine)), rows])
    rows = rows.sort_by([("recipe", "ascending"), ("audio", "ascending")])
    if kept is None or not rows.equals(old):
        write_rows(rows, store, {"version": VERSION, "kind": kind.name, "judges": judges})


def _verdict(row: Mapping[str, Any], kind: Kind) -> Verdict[Any]:
    if row["reason"] is not None:
        return Verdict(None, row["reason"], row["detail"])
    return Verdict(kind.value(row["value"]))


@dataclass(frozen=True)
class _FileValue:
    """Makes a judge's value of a file; what travels to the processes."""

    kind: str
    judge: str | Judge
    device: str

    def __call__(self, path: Path) -> dict[str, Any]:
        judge = _loaded(self.kind, self.judge, self.device) if isinstance(self.judge, str) else self.judge
        samples = read_audio(path, judge.sample_rate).samples
        if isinstance(judge, MosPredictor) and audio_info(path).sample_rate != judge.sample_rate:
            # a change of rate overshoots where a recording is at full scale; a file of 16 bits would clip there too
            samples = np.clip(samples, -1, 1)
        try:
            return {"value": self._value(judge, samples)}
        except (Unusable, HacError):
            raise
        except (RuntimeError, ValueError, ArithmeticError, LookupError, MemoryError) as error:
            detail = f"the judge {judge.name} failed: {' '.join(str(error).split())[:200] or type(error).__name__}"
            raise Unusable("judge-error", detail) from error

    def _value(self, judge: Judge, samples: NDArray[np.float32]) -> Any:
        if isinstance(judge, Recognizer):
            # recognizers make words up where nothing is heard at all
            return "" if is_silent(samples) else judge.transcribe(samples)
        if isinstance(judge, SpeakerEncoder):
            vector = np.asarray(judge.embed(samples), np.float32)
            if vector.shape != (judge.dim,) or not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
                raise HacError(
                    f"judge {judge.name}: gave a vector of shape {vector.shape}, not of length 1; ask its maker"
                )
            return vector
        assert isinstance(judge, MosPredictor)
        scores = judge.predict(samples)
        if set(scores) != set(judge.scales):
            raise HacError(f"judge {judge.name}: gave {sorted(scores)} where {sorted(judge.scales)} were promised")
        if not all(np.isfinite(list(scores.values()))):
            raise Unjudged("not-finite", "a score is NaN or infinite")
        return [(name, float(scores[name])) for name in judge.scales]
