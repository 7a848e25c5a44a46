"""The first section: which claims stand."""

from __future__ import annotations

from reports.view.claims import Claim, claims_of
from reports.view.parts import EMPTY, Cell, Mark, Section, Table, columns, text_cell
from reports.view.runs import Runs

MARKS: dict[str, Mark] = {"stands": "good", "does not stand": "bad", "cannot be judged": "warn"}
LEAD = (
    "Each claim follows from the records by one rule. Against chance it stands if the number lies more than two "
    "standard deviations beyond every null, and its null-corrected 95 % interval (where there is none: its interval) "
    "lies beyond chance too. A difference stands if p, corrected for all differences of this table (Holm), is below "
    "0.05. Claims against chance are not corrected for their number. Intervals are corrected for the bias of counts: "
    "with many codes and little speech, the number itself can lie beside its interval."
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
    table = _beside(runs.systems, judged) if len(runs.systems) > 1 else _alone(judged)
    return Section("verdict", "Verdict", LEAD, (table,) if judged else (), left_out)


def _alone(claims: list[Claim]) -> Table:
    """One system: a row a claim."""
    heads = (*columns(("claim", "verdict"), ("number [95 %]", "null ± sd")), *columns(("metric", "how"), ()))
    rows = tuple(
        (
            text_cell(claim.text),
            text_cell(claim.verdict, MARKS[claim.verdict]),
            Cell(claim.number, claim.value, more=(("low", claim.low), ("high", claim.high))),
            Cell(claim.null, claim.null_mean),
            text_cell(claim.metric),
            text_cell(claim.why),
        )
        for claim in claims
    )
    return Table("table-verdict", "Claims", heads, rows, "number: as counted, with its null")


def _beside(systems: tuple[str, ...], claims: list[Claim]) -> Table:
    """Several systems: a row a claim, a column a system."""
    by_text: dict[tuple[str, str], dict[str, Claim]] = {}
    for claim in claims:
        by_text.setdefault((claim.text, claim.metric), {})[claim.system] = claim
    heads = (*columns(("claim",), systems), *columns(("metric",), ()))
    rows = []
    for (text, metric), found in by_text.items():
        rows.append((text_cell(text), *(_cell(found.get(system)) for system in systems), text_cell(metric)))
    note = "in each cell: whether it stands, the number [95 %], its null ± sd, and p of a difference"
    return Table("table-verdict", "Claims", heads, tuple(rows), note)


def _cell(claim: Claim | None) -> Cell:
    if claim is None:
        return EMPTY
    lines = [claim.verdict, claim.number, f"null {claim.null}", *([claim.why] if claim.why else [])]
    stands = float(claim.verdict == "stands")
    around = (("low", claim.low), ("high", claim.high), ("null", claim.null_mean), ("stands", stands))
    return Cell("\n".join(lines), claim.value, MARKS[claim.verdict], more=around)
