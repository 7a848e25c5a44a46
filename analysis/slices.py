"""The measures, a line each: adding one adds a line here, and folders of its name.

A slice `NAME` has `analysis/NAME/` with a `metrics.yaml`; where it has a command, `reports/NAME/command.py` holds it
under that name. `reports/NAME/section.py` has `sections`, which makes its sections of a page, `reports/NAME/claims.py`
has `claims` for the verdict. Counts in shards are in `analysis/NAME/shards.py`, whose `merge` adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A measure.

    Attributes:
        name: its folder.
        command: its word of `hac-analyze`; empty where the numbers come out of another command.
        by_stream: whether its numbers are of streams, so that a page shows the first stream of each level.
        in_sweeps: whether a sweep can run it.
        needs_alignments, needs_codec: what it cannot do without, beside tokens.
        in_shards: whether it counts in shards.
    """

    name: str
    command: str = ""
    by_stream: bool = True
    in_sweeps: bool = True
    needs_alignments: bool = True
    needs_codec: bool = False
    in_shards: bool = False


_CODEC = {"by_stream": False, "needs_codec": True}

SLICES = (
    Slice(name="pnmi", command="pnmi", in_shards=True),
    Slice(name="words", command="words", in_shards=True),
    Slice(name="discovery", command="discovery", by_stream=False, in_sweeps=False),
    Slice(name="boundaries", command="boundaries", in_shards=True),
    Slice(name="leakage", command="leakage"),
    Slice(name="probing"),
    Slice(name="reconstruction", command="recon", needs_alignments=False, **_CODEC),
    Slice(name="interventions", command="intervene", **_CODEC),
    Slice(name="usage", command="usage", needs_alignments=False),
    Slice(name="stability", command="stability", in_sweeps=False, needs_alignments=False),
    Slice(name="comparison"),
)
"""In the order in which pages and `--help` have them."""

COMMANDS = {one.command: one for one in SLICES if one.command}
"""Slices by their command."""


def slice_of(command: str) -> Slice:
    """The slice of a command; one that this version does not know has numbers of no stream."""
    return COMMANDS.get(command, Slice(name=command, command=command, by_stream=False))
