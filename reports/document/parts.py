"""What a page is made of: sections of tables, charts and a few parts of their own. Plain data, no drawing, no HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from analysis.results.schema import Record

Mark = Literal["", "good", "bad", "null", "warn"]
Value = str | float | int
"""What a cell holds for sorting and for CSV."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: as it is read.
        value: behind it, for sorting and for CSV; NaN sorts last and is empty in CSV.
        mark: `null` for what is within chance, `good` or `bad` for a verdict, `warn` for a caution.
        opens: id of what a click opens, empty for none.
        links: id of the section that its lines after the first link to, empty for none.
        more: numbers around the value by name (`low`, `high`, `sd`), which have columns of their own in CSV.
    """

    text: str
    value: Value
    mark: Mark = ""
    opens: str = ""
    more: tuple[tuple[str, float], ...] = ()
    links: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its head, whether it holds numbers, and how many letters of a text it shows."""

    title: str
    is_number: bool = False
    most: int = 90


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and downloaded.

    Attributes:
        id: unique within the page; letters, digits, dashes.
        title: what it shows.
        columns: heads.
        rows: cells, as many as there are columns.
        note: how to read it.
        cards: whether it is read whole, on paper and on a phone, where each row is a block.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    cards: bool = False


@dataclass(frozen=True)
class Point:
    """A number with all that must stand beside it; `x`: its place along an axis; `n`: on how much it was counted.

    Of a number that is corrected for chance, the null is 0, with the deviation of its draws on that scale.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    null: float = math.nan
    null_sd: float = math.nan
    x: float = math.nan
    n: int | None = None

    @classmethod
    def of(cls, record: Record | None, x: float = math.nan) -> Point:
        """The point of a record; a blank one where there is none."""
        if record is None:
            return cls(math.nan)
        null, sd = record.null_mean, record.null_sd
        if record.is_corrected:
            null, sd = 0.0, sd / (1 - null) if null < 1 else math.nan
        return cls(record.estimate, record.ci_low, record.ci_high, null, sd, x, record.n)


@dataclass(frozen=True)
class Series:
    """Numbers of one colour: a system or a stream."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: over it.
        series: what is drawn.
        labels: names of the places, where the places are names and not numbers; as many as points in each series.
        x_title, y_title: along the axes.
    """

    title: str
    series: tuple[Series, ...]
    labels: tuple[str, ...] = ()
    x_title: str = ""
    y_title: str = ""


@dataclass(frozen=True)
class Chart:
    """A figure with its numbers: panels of curves, or of dots in rows.

    Attributes:
        id: unique within the page.
        title: what it shows.
        kind: `lines` against a number, `rows` of dots with a name each.
        panels: axes.
        note: how to read it.
        x_log: whether the axis is logarithmic.
        joined: whether points of a series are one curve; else each stands alone.
        null: what its nulls are.
    """

    id: str
    title: str
    kind: Literal["lines", "rows"]
    panels: tuple[Panel, ...]
    note: str = ""
    x_log: bool = False
    joined: bool = True
    null: str = "chance"


@dataclass(frozen=True)
class MatrixChart:
    """Values of rows x columns, each beside its interval and null; what is within the null is hatched.

    `most` is the end of the colours, one for all systems, so that colours can be compared.
    """

    id: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Record | None, ...], ...]
    note: str = ""
    most: float = 1.0


@dataclass(frozen=True)
class HeatMap:
    """P(phone | code): `shares` [n_codes][n_phones] in thousandths, codes in the file's order.

    Attributes:
        id: unique within the page.
        title: system and stream.
        phones: labels, by manner and place.
        codes: code of each column.
        weights: share of the time of each code.
        shares: P(phone | code) of each code, float.
        note: what was left out.
        is_open: whether it is seen at once, or only when it is asked for.
    """

    id: str
    title: str
    phones: tuple[str, ...]
    codes: tuple[int, ...]
    weights: tuple[float, ...]
    shares: tuple[tuple[float, ...], ...]
    note: str = ""
    is_open: bool = True


@dataclass(frozen=True)
class Sound:
    """A sound that is in the page: `media` names it there; `system` where several systems have sounds of their own."""

    name: str
    kind: str
    media: str
    duration_s: float
    picture: str = ""
    system: str = ""

    @property
    def label(self) -> str:
        """What it is, and whose."""
        return f"{self.system}: {self.name}" if self.system else self.name


@dataclass(frozen=True)
class Tier:
    """Labels along the time of a clip: onset and offset in s, and the label; `system` as of sounds."""

    name: str
    kind: str
    intervals: tuple[tuple[float, float, str], ...]
    system: str = ""


@dataclass(frozen=True)
class Clip:
    """An utterance to be heard: its sounds in every system, and what is said and coded when."""

    id: str
    systems: tuple[str, ...]
    utterance: str
    about: str
    text: str
    duration_s: float
    sounds: tuple[Sound, ...]
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Hit:
    """A place where a code fires, and whether its word is said there."""

    utterance: str
    onset_s: float
    offset_s: float
    correct: bool
    media: str
    duration_s: float


@dataclass(frozen=True)
class Detection:
    """A word and its code, with the places to be heard."""

    id: str
    title: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, one line each, under a title."""

    id: str
    title: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Statements:
    """Sentences under a title; `is_caution`: what a reader must beware of."""

    id: str
    title: str
    lines: tuple[str, ...]
    is_caution: bool = False


Part = Table | Chart | MatrixChart | HeatMap | Facts | Statements | Clip | Detection


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: unique within the page.
        title: its head.
        lead: one or two sentences on how to read it.
        parts: in order.
        missing: what is not there, and how to get it; one sentence each.
        notes: what else is to be said at the end.
        hint: how to use it on a screen; on paper it is left out.
        links: what else to read: id of a section or part, and what the link says.
    """

    id: str
    title: str
    lead: str
    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """A whole page; `media` holds each sound once, by name: its type and bytes."""

    title: str
    systems: tuple[str, ...]
    sections: tuple[Section, ...]
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all sections, in order."""
        return tuple(part for section in self.sections for part in section.parts)


def no_run(command: str) -> str:
    """What a section says that has nothing to show."""
    return f"No run of hac-analyze {command} was given."


def has_numbers(panels: Sequence[Panel]) -> bool:
    """Whether there is anything to draw."""
    return any(math.isfinite(point.value) for panel in panels for one in panel.series for point in one.points)
