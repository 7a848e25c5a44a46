"""A whole page from finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.answers.section import answer_section
from reports.claims.section import verdict_section
from reports.document.parts import Page, Section
from reports.document.runs import Runs
from reports.document.slice_modules import slice_modules
from reports.history.section import history_section
from reports.listen.clips import Media
from reports.listen.section import listen_section
from reports.page.systems import systems_section
from reports.page.terms import terms_section
from reports.provenance.section import coverage_section, failure_section, protocol_section, provenance_section

AUDIO_BYTES = 20_000_000
"""Bytes that the sounds of a page may take, unless asked otherwise."""


def build_page(runs: Runs, title: str = "", audio_bytes: int = AUDIO_BYTES) -> Page:
    """All sections, in the order in which they are read.

    Args:
        runs: from `read_runs`.
        title: over the page; the systems' names where there is none.
        audio_bytes: what sounds may take.
    """
    media = Media(audio_bytes)
    listening = listen_section(runs, media)
    sections = (
        answer_section(runs),
        verdict_section(runs),
        systems_section(runs),
        *(section for _, module in slice_modules("section") for section in module.sections(runs, listening)),
        history_section(runs),
        listening.section,
        terms_section(runs),
        protocol_section(runs),
        coverage_section(runs),
        failure_section(runs),
        provenance_section(runs),
    )
    names = runs.systems or tuple(dict.fromkeys(run.system for run in runs.all))
    return Page(title or f"What the tokens carry: {', '.join(names)}", names, _shown(sections), media.files)


def _shown(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that have something to show; what is said of the others stands in one section at the end."""
    empty = [section for section in sections if not section.parts]
    said: dict[str, list[str]] = {}
    for section in empty:
        said.setdefault(" ".join((*section.missing, *section.notes)), []).append(section.title)
    lines = tuple(f"{', '.join(titles)}: {why}" for why, titles in said.items() if why)
    shown = [section for section in sections if section.parts]
    if lines:
        shown.append(Section("absent", "Not in this report", "", notes=lines))
    ids = {one.id for section in shown for one in (section, *section.parts)}
    return tuple(replace(one, links=tuple(link for link in one.links if link[0] in ids)) for one in shown)
