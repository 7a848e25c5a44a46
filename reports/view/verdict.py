"""The first section: which claims stand."""

from __future__ import annotations

from reports.view.claims import Claim, claims_of
from reports.view.parts import Cell, Mark, Section, Table, columns, text_cell
from reports.view.runs import Runs

MARKS: dict[str, Mark] = {"stands": "good", "does not stand": "bad", "cannot be judged": "warn"}
LEAD = (
    "Each claim follows from the records by one rule. Against chance it stands if the number lies more than two "
    "standard deviations beyond every null, and its null-corrected 95 % interval (where there is none: its interval) "
    "lies beyond chance too. A difference stands if p, corrected for all differences of this table (Holm), is below "
    "0.05. Claims against chance are not corrected for their number."
)


def verdict_section(runs: Runs) -> Section:
    """A row for each claim; what has no interval is named below and is no claim."""
    found = claims_of(runs)
    judged = [claim for claim in found if claim.verdict != "cannot be judged"]
    left_out = tuple(
        f"{claim.system}: no verdict on “{claim.text}” ({claim.why})."
        for claim in found
        if claim.verdict == "cannot be judged"
    )
    if not found:
        left_out = ("No claim can be made from these runs: none of them measured against chance.",)
    heads = columns(("system", "claim", "verdict"), ("number [95 %]", "null ± sd"))
    heads = (*heads, *columns(("metric", "how"), ()))
    table = Table(
        "verdict", "Claims", heads, tuple(_row(claim) for claim in judged), "number: as counted, with its null"
    )
    return Section("verdict", "Verdict", LEAD, (table,) if judged else (), left_out)


def _row(claim: Claim) -> tuple[Cell, ...]:
    return (
        text_cell(claim.system),
        text_cell(claim.text),
        text_cell(claim.verdict, MARKS[claim.verdict]),
        Cell(claim.number, claim.value, more=(("low", claim.low), ("high", claim.high))),
        Cell(claim.null, claim.null_mean),
        text_cell(claim.metric),
        text_cell(claim.why),
    )
