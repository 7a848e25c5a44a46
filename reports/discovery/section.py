"""Words that a segmentation finds, by the field's scorer."""

from __future__ import annotations

from analysis.discovery.scores import SCORES
from reports.document.cells import counted_cell, n_cell, null_cell
from reports.document.claim_rule import judged_cell
from reports.document.parts import Section, no_run
from reports.document.result_table import only, record_table
from reports.document.runs import Runs
from reports.document.titles import headed
from reports.listen.section import Listening

TITLE = "Word discovery"
FIELDS = (
    ("n", "", n_cell),
    ("number ± 95 %", "", judged_cell),
    ("counted", "", counted_cell),
    ("chance ± sd", "", null_cell),
)


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (discovery_section(runs),)


def discovery_section(runs: Runs) -> Section:
    """Every score of every segmentation."""
    found = runs.of("discovery")
    if not found:
        return Section("discovery", TITLE, "", missing=(no_run("discovery"),))
    rows = (
        ((run.system, stream, headed(metric)), only(record))
        for run in found
        for stream in dict.fromkeys(record.stream for record in run.by_id.values())
        for metric in SCORES
        if (record := run.by_id.get(f"{stream}.{metric}"))
    )
    lead = (
        "Segments of equal codes taken for words, scored with zerospeech-tde: tokens, types, boundaries, coverage, NED."
    )
    table = record_table("table-discovery", "Scores", ("system", "segments of", "score"), FIELDS, rows)
    return Section("discovery", TITLE, lead, (table,))
