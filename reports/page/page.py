"""A whole page from finished runs."""

from __future__ import annotations

from dataclasses import replace

from reports.boundaries.section import boundary_section
from reports.claims.section import verdict_section
from reports.comparison.section import difference_section
from reports.discovery.section import discovery_section
from reports.document.parts import Page
from reports.document.runs import Runs
from reports.history.section import history_section
from reports.interventions.section import intervention_section
from reports.leakage.section import leakage_section
from reports.listen.clips import Media
from reports.listen.section import listen_section
from reports.page.systems import systems_section
from reports.page.terms import terms_section
from reports.pnmi.section import heat_section, parts_section, pnmi_section
from reports.provenance.section import coverage_section, failure_section, protocol_section, provenance_section
from reports.reconstruction.section import recon_section
from reports.usage.section import usage_section
from reports.words.section import words_section

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
    listen, opens, detections = listen_section(runs, media)
    words = words_section(runs, opens)
    sections = (
        verdict_section(runs),
        systems_section(runs),
        pnmi_section(runs),
        heat_section(runs),
        replace(words, parts=(*words.parts, *detections)),
        discovery_section(runs),
        boundary_section(runs),
        leakage_section(runs),
        recon_section(runs),
        difference_section(runs),
        intervention_section(runs),
        usage_section(runs),
        parts_section(runs),
        history_section(runs),
        listen,
        terms_section(runs),
        protocol_section(runs),
        coverage_section(runs),
        failure_section(runs),
        provenance_section(runs),
    )
    names = runs.systems or tuple(dict.fromkeys(run.system for run in runs.all))
    return Page(title or f"What the tokens carry: {', '.join(names)}", names, sections, media.files)
