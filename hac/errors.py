"""What goes wrong, in words a user can act on.

Two kinds of trouble exist. A `HacError` stops the command: the command line prints its one sentence and exits
with 2. A `Failure` concerns one item of many (a file, an utterance): it is counted, listed in the results, and
the work goes on, unless the user asked for `--strict`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TypeVar

Name = TypeVar("Name", bound=str)


class HacError(Exception):
    """A problem the user can fix: one sentence saying what was found, where, what was expected, the way out."""

    exit_code = 2


class Unusable(Exception):
    """One item of many of which nothing can be made: a short slug that groups failures, and a sentence.

    Both travel as `args`, so that the exception survives the trip from a worker process.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class Failure:
    """One item (utterance id, file name) that could not be used; the reason is a slug such as `audio-empty`."""

    id: str
    reason: str
    detail: str


def failure_of(id: str, error: Exception, otherwise: str = "") -> Failure:
    """An item's failure by what it raised; `otherwise` is the reason of an error that names none."""
    return Failure(id, getattr(error, "reason", otherwise), str(error))


def one_of(name: str, names: tuple[Name, ...], what: str) -> Name:
    """The one of these names that is asked for.

    Raises:
        HacError: there is none of that name.
    """
    if name not in names:
        raise HacError(f"{what} {name!r} is not known; choose one of {', '.join(names)}")
    return names[names.index(name)]


@dataclass
class FailureLog:
    """Failures collected on the way; with `strict` the first one stops the work as a `HacError`."""

    strict: bool = False
    items: list[Failure] = field(default_factory=list)

    def add(self, id: str, reason: str, detail: str) -> None:
        """Record one failure, or raise it at once under `strict`."""
        if self.strict:
            raise HacError(f"{id}: {detail} (--strict stops at the first failure)")
        self.items.append(Failure(id, reason, detail))

    def extend(self, failures: Iterable[Failure]) -> None:
        """Record several failures."""
        for failure in failures:
            self.add(failure.id, failure.reason, failure.detail)

    @property
    def ids(self) -> set[str]:
        """What failed, whatever the reasons."""
        return {item.id for item in self.items}

    def by_reason(self) -> dict[str, int]:
        """Count of failures per reason, sorted by reason."""
        return dict(sorted(Counter(item.reason for item in self.items).items()))

    def json_lines(self) -> str:
        """One JSON object a line for each failure, as commands list them in a file."""
        return "".join(f"{json.dumps(asdict(item), ensure_ascii=False)}\n" for item in self.items)

    def __len__(self) -> int:
        """Count of failures."""
        return len(self.items)

    def __iter__(self) -> Iterator[Failure]:
        """Iterate over the failures in the order they came."""
        return iter(self.items)
