"""Differences between runs: of every number that two runs have in common, with its interval and what chance would do.

Where both runs counted the same utterances (`coverage.utterances.key`) and drew the same clusters (same seed), the
difference is taken draw by draw, so that easy and hard speakers cancel: `paired`. Else the runs are taken for
independent: `unpaired`, which is wider.
p is Student's, from the standard error of the (paired) difference, and is corrected for the number of differences
that are looked at (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.metrics.registry import metric_of
from analysis.results.bootstrap_draws import with_draws
from analysis.results.schema import Record, Results, read_results
from analysis.statistics.bootstrap import LEVEL, Resamples
from hac.errors import HacError

Verdict = Literal["better", "worse", "different", "within noise", "unknown"]
LEAST_P = 1e-12
NOMINAL_RATE = "kbps[nominal]"
NO_KEY = "the runs do not say which utterances they counted"


@dataclass(frozen=True)
class Run:
    """A finished run: what to call it, where it lies, its results with their draws."""

    name: str
    path: Path
    results: Results


@dataclass(frozen=True)
class Difference:
    """How a number of a run differs from the same number of the baseline.

    Attributes:
        id, group: of the record.
        run: name of the run.
        of: `corrected` where both runs have a null-corrected value, else `value`.
        base, other: the number in the baseline and in the run.
        difference: other - base.
        low, high: 95 % interval of the difference; NaN with a note where there is none.
        p: of a difference this large where there is none.
        p_holm: the same, corrected for all differences of the comparison.
        method: `paired`, `unpaired` or `none`.
        verdict: `within noise` unless `p_holm` is below 0.05; `unknown` without p.
        note: why there is no interval.
        analysis: which command measured it, where a comparison holds several.
        n_seeds: trainings of each that the numbers are means of.
        error: standard error of the difference.
    """

    id: str
    group: str
    run: str
    of: Literal["corrected", "value"]
    base: float
    other: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    method: Literal["paired", "unpaired", "none"]
    verdict: Verdict
    note: str = ""
    analysis: str = ""
    n_seeds: int = 1
    error: float = math.nan


def read_run(path: Path, name: str = "") -> Run:
    """Read a finished run: a folder of `hac-analyze`, or its `results.json`."""
    path = Path(path)
    results = read_results(path)
    folder = path if path.is_dir() else path.parent
    return Run(name or results.system, folder, with_draws(results, folder))


def named(runs: Sequence[Run]) -> list[Run]:
    """The runs with names that differ: where systems share a name, the folder's follows it."""
    names = [run.name for run in runs]
    return [
        run if names.count(run.name) == 1 else replace(run, name=f"{run.name} ({run.path.name or run.path})")
        for run in runs
    ]


def check_alike(runs: Sequence[Run], *, allow_data: bool = False, allow_protocol: bool = False) -> list[str]:
    """Refuse runs that cannot be compared; returns warnings about what was allowed to differ.

    Args:
        runs: the baseline first.
        allow_data: compare runs over different utterances.
        allow_protocol: compare runs under different protocols.

    Raises:
        HacError: other commands, protocols or utterances than the baseline's.
    """
    if len(runs) < 2:
        raise HacError("one run was given; a comparison needs two or more, the baseline first")
    base, warnings = runs[0], []
    for run in runs[1:]:
        if run.results.command != base.results.command:
            raise HacError(
                f"{run.path}: made by 'hac-analyze {run.results.command}', and {base.path} by "
                f"'hac-analyze {base.results.command}'; compare runs of one command"
            )
        if changed := _changed(base.results.protocols, run.results.protocols):
            text = f"{run.path} and {base.path} measured differently ({changed})"
            if not allow_protocol:
                raise HacError(f"{text}; measure both the same way, or insist with --allow-protocol")
            warnings.append(text)
        if (differs := _data_differs(base.results, run.results)) and differs != NO_KEY:
            text = f"{run.path} and {base.path} counted different utterances ({differs})"
            if not allow_data:
                raise HacError(f"{text}; analyse the same ones, or insist with --allow-data (then nothing is paired)")
            warnings.append(text)
        elif differs:
            warnings.append(f"{run.path} and {base.path}: {NO_KEY}, so nothing is paired")
    return warnings


