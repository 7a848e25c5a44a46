"""Which metrics of an analysis stand beside those of others, and where: `headlines` in its `metrics.yaml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from analysis.metrics.metric import read_file


class Headlines(BaseModel):
    """The metrics that stand in each place, in order.

    An entry is a metric, `pnmi`, or a metric with tags that its id must have among others: `word_f1[held-out]` is also
    `lexical.word_f1[resdavenet,held-out]`. What is in braces is a setting of the run's first protocol.

    Attributes:
        systems: columns of "Systems side by side" by entry: their heads, with `{}` for title, unit and better side.
        differences: what a page compares between systems, and of which it says when it is missing.
        sweep: what a page compares between the variants of a sweep; None: the differences.
        ablate: what `hac-analyze ablate` prints.
        history_table, history_figure, history_page: of checkpoints, what `hac-analyze history` prints and draws, and
            what a page draws.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    systems: dict[str, str] = {}
    differences: tuple[str, ...] = ()
    sweep: tuple[str, ...] | None = None
    ablate: tuple[str, ...] = ()
    history_table: tuple[str, ...] = ()
    history_figure: tuple[str, ...] = ()
    history_page: tuple[str, ...] = ()


def read_headlines(folder: str) -> Headlines:
    """The headlines of an analysis; none where its file has none.

    Raises:
        ValueError: an unknown place, or entries not of their kind.
    """
    return Headlines(**read_file(folder).get("headlines", {}))
