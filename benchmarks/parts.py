"""The benchmarks of the page: what each runs, in which size, and which of its figures stand beside which demand.

The demands are those of the work that each piece was ordered with; a figure without one is told for its own sake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]
"""What a benchmark printed as JSON."""


@dataclass(frozen=True)
class Figure:
    """A line of the page.

    Attributes:
        what: what was measured.
        value: out of what the benchmark found; None where it was not measured in this size.
        unit: of the value; `x` for ratios, `%` for shares.
        demand: as it was asked for; empty: none.
        met: whether the value meets the demand; None where there is none.
    """

    what: str
    value: Callable[[Found], float | None]
    unit: str
    demand: str = ""
    met: Callable[[float], bool] | None = None


@dataclass(frozen=True)
class Part:
    """One benchmark.

    Attributes:
        name: for `--only`, and of its JSON file.
        title: of its section.
        standard, tiny: command lines after `python -m benchmarks.`: the size of the page, and one that only proves that
            it runs.
        figures: out of what it prints last, a JSON value.
        note: what a reader must know.
    """

    name: str
    title: str
    standard: str
    tiny: str
    figures: tuple[Figure, ...]
    note: str = ""


def at(*path: Any) -> Callable[[Found], float | None]:
    """A value by its keys and places; None where one is missing."""

    def value(found: Any) -> float | None:
        for key in path:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return None if found is None else float(found)

    return value


def at_most(limit: float) -> Callable[[float], bool]:
    return lambda value: value <= limit


def at_least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


def _share(*path: Any) -> Callable[[Found], float | None]:
    def value(found: Found) -> float | None:
        share = at(*path)(found)
        return None if share is None else 100 * share

    return value


def _difference(one: Callable[[Found], float | None], other: Callable[[Found], float | None]) -> Any:
    def value(found: Found) -> float | None:
        a, b = one(found), other(found)
        return None if a is None or b is None else a - b

    return value


_ONE = "one stream, one core"


def _coding(task: str, size: str, name: str, demand: str = "", met: Any = None) -> Figure:
    peer = "DAC's step" if task == "training step" else "transformers' DacModel"
    what = f"{task}, {size}: {name} against {peer}"
    return Figure(what, at(size, task, name, "ratio"), "x", demand, met)


PARTS = (
    Part(
        "counting",
        "Counting: PNMI from stores on disk",
        "counting --times-ten",
        "counting --hours 0.2",
        (
            Figure(
                "count and score beside scikit-learn's mutual_info_score",
                at(_ONE, "scikit-learn mutual_info_score / ours (count + score)"),
                "x faster",
            ),
            Figure(
                "lay and count beside a Python loop",
                at(_ONE, "Python loop, exact overlap / ours (lay + count)"),
                "x faster",
            ),
            Figure("exact overlap counted", at(_ONE, "count, exact overlap: M frames/s"), "M frames/s"),
            Figure("dev-clean + dev-other, 9 streams, 20 nulls: time", at("whole job", "seconds"), "s"),
            Figure("the same: memory", at("whole job", "peak GB"), "GB"),
            Figure("ten times the corpus: time", at("ten times the corpus", "time ratio"), "x"),
            Figure(
                "ten times the corpus: memory without the stores",
                at("ten times the corpus", "memory ratio without stores"),
                "x",
            ),
        ),
    ),
    Part(
        "words",
        "Words as detectors, 100 h",
        "words --hours 100",
        "words --hours 0.2",
        (
            Figure("time", at("whole job", "seconds"), "s"),
            Figure("memory", at("whole job", "peak_gb"), "GB"),
            Figure("speech for each second of a core", at("whole job", "hours_per_core_second"), "h"),
        ),
        "With a checkout of ResDAVEnet-VQ (`--peer`) the benchmark also compares times and scores with that peer.",
    ),
    Part(
        "boundaries",
        "Boundaries, 100 h in one store",
        "scale --hours 0 --one-store 100 --commands boundaries",
        "scale --hours 0 --one-store 0.2 --commands boundaries",
        (
            Figure("core-seconds", at("one store", 0, "cpu_s"), "s"),
            Figure("time", at("one store", 0, "wall_s"), "s"),
            Figure("memory", at("one store", 0, "peak_gb"), "GB"),
        ),
    ),
    Part(
        "leakage",
        "Leakage: 10 h, 9 streams, 9 factors, 20 nulls, 72 pairs of streams",
        "leakage --hours 10",
        "leakage --hours 0.1 --nulls 3 --given-nulls 1",
        (
            Figure("time on two cores", at("seconds"), "s", "under 60 s", at_most(60)),
            Figure("memory", at("peak_gb"), "GB", "under 2 GB", at_most(2)),
            Figure("core-seconds", at("core_seconds"), "s"),
        ),
    ),
    Part(
        "recon",
        "Reconstruction metrics beside the bare libraries",
        "recon --minutes 20",
        "recon --minutes 0.6 --repeats 1",
        (
            Figure("overhead by the clock", _share("overhead_wall"), "%", "at most 10 %", at_most(10)),
            Figure("overhead in core-seconds", _share("overhead_cpu"), "%", "at most 10 %", at_most(10)),
            Figure("pairs", at("pairs"), ""),
        ),
    ),
    Part(
        "report",
        "A report of 6 systems in 8 languages",
        "report",
        "report --systems 1 --languages 1",
        (
            Figure("HTML", at("html", "seconds"), "s", "under 10 s", at_most(10)),
            Figure("HTML: core-seconds", at("html", "core_seconds"), "s"),
            Figure("HTML: memory", at("html", "peak_gb"), "GB", "under 1 GB", at_most(1)),
            Figure("HTML: size without sound", at("html", "mb"), "MB", "under 3 MB", at_most(3)),
            Figure(
                "PDF, beyond the HTML",
                _difference(at("html and pdf", "seconds"), at("html", "seconds")),
                "s",
                "under 20 s",
                at_most(20),
            ),
        ),
    ),
    Part(
        "training",
        "The codec beside its peer",
        "training",
        "training --sizes hac-nano --coding-only --repeats 1 --utterance-s 1",
        tuple(
            _coding(task, size, name, f"at most {limit} x", at_most(limit))
            for size in ("hac-small", "hac-base")
            for task in ("encode", "decode", "training step")
            for name, limit in (("whole", 1.15), ("levels off", 1.0))
        ),
        "DAC's own discriminators and losses run with `--peer`; here its step uses ours, called as it calls them.",
    ),
    Part(
        "nano",
        "Training hac-nano, one thread",
        "nano",
        "nano --minutes 0.5 --steps 2",
        (
            Figure(
                "without discriminators: times real time",
                at("without_discriminators"),
                "x",
                "at least 15 x",
                at_least(15),
            ),
            Figure("with discriminators: times real time", at("with_discriminators"), "x"),
        ),
        "Without teachers, whose targets are computed once and kept.",
    ),
    Part(
        "cluster",
        "A cluster of two local workers beside -j 2",
        "cluster",
        "cluster --hours 0.05",
        (
            Figure("pnmi: time against two processes", at("pnmi", "ratio"), "x"),
            Figure("boundaries: time against two processes", at("boundaries", "ratio"), "x"),
            Figure("pnmi: equal results (1: yes)", at("pnmi", "equal"), "", "the same bytes", at_least(1)),
            Figure("boundaries: equal results (1: yes)", at("boundaries", "equal"), "", "the same bytes", at_least(1)),
        ),
    ),
    Part(
        "scale",
        "Shards of own stores",
        "scale --hours 300 --shard-hours 10 --one-store 30,100",
        "scale --hours 0.6 --shard-hours 0.2 --alone 1 --one-store 0.2",
        (
            Figure("speech counted for each second of a core", at("shards", "hours_per_core_second"), "h"),
            Figure("1,000 h", at("shards", "cpu_s_per_1000_h"), "core-seconds"),
            Figure(
                "memory of a process that counts shard after shard, at the beginning",
                at("shards", "peak_gb_by_tenth", 0),
                "GB",
            ),
            Figure("the same at the end", at("shards", "peak_gb_by_tenth", -1), "GB", "flat"),
            Figure("a shard of 10 h in a process of its own", at("cpu_s_of_a_process_of_its_own"), "core-seconds"),
            Figure("merge of all: core-seconds", at("merges", -1, "cpu_s"), "s"),
            Figure("merge of all: memory", at("merges", -1, "peak_gb"), "GB"),
        ),
        "[More machines](scaling.md) has the run of ten thousand hours.",
    ),
)
