"""Words that a segmentation finds, by the field's scorer."""

from __future__ import annotations

from analysis.discovery.scores import SCORES
from reports.document.cells import count_cell, null_cell, text_cell, value_cell
from reports.document.claim_rule import corrected_cell
from reports.document.parts import Column, Section, Table, no_run
from reports.document.runs import Runs
from reports.document.titles import headed
from reports.listen.section import Listening

TITLE = "Word discovery"


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (discovery_section(runs),)


def discovery_section(runs: Runs) -> Section:
    """Every score of every segmentation."""
    found = runs.of("discovery")
    if not found:
        return Section("discovery", TITLE, "", missing=(no_run("discovery"),))
    heads = (
        *(Column(name) for name in ("system", "segments of", "score")),
        *(Column(name, True) for name in ("n", "value [95 %]", "null ± sd", "null-corrected [95 %]")),
    )
    rows = []
    for run in found:
        for stream in dict.fromkeys(record.stream for record in run.by_id.values()):
            for metric in SCORES:
                if record := run.by_id.get(f"{stream}.{metric}"):
                    names = (text_cell(run.system), text_cell(stream), text_cell(headed(metric)))
                    numbers = (count_cell(record.n), value_cell(record), null_cell(record))
                    rows.append((*names, *numbers, corrected_cell(record)))
    lead = (
        "Segments of equal codes taken for words, scored with zerospeech-tde: tokens, types, boundaries, coverage, NED."
    )
    return Section("discovery", TITLE, lead, (Table("table-discovery", "Scores", heads, tuple(rows)),))
