"""`results.json`: the schema of everything the analyses say, versioned, explaining itself.

A number that could not be had is null in the file (NaN in memory) and carries a reason. Nothing in the file depends on
when or how fast it was made except the `provenance.run` block, so equal results are equal bytes apart from that block.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from analysis.metrics.registry import METRICS, metric_name
from analysis.statistics.jackknife import METHOD, LeftOut
from hac.data.tokens.stream_options import nominal_kbps
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from hac.files.atomic import write_text
from hac.files.parsing import load_json
from hac.files.validation import complaint

SCHEMA = "hac-results"
VERSION = 2
FILE = "results.json"
"""What makes a folder one of a finished run."""

# JSON knows no NaN: null stands for "could not be had"
Number = Annotated[
    float,
    BeforeValidator(lambda x: math.nan if x is None else x),
    PlainSerializer(lambda x: x if math.isfinite(x) else None, return_type=float | None),
]


class Strict(BaseModel):
    """A part of the schema: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Null(Strict):
    """What chance scores: mean and standard deviation over its draws, and their count (0: an older file, unknown)."""

    mean: Number
    sd: Number
    n: int = 0


class Record(Strict):
    """One number with its interval, the value as counted, and what chance scores.

    `estimate` is the number to quote, and its interval says: on as much speech of other speakers it would lie in this
    range 95 times in 100. Value and chance are facts of this corpus and have no interval.

    Attributes:
        id: `<stream>.<metric>`, with `[silence-dropped]` where silence is left out.
        stream: stream name.
        group: empty for the whole corpus, else `language=en`, `speaker=...`, `phone=AA`, `manner=stop`, ...
        estimate: (value - null_mean) / (1 - null_mean) where `is_corrected`, else `value`.
        ci_low, ci_high: 95 % interval of `estimate`, which lies in its middle.
        is_corrected: whether chance is taken off.
        value: as counted, the way published papers compute the metric.
        null_mean, null_sd: mean and standard deviation of `value` over the null draws.
        n_nulls: count of null draws; 0 for none, or in an older file unknown.
        n: counted units (frames of the stream, or grid points) behind the value.
        protocol: which protocol of `Results.protocols` made it.
        ci_method: how the interval was made, or `none`.
        note: reasons for what is missing, remarks.
        nulls: further nulls by name, where there are any.
        left_out: `estimate` without each cluster; kept in `jackknife.parquet`.
    """

    id: str
    stream: str
    group: str = ""
    estimate: Number
    ci_low: Number = math.nan
    ci_high: Number = math.nan
    is_corrected: bool = False
    value: Number
    null_mean: Number = math.nan
    null_sd: Number = math.nan
    n_nulls: int = 0
    n: int
    protocol: str
    ci_method: str = "none"
    note: str = ""
    nulls: dict[str, Null] = {}
    left_out: LeftOut | None = Field(default=None, exclude=True, repr=False)

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def half_width(self) -> float:
        """Half the width of the interval; NaN without one."""
        return (self.ci_high - self.ci_low) / 2


class StreamInfo(Strict):
    """What was counted of one stream."""

    codebook_size: int
    frame_rate: str
    used_codes: int
    n_frames: int
    hours: Number

    @property
    def frames_per_second(self) -> float:
        """The frame rate as a number: `frame_rate` is exact, such as `50` or `75/2`."""
        return float(Fraction(self.frame_rate))

    @property
    def kbps(self) -> float:
        """See `nominal_kbps`."""
        return nominal_kbps(max(self.codebook_size, 1), self.frames_per_second)

    @classmethod
    def of_frames(cls, codebook_size: int, frame_rate: Fraction, used_codes: int, n_frames: int) -> StreamInfo:
        """What was counted, where all frames count for the time they last."""
        return cls(
            codebook_size=codebook_size,
            frame_rate=str(frame_rate),
            used_codes=used_codes,
            n_frames=n_frames,
            hours=float(n_frames / frame_rate / 3600),
        )

    @classmethod
    def of(cls, stream: Stream) -> StreamInfo:
        """What was counted, where all of a stream was."""
        return cls.of_frames(stream.codebook_size, stream.frame_rate, len(stream.used_codes()), len(stream.codes))


class Lag(Strict):
    """PNMI of a stream against labels moved by a number of frames; positive: the tokens come late."""

    stream: str
    lags_frames: list[float]
    pnmi: list[Number]
    best_lag_frames: float
    best_lag_ms: float
    gain: Number
    warning: str = ""