def stream_pairs(texts: Iterable[str]) -> dict[str, str]:
    """What `--match` names: each `units=phonetic` as the others' stream and the baseline's.

    Raises:
        HacError: a text is none.
    """
    pairs = {}
    for text in texts:
        other, separator, own = (part.strip() for part in text.partition("="))
        if not (other and separator and own):
            raise HacError(f"--match {text!r} is not OTHER=OWN, such as units=phonetic")
        pairs[other] = own
    return pairs


def matched(runs: Sequence[Run], streams: Mapping[str, str]) -> list[Run]:
    """The runs, where the others' streams stand for streams of the baseline; of such runs nothing else is compared.

    Args:
        runs: the baseline first; it is left as it is.
        streams: stream of the others to stream of the baseline, such as `units` to `phonetic`. Runs without such a
            stream are left as they are.

    Raises:
        HacError: the baseline, or every other run, lacks a stream that is named.
    """
    for other, own in streams.items():
        if own not in (known := _streams(runs[0])):
            raise HacError(f"{runs[0].path}: has no stream {own!r} to hold {other} against; it has {', '.join(known)}")
        if not any(other in _streams(run) for run in runs[1:]):
            known = tuple(dict.fromkeys(name for run in runs[1:] for name in _streams(run)))
            raise HacError(f"no run but the first has a stream {other!r}; they have {', '.join(known)}")
    own_names = set(streams.values())

    def renamed(run: Run) -> Run:
        if not (taken := [name for name in streams if name in _streams(run)]):
            return run
        alike = _as_baseline(run, streams)
        records = [record for record in alike.results.metrics if record.stream in own_names]
        return replace(
            alike,
            name=f"{run.name}: {', '.join(taken)}",
            results=alike.results.model_copy(update={"metrics": records}),
        )

    return [runs[0], *(renamed(run) for run in runs[1:])]


def nothing_in_common(runs: Sequence[Run], metrics: Sequence[str]) -> str:
    """Why runs of one command have no number to compare."""
    what = f"of {', '.join(metrics)} " if metrics else ""
    base, *others = (f"{run.path} has {', '.join(_streams(run)) or 'none'}" for run in runs)
    return (
        f"the runs have no number {what}in common; streams: {base}; {'; '.join(others)}. Hold one against another with "
        "--match, such as --match units=phonetic"
    )


def _as_baseline(run: Run, streams: Mapping[str, str]) -> Run:
    """A run whose streams have the baseline's names; its own streams of such names are left out."""
    here = {other: own for other, own in streams.items() if other in _streams(run)}
    if not here:
        return run
    records = []
    for record in run.results.metrics:
        if own := here.get(record.stream):
            records.append(record.model_copy(update={"id": own + record.id[len(record.stream) :], "stream": own}))
        elif record.stream not in here.values():
            records.append(record)
    results = run.results.model_copy(update={"metrics": records})
    return replace(run, results=results)


def _streams(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.stream for record in run.results.metrics if record.stream))


def at_equal_bits(base: Run, run: Run) -> tuple[Run, str]:
    """A reconstruction run whose depths stand for the baseline's of as many nominal bits, and what was so matched.

    With as many codebooks in all, a codec without levels has more residual quantizers: its `rvq-9` is compared
    with the baseline's `rvq-7`. Depths of a rate that the baseline lacks are left out.
    """
    here, there = _rates(base), _rates(run)
    shared = here.keys() & there.keys()
    if not here or not there or (shared and all(here[name] == there[name] for name in shared)):
        return run, ""
    by_rate = {rate: name for name, rate in here.items()}
    streams = {name: by_rate[rate] for name, rate in there.items() if rate in by_rate}
    kept = [record for record in run.results.metrics if record.stream not in there or record.stream in streams]
    held = ", ".join(f"{name} against {own}" for name, own in streams.items()) or "no depth has as many"
    results = run.results.model_copy(update={"metrics": kept})
    return _as_baseline(replace(run, results=results), streams), f"at equal bits: {held}"


