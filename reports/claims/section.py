"""The first section: which claims stand."""

from __future__ import annotations

from reports.claims.claims import claims_of
from reports.comparison.section import is_shown_of_sweep
from reports.comparison.sweep_section import clear_ones
from reports.document.cells import EMPTY, text_cell
from reports.document.claim_rule import Claim
from reports.document.order import level_rank
from reports.document.parts import Cell, Column, Mark, Section, Table
from reports.document.result_table import Cells, result_table
from reports.document.runs import Runs
from reports.provenance.section import warnings_of

MARKS: dict[str, Mark] = {"stands": "good", "does not stand": "bad", "cannot be judged": "warn"}
NOT_JUDGED = "cannot be judged"
RULES = (
    "Against chance a claim stands if the counted value lies beyond every permutation null, by what Student's t allows "
    "a further draw of it, and the 95 % interval of the number lies beyond chance too.",
    "A difference stands if its p, corrected for all differences of the table (Holm), is below 0.05, and it goes the "
    "way the claim says. Its number is chance-corrected where both have a chance level.",
)


def verdict_section(runs: Runs) -> Section:
    """A row for each claim; what has no interval is named below and is no claim."""
    found = claims_of(runs)
    judged = [claim for claim in found if claim.verdict != NOT_JUDGED]
    swept = list(clear_ones(runs, is_shown_of_sweep))
    table = _beside(runs.systems, judged) if len(runs.systems) > 1 else _alone(judged)
    links = [("terms", "What the words and numbers mean")] if judged else []
    if n := len(warnings_of(runs)):
        links.append(("warnings", f"{n} warning{'s' * (n > 1)} of the runs: read before quoting a number"))
    return Section(
        "verdict",
        "Verdict",
        _lead(judged) if judged else "",
        (*((table,) if judged else ()), *(one for one in swept if isinstance(one, Table))),
        _left_out(found, bool(swept)),
        (*(one for one in swept if isinstance(one, str)), *(RULES if judged else ())),
        links=tuple(links),
    )


def _lead(judged: list[Claim]) -> str:
    n = sum(claim.verdict == "stands" for claim in judged)
    return (
        f"{n} of {len(judged)} claims stand. Each follows from the numbers by one rule, which is below the table, so "
        "no wish enters."
    )


def _left_out(found: list[Claim], swept: bool) -> tuple[str, ...]:
    """What no verdict is given on, each reason once for all streams that it holds for."""
    if not found and not swept:
        return ("No claim can be made from these runs: none of them measured against chance.",)
    reasons: dict[tuple[str, str], list[str]] = {}
    for claim in found:
        if claim.verdict == NOT_JUDGED:
            reasons.setdefault((claim.system, claim.why), []).append(f"“{claim.text}”")
    return tuple(f"{system}: no verdict on {', '.join(texts)} ({why})." for (system, why), texts in reasons.items())


def _alone(claims: list[Claim]) -> Table:
    """One system: a row a claim."""
    rows = (
        (
            claim.text,
            text_cell(claim.verdict, MARKS[claim.verdict]),
            Cell(claim.number, claim.value, more=(("low", claim.low), ("high", claim.high))),
            Cell(claim.null, claim.null_mean),
            claim.metric,
            claim.why,
        )
        for claim in _sorted(claims)
    )
    heads = ("claim", "verdict", "number ± 95 %", "chance ± sd", "metric", "how")
    return result_table("table-verdict", "Claims", heads, rows, "number: chance-corrected, with its interval")


def _sorted(claims: list[Claim]) -> list[Claim]:
    """Claims by their kind, and of one kind by the level of their stream."""
    return sorted(claims, key=lambda claim: (claim.rank, level_rank(claim.stream)))


def _beside(systems: tuple[str, ...], claims: list[Claim]) -> Table:
    """Several systems: a row a claim, a column a system."""
    by_text: dict[tuple[str, str], dict[str, Claim]] = {}
    for claim in _sorted(claims):
        by_text.setdefault((claim.text, claim.metric), {})[claim.system] = claim
    rows: list[Cells] = [(*row, *(_cell(found.get(system)) for system in systems)) for row, found in by_text.items()]
    heads: tuple[str | Column, ...] = (Column("claim", most=200), "metric", *systems)
    note = "in each cell: whether it stands, the number ± 95 %, chance ± sd, and p of a difference"
    return result_table("table-verdict", "Claims", heads, rows, note)


def _cell(claim: Claim | None) -> Cell:
    if claim is None:
        return EMPTY
    lines = [claim.verdict, claim.number, f"chance {claim.null}", *claim.why.split("; ")]
    stands = float(claim.verdict == "stands")
    around = (("low", claim.low), ("high", claim.high), ("null", claim.null_mean), ("stands", stands))
    return Cell("\n".join(line for line in lines if line), claim.value, MARKS[claim.verdict], more=around)