class Results(Strict):
    """A whole result file.

    Attributes:
        command: which analysis made it.
        status: `complete`, or `partial` where parts failed.
        system: the tokenizer's name.
        metrics: the numbers.
        streams: what was counted of each stream.
        lags: lag scan of each stream.
        protocols: what each protocol name means.
        coverage: how much of the corpus was used, and what the rules for alignments did.
        failures: count of items that could not be used, by reason.
        failed: the first items of each reason, with the sentence.
        warnings: what a reader must know before quoting a number.
        provenance: inputs with hashes, options given and resolved, versions, seed, command line.
    """

    schema_: Literal["hac-results"] = Field(default="hac-results", alias="schema")
    version: int = VERSION
    command: str
    status: Literal["complete", "partial"] = "complete"
    system: str
    metrics: list[Record]
    streams: dict[str, StreamInfo] = {}
    lags: list[Lag] = []
    protocols: dict[str, dict[str, Any]] = {}
    coverage: dict[str, Any] = {}
    failures: dict[str, int] = {}
    failed: list[dict[str, str]] = []
    warnings: list[str] = []
    provenance: dict[str, Any] = {}

    def get(self, id: str, group: str = "") -> Record:
        """The record of that id and group.

        Raises:
            KeyError: there is none.
        """
        for record in self.metrics:
            if record.id == id and record.group == group:
                return record
        raise KeyError(f"{id} [{group}]")


def write_results(results: Results, path: Path) -> None:
    """Write a result file atomically: UTF-8 JSON, keys in the schema's order."""
    data = results.model_dump(mode="json", by_alias=True)
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def runs_below(folder: Path, depth: int) -> Iterator[Path]:
    """The folders of finished runs in a folder and in the folders in it, by name; what lies in a run is not looked at.

    Args:
        folder: `runs`, as in `runs/<system>/<command>`.
        depth: folders within each other that are looked into.
    """
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if child.name.startswith(".") or not child.is_dir():
            continue
        if (child / FILE).is_file():
            yield child
        elif depth > 1:
            yield from runs_below(child, depth - 1)


def read_results(path: Path) -> Results:
    """Read a result file.

    Raises:
        HacError: it is missing, is not one of ours, or is of a newer version.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE
    try:
        data = load_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        inside = sorted(one.parent.name for one in path.parent.glob("*/results.json"))
        hint = f"; there are some in {', '.join(inside[:9])}, each a run: give one of them" if inside else ""
        raise HacError(
            f"{path}: no such result file; expected the results.json that hac-analyze writes{hint}"
        ) from error
    except (OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as JSON ({error}); expected a results.json of hac-analyze") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise HacError(f"{path}: not a result file of ours (no schema '{SCHEMA}'); expected a results.json")
    if not isinstance(data.get("version"), int) or data["version"] > VERSION:
        raise HacError(
            f"{path}: has format version {data.get('version')}, this program reads up to {VERSION}; upgrade hac-codec"
        )
    try:
        results = Results.model_validate(_of_version_1(data) if data["version"] == 1 else data)
    except ValidationError as error:
        raise HacError(f"{path}: {complaint(error)}; expected the schema of hac-analyze") from error
    for part in ("utterances", "hours"):
        if not isinstance(results.coverage.get(part, {}), dict):
            raise HacError(f"{path}: coverage.{part} is no object; expected the schema of hac-analyze")
    return results


def _of_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """A file of version 1 in today's schema: its bootstrap intervals did not hold the numbers they stand beside."""
    metrics = data.get("metrics")
    if not isinstance(metrics, list):
        return data
    return {
        **data,
        "version": VERSION,
        "metrics": [_record_of_version_1(m) if isinstance(m, dict) else m for m in metrics],
    }


def _record_of_version_1(old: dict[str, Any]) -> dict[str, Any]:
    corrected, *around = (old.get(f"corrected{end}") for end in ("", "_ci_low", "_ci_high"))
    record = {key: value for key, value in old.items() if not key.startswith("corrected")}
    metric = METRICS.get(metric_name(str(old.get("id"))))
    # a null of 1 had no corrected value: chance alone was perfect, and there is no number
    perfect = corrected is None and old.get("null_mean") == 1 and metric is not None and metric.is_corrected
    record["is_corrected"] = perfect or isinstance(corrected, int | float)
    record["estimate"] = corrected if record["is_corrected"] else old.get("value")
    if record["is_corrected"]:
        record["ci_low"], record["ci_high"] = around
    if old.get("ci_method") not in ("none", METHOD):
        note = f"no interval: {old.get('ci_method')} of an older version, run the analysis again"
        note = "; ".join(part for part in (old.get("note"), note) if part)
        record |= {"ci_low": None, "ci_high": None, "ci_method": "none", "note": note}
    return record