def _rates(run: Run) -> dict[str, float]:
    """Nominal kilobits per second of each depth of a reconstruction run."""
    return {
        record.stream: round(record.value, 6)
        for record in run.results.metrics
        if record.id == f"{record.stream}.{NOMINAL_RATE}" and whole_corpus(record)
    }


def whole_corpus(record: Record) -> bool:
    """Whether a record is of the whole corpus: what is compared where nothing else is asked for."""
    return not record.group


def compare(runs: Sequence[Run], wanted: Callable[[Record], bool] = whole_corpus) -> list[Difference]:
    """Differences of every run to the first, of every wanted record that both have, in the baseline's order.

    Args:
        runs: the baseline first; see `check_alike`.
        wanted: which records; by default those of the whole corpus.
    """
    base, found = runs[0], []
    for run in runs[1:]:
        paired = same_utterances(base, run)
        others = {(record.id, record.group): record for record in run.results.metrics}
        for record in base.results.metrics:
            other = others.get((record.id, record.group))
            if other is not None and wanted(record):
                found.append(difference(record, other, run.name, paired))
    return judged(found)


def judged(found: Sequence[Difference]) -> list[Difference]:
    """The differences with p corrected for their number, and what that says of each."""
    adjusted = holm(np.array([one.p for one in found], np.float64))
    return [
        replace(one, p_holm=float(p), verdict=_verdict(one, float(p))) for one, p in zip(found, adjusted, strict=True)
    ]


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values corrected for their number by Holm's step-down rule (1979); NaN ones stay out of the count."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return adjusted


def difference(
    base: Record, other: Record, run: str, paired: bool, seeds: Sequence[tuple[Record, Record]] = ()
) -> Difference:
    """How a number differs between two runs; p is not yet corrected, and there is no verdict: see `judged`.

    Args:
        base, other: the number in the baseline and in the run; over several seeds, the means.
        run: name of the run.
        paired: whether both counted the same utterances.
        seeds: the number in the baseline and in the run for each seed; the scatter of their differences then enters
            the interval.
    """
    corrected = math.isfinite(base.corrected) and math.isfinite(other.corrected)
    of: Literal["corrected", "value"] = "corrected" if corrected else "value"
    a, b = getattr(base, of), getattr(other, of)
    drawn = [record.resamples_corrected if corrected else record.resamples for record in (base, other)]
    error, freedom, method, note = _error(drawn[0], drawn[1], (base.ci_method, other.ci_method), paired)
    parts = [(error, freedom)]
    if len(seeds) > 1:
        gaps = np.array([getattr(second, of) - getattr(first, of) for first, second in seeds])
        parts.append((float(gaps.std(ddof=1)) / math.sqrt(len(gaps)), len(gaps) - 1.0))
    error = math.hypot(*(part for part, _ in parts))
    gap = b - a
    low = high = p = math.nan
    if math.isfinite(gap) and math.isfinite(error):
        half = _half_width(parts, 1 - LEVEL)
        low, high = gap - half, gap + half
        p = _p_value(parts, gap) if error > 0 else float(gap == 0)
    n_seeds = max(1, len(seeds))
    return Difference(
        base.id,
        base.group,
        run,
        of,
        a,
        b,
        gap,
        low,
        high,
        p,
        math.nan,
        method,
        "unknown",
        note,
        n_seeds=n_seeds,
        error=error,
    )


def _half_width(parts: Sequence[tuple[float, float]], p: float) -> float:
    """Half the width of the interval that leaves out p, for errors with their degrees of freedom.

    Each part has its own Student's t: this called 1 to 5 % of differences real in simulations without any. One t for
    the sum, with Welch and Satterthwaite's degrees of freedom, called up to 12 % with two seeds.
    """
    return math.hypot(*(error * -float(special.stdtrit(freedom, p / 2)) for error, freedom in parts))


