"""Which stream of a run stands for which of the baseline: as `--match` says, or by nominal bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analysis.comparison.runs import Run, whole_corpus
from hac.errors import HacError

NOMINAL_RATE = "kbps[nominal]"


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
