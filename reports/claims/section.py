"""Which claims are supported, each with its size."""

from __future__ import annotations

from reports.claims.claims import claims_of
from reports.comparison.section import is_shown_of_sweep
from reports.comparison.sweep_section import clear_ones
from reports.document.cells import EMPTY, number_cell, text_cell
from reports.document.claim_rule import RULES, Claim
from reports.document.number_format import figures
from reports.document.order import level_rank
from reports.document.parts import Cell, Column, Mark, Section, Table
from reports.document.result_table import Cells, result_table
from reports.document.runs import Runs
from reports.render.escape import shortened

MARKS: dict[str, Mark] = {"supported": "good", "small effect": "warn", "not supported": "bad"}
NOT_JUDGED = "not judged"
NAMED = 4
"""Claims of a question that the lead names, by their size."""


def verdict_section(runs: Runs) -> Section:
    """A row for each claim; what has no interval is named below and is no claim."""
    found = claims_of(runs)
    judged = [claim for claim in found if claim.verdict != NOT_JUDGED]
    swept = list(clear_ones(runs, is_shown_of_sweep))
    table = _beside(runs.systems, judged) if len(runs.systems) > 1 else _alone(judged)
    return Section(
        "verdict",
        "Verdict",
        _lead(judged, len(runs.systems) > 1) if judged else "",
        (*((table,) if judged else ()), *(one for one in swept if isinstance(one, Table))),
        _left_out(found, bool(swept)),
        (*(one for one in swept if isinstance(one, str)), *(RULES if judged else ())),
    )


def _lead(judged: list[Claim], several: bool) -> str:
    """The sizes of what is supported, question by question, largest first."""
    supported: dict[str, list[Claim]] = {}
    for claim in _sorted(judged):
        if claim.verdict == "supported" and not claim.how:
            supported.setdefault(claim.metric, []).append(claim)
    said = []
    for metric, claims in supported.items():
        largest = sorted(claims, key=lambda claim: -claim.size)[:NAMED]
        names = (shortened(f"{claim.system} {claim.stream}" if several else claim.stream, 60) for claim in largest)
        sized = (f"{name} {figures(claim.size)}" for name, claim in zip(names, largest, strict=True))
        said.append(
            f"{metric}: {', '.join(sized)}" + (f" and {len(claims) - NAMED} more" if len(claims) > NAMED else "")
        )
    sizes = f"Supported, by size: {'; '.join(said)}." if said else "No claim against chance is supported."
    return f"{sizes} Each verdict follows from the numbers by one rule, which is below the table."


def _left_out(found: list[Claim], swept: bool) -> tuple[str, ...]:
    """What no verdict is given on, each reason once for all streams that it holds for."""
    if not found and not swept:
        return ("No claim can be made from these runs: none of them measured against chance.",)
    reasons: dict[tuple[str, str], list[str]] = {}
    for claim in found:
        if claim.verdict == NOT_JUDGED:
            reasons.setdefault((claim.system, claim.why), []).append(f"“{claim.text}”")
    return tuple(f"{system}: not judged: {', '.join(texts)} ({why})." for (system, why), texts in reasons.items())


def _alone(claims: list[Claim]) -> Table:
    """One system: a row a claim."""
    rows = (
        (
            claim.text,
            text_cell(claim.verdict, MARKS[claim.verdict]),
            Cell(claim.number, claim.value, more=(("low", claim.low), ("high", claim.high))),
            number_cell(claim.size),
            Cell(claim.null, claim.null_mean),
            claim.metric,
            claim.why,
        )
        for claim in _sorted(claims)
    )
    heads = ("claim", "verdict", "number ± 95 %", "size", "chance ± sd", "metric", "p (Holm)")
    note = "number: chance-corrected where that can be"
    return result_table("table-verdict", "Claims", heads, rows, note, cards=True)


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
    note = "in each cell: whether it is supported, the number ± 95 % and its size, chance ± sd, and p"
    return result_table("table-verdict", "Claims", heads, rows, note, cards=True)


def _cell(claim: Claim | None) -> Cell:
    if claim is None:
        return EMPTY
    is_size = claim.how or abs(claim.size) == abs(claim.value)
    sized = claim.number if is_size else f"{claim.number}, size {figures(claim.size)}"
    lines = [claim.verdict, sized, "" if claim.how else f"chance {claim.null}", *claim.why.split("; ")]
    numbers = (claim.low, claim.high, claim.null_mean, claim.size, claim.p_holm, float(claim.verdict == "supported"))
    around = tuple(zip(("low", "high", "null", "size", "p", "supported"), numbers, strict=True))
    return Cell("\n".join(line for line in lines if line), claim.value, MARKS[claim.verdict], more=around)
