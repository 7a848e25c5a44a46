"""Whether runs can be compared: the same command, protocols and utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.comparison.runs import Run
from analysis.results.schema import Results
from hac.errors import HacError

NO_KEY = "the runs do not say which utterances they counted"


def check_comparable(runs: Sequence[Run], *, allow_data: bool = False, allow_protocol: bool = False) -> list[str]:
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
        if changed := protocol_differs(base.results, run.results):
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


def protocol_differs(one: Results, other: Results) -> str:
    """The first settings that differ between protocols of one name; empty: none do."""
    a, b = one.protocols, other.protocols
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
            return f"{key}: {_cut(only[0])} and {_cut(only[1])}"
    return f"{key}: {_cut(repr(b))} and {_cut(repr(a))}"


def _cut(value: str, most: int = 60) -> str:
    """The text of a value; a long one says that it goes on."""
    return value if len(value) <= most else f"{value[: most - 2].rstrip(' ,')}…{value[-1]}"
