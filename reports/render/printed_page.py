"""What of a page is printed: its answers whole, of every section a few figures and tables, and a line on the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from reports.document.parts import Cell, Chart, Clip, Facts, HeatMap, MatrixChart, Page, Part, Section, Sound, Table

FIGURES, HEAT_MAPS = 2, 2
"""Of a section: as many as stand side by side."""
LINES = 44
"""Lines of all tables of a section: as many as fill a page."""
EXCERPT = 10
"""Lines of a table that is too long, if that many are left in its section."""
LETTERS = 60
"""Of a line of a cell."""
FACTS, DEPTH = 6, 2
"""Settings or hashes of a run, and how deep they are nested: `inputs · manifest · sha256` is two deep."""
SOUNDS = 8
"""Spectrograms of an utterance."""
CLIPS, CLIPS_ALIKE = 2, 1
"""Utterances of the page, and those of them that the same systems have."""
FIRST = ("original", "reconstruction", "drop", "swap")
"""Kinds of sounds that are printed before others."""


def printed_page(page: Page) -> Page:
    """The page without what paper has no room for; each section says what it left out, and links lead to what is there.

    Figures of a section come before its tables, so that two of them share a line.
    """
    clips = _clips(page)
    sections = [_section(section, clips) for section in page.sections]
    ids = {one.id for section in sections for one in (section, *section.parts)}
    linked = (replace(one, links=tuple(link for link in one.links if link[0] in ids)) for one in sections)
    return replace(page, sections=tuple(linked))


def _section(section: Section, clips: set[str]) -> Section:
    figures = [part for part in section.parts if isinstance(part, Chart | MatrixChart)][:FIGURES]
    maps = [part for part in section.parts if isinstance(part, HeatMap)]
    maps = sorted(maps, key=lambda part: not part.is_open)[:HEAT_MAPS]
    tables = _tables(section.parts)
    shown: list[Part] = [*figures]
    for part in section.parts:
        if isinstance(part, Table):
            shown += [tables[part.id]] if part.id in tables else []
        elif isinstance(part, Clip):
            shown += [replace(part, sounds=tuple(printed_sounds(part)))] if part.id in clips else []
        elif isinstance(part, Facts):
            shown.append(_few(part))
        elif not isinstance(part, Chart | MatrixChart | HeatMap) or part in maps:
            shown.append(part)
    left = _left_out(section.parts, {part.id for part in shown})
    return replace(section, parts=tuple(shown), notes=(*section.notes, *left))


def _tables(parts: Iterable[Part]) -> dict[str, Table]:
    """The tables that are printed, by id: whole while there are lines left, else an excerpt.

    A long table of a figure's title is left out: the figure shows the same numbers.
    """
    drawn = {part.title for part in parts if isinstance(part, Chart | MatrixChart)}
    shown: dict[str, Table] = {}
    left = LINES
    for table in (part for part in parts if isinstance(part, Table)):
        lines = sum(map(_lines, table.rows))
        if table.cards:
            shown[table.id] = replace(table, rows=tuple(tuple(map(_compact, row)) for row in table.rows))
        elif table.title in drawn and lines > EXCERPT:
            continue
        elif lines <= left:
            shown[table.id] = table
            left -= lines
        elif left >= EXCERPT:
            ends = accumulate(map(_lines, table.rows))
            rows = table.rows[: sum(end <= EXCERPT for end in ends)]
            said = f"{len(rows)} of {len(table.rows)} rows; all are in the HTML page and its CSV"
            shown[table.id] = replace(table, rows=rows, note=f"{said}. {table.note}".strip())
            left -= sum(map(_lines, rows))
    return shown


def _lines(row: Sequence[Cell]) -> int:
    return max((sum(1 + len(line) // LETTERS for line in cell.text.split("\n")) for cell in row), default=1)


def _compact(cell: Cell) -> Cell:
    """A cell of a claim: what stands below its first line is one line that may break."""
    first, *rest = cell.text.split("\n")
    return replace(cell, text="\n".join([first, "; ".join(rest)] if rest else [first]))


def _few(facts: Facts) -> Facts:
    items = [item for item in facts.items if item[0].count(" · ") <= DEPTH][:FACTS]
    more = len(facts.items) - len(items)
    return replace(facts, items=(*items, ("in the HTML page", f"{more} more")) if more > 1 else facts.items)


def _left_out(parts: Iterable[Part], shown: set[str]) -> list[str]:
    """One line on what is not printed."""
    left = [part for part in parts if part.id not in shown]
    figures = [f"“{part.title}”" for part in left if isinstance(part, Chart | MatrixChart)]
    tables = [f"“{part.title}” ({len(part.rows)} rows)" for part in left if isinstance(part, Table)]
    titled = (("figure", figures), ("table", tables))
    said = [f"the {noun}{'s' * (len(titles) > 1)} {', '.join(titles)}" for noun, titles in titled if titles]
    counted = (("more heat map", HeatMap), ("more utterance", Clip))
    numbers = [(sum(isinstance(part, kind) for part in left), noun) for noun, kind in counted]
    said += [f"{n} {noun}{'s' * (n > 1)}" for n, noun in numbers if n]
    return [f"In the HTML page and its files: {'; '.join(said)}."] if said else []


def printed_sounds(clip: Clip) -> list[Sound]:
    """The sounds of an utterance whose spectrograms are printed."""
    pictured = [sound for sound in clip.sounds if sound.picture]
    first = sorted(pictured, key=lambda sound: sound.kind not in FIRST)[:SOUNDS]
    return [sound for sound in pictured if sound in first]


def _clips(page: Page) -> set[str]:
    """Ids of the utterances that are printed: those with most to see, a picture once, a few of the same systems."""
    seen: set[str] = set()
    alike: dict[tuple[str, ...], int] = {}
    chosen: set[str] = set()
    clips = [part for part in page.parts if isinstance(part, Clip)]
    for clip in sorted(clips, key=lambda clip: -min(len(clip.sounds), SOUNDS)):
        pictures = {sound.picture for sound in printed_sounds(clip)}
        if len(chosen) < CLIPS and alike.get(clip.systems, 0) < CLIPS_ALIKE and pictures - seen:
            seen |= pictures
            alike[clip.systems] = alike.get(clip.systems, 0) + 1
            chosen.add(clip.id)
    return chosen
