"""How many pages of random tokens have a claim beyond chance? `python -m benchmarks.claims [--pages 250]`.

A page has four systems, each with tokens drawn at random over other speech: 48 utterances of two seconds, runs of three
frames, ten circular shifts. A claim counts that is "supported" or a "small effect"; the rule promises that one
page in twenty at most has any.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.pnmi.counting import Protocol
from analysis.results.schema import Results
from reports.document.claim_rule import Claim, chance_claim, judged
from reports.document.runs import ReportRun
from tests.analysis.worlds import make_world, scored_whole

GRID = ((1, 64), (3, 16), (4, 64), (12, 64), (12, 256), (24, 16))
"""Speakers and codes."""
SYSTEMS, UTTERANCES = 4, 48


def page_of(n_speakers: int, n_codes: int, seed: int) -> list[Claim]:
    """The claims of a page, judged."""
    claims = []
    for own in range(SYSTEMS * seed, SYSTEMS * (seed + 1)):
        world = make_world(n_speakers=n_speakers, n_utterances=UTTERANCES, seed=own)
        tokens = world.independent(n_codes, seed=10**6 + own)
        record = scored_whole(world.request(tokens, protocol=Protocol(n_nulls=10)))["units.pnmi"]
        coverage = {"speakers": n_speakers, "utterances": {"counted": UTTERANCES}}
        results = Results(command="pnmi", system=f"s{own}", metrics=[record], coverage=coverage)
        claims.append(chance_claim(ReportRun(results.system, Path(), results), "tokens tell of phones", record))
    return judged(claims)


def main() -> None:
    """Print a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=250)
    pages = parser.parse_args().pages
    print("speakers  codes  pages with a claim beyond chance  claims with p < .05 before Holm")
    for n_speakers, n_codes in GRID:
        made = [page_of(n_speakers, n_codes, seed) for seed in range(pages)]
        wrong = sum(any(c.verdict in ("supported", "small effect") for c in claims) for claims in made)
        small = sum(claim.p < 0.05 and claim.size > 0 for claims in made for claim in claims)
        print(f"{n_speakers:8}  {n_codes:5}  {wrong / pages:32.3f}  {small / pages / SYSTEMS:.3f}", flush=True)


if __name__ == "__main__":
    main()