def _p_value(parts: Sequence[tuple[float, float]], gap: float) -> float:
    """p of a difference: where the interval that leaves out p just reaches 0; at least `LEAST_P` for several parts."""
    if len(parts) == 1:
        error, freedom = parts[0]
        return 2 * float(special.stdtr(freedom, -abs(gap) / error))
    if _half_width(parts, LEAST_P) <= abs(gap):
        return LEAST_P
    if gap == 0:
        return 1.0
    return float(optimize.brentq(lambda p: _half_width(parts, p) - abs(gap), LEAST_P, 1.0, xtol=1e-15))


def _error(
    a: Resamples | None, b: Resamples | None, methods: tuple[str, str], paired: bool
) -> tuple[float, float, Literal["paired", "unpaired", "none"], str]:
    """Standard error of a difference, its degrees of freedom, how it was had, and why not."""
    if a is None or b is None:
        return math.nan, math.nan, "none", "a run has no interval to compare by"
    together = paired and methods[0] == methods[1] and a.values.shape == b.values.shape and a.n_clusters == b.n_clusters
    if together:
        error = _spread(b.values.astype(np.float64) - a.values, a.n_clusters, methods[0])
        return error, a.n_clusters - 1, "paired", ""
    errors = [
        _spread(one.values.astype(np.float64), one.n_clusters, method)
        for one, method in zip((a, b), methods, strict=True)
    ]
    total = math.hypot(*errors)
    # Welch and Satterthwaite
    parts = [(error, one.n_clusters - 1) for error, one in zip(errors, (a, b), strict=True)]
    below = sum(error**4 / freedom for error, freedom in parts if freedom)
    return total, total**4 / below if below else math.inf, "unpaired", ""


def _spread(values: NDArray[np.float64], n_clusters: int, method: str) -> float:
    """Standard error of bootstrap draws, or of values without each cluster (jackknife, linearized)."""
    values = values[np.isfinite(values)]
    if len(values) < 2 or n_clusters < 2:
        return math.nan
    if "bootstrap" not in method:
        n = len(values)
        return math.sqrt((n - 1) / n * float(((values - values.mean()) ** 2).sum()))
    return float(values.std(ddof=1)) * math.sqrt(n_clusters / (n_clusters - 1))


def _verdict(one: Difference, p_holm: float) -> Verdict:
    if not math.isfinite(p_holm):
        return "unknown"
    if p_holm >= 1 - LEVEL:
        return "within noise"
    better = metric_of(one.id).better
    if better == "none":
        return "different"
    return "better" if (one.difference > 0) == (better == "higher") else "worse"


def same_utterances(a: Run, b: Run) -> bool:
    """Whether two runs say that they counted the same utterances."""
    return not _data_differs(a.results, b.results)


def _data_differs(a: Results, b: Results) -> str:
    """What differs in the utterances counted; empty: nothing."""
    keys = [results.coverage.get("utterances", {}).get("key") for results in (a, b)]
    if None in keys:
        return NO_KEY
    if keys[0] == keys[1]:
        return ""
    counted = [results.coverage["utterances"].get("counted") for results in (a, b)]
    return f"{counted[1]} and {counted[0]}" if counted[0] != counted[1] else f"{counted[0]} each, not the same"


def _changed(a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]]) -> str:
    """The first settings that differ between protocols of one name."""
    for name in sorted(a.keys() & b.keys()):
        for key in sorted(a[name].keys() | b[name].keys()):
            if a[name].get(key) != b[name].get(key):
                return _apart(key, a[name].get(key), b[name].get(key))
    return ""


def _apart(key: str, a: Any, b: Any) -> str:
    """Where two values of a setting part: of mappings and lists, the first thing that only one has."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        inner = next(name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name))
        return _apart(f"{key}.{inner}", a.get(inner), b.get(inner))
    if isinstance(a, list) and isinstance(b, list):
        only = [next((repr(one) for one in x if one not in y), "nothing more") for x, y in ((b, a), (a, b))]
        if only != ["nothing more"] * 2:
            return f"{key}: {only[0]:.60} and {only[1]:.60}"
    return f"{key}: {b!r:.60} and {a!r:.60}"
