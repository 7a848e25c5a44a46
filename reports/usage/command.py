"""`hac-analyze usage`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reports.commands import options as opt
from reports.commands.option_groups import grouped


@dataclass(frozen=True, kw_only=True)
class UsageInputs(opt.Inputs):
    """Inputs without alignments, of which usage needs none."""

    alignments: None = field(default=None, init=False)


@grouped
def usage(
    *,
    inputs: UsageInputs = UsageInputs(output=Path("usage")),
    draws: opt.Draws,
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """How streams use their codebooks: used codes, perplexity, runs, entropies, compressed size, bits per second.

    Needs no alignments. A manifest is only needed with --ckpt; it tells speakers and languages.

    Examples:

        hac-analyze usage --tokens tokens.parquet -o results

        hac-analyze usage --tokens tokens.parquet --manifest corpus/manifest.jsonl --streams phonetic,lexical

        hac-analyze usage --ckpt mimi:kyutai/mimi --manifest corpus/manifest.jsonl
    """
    with opt.working(inputs.output, machine):
        from analysis.usage.counts import UsageProtocol
        from analysis.usage.run import run
        from reports.usage.files import usage_files
        from reports.usage.tables import usage_tables

        protocol = UsageProtocol(draws.nulls, min(draws.nulls, 5), draws.seed)
        outcome = run(opt.open_request(inputs, facts, machine, protocol, aligned=False), machine.jobs)
        opt.finish(outcome.results, usage_files(outcome), inputs.output, usage_tables(outcome.results))
