"""Reconstruction quality as tables: for a terminal, each value beside its interval and its null, and of VERSA's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.metrics.registry import METRICS
from analysis.reconstruction.inputs import REFERENCE
from analysis.results.schema import Record, Results
from reports.document.number_format import figures, short
from reports.document.titles import ARROWS
from reports.render.tables import clusters_of, coverage_line, make_table, trouble_lines

ACROSS = 3
"""Metrics in one table: more do not fit a terminal."""
RATE_COLUMNS = (("nominal", "nominal"), ("order-0", "order 0"), ("order-1", "order 1"))
COUNTERPARTS = {
    "pesq": "pesq_wb",
    "stoi": "stoi",
    "estoi": "estoi",
    "si_snr": "si_sdr",
    "spk_similarity": "speaker_similarity",
    "dns_overall": "mos[ovrl]",
    "dns_p808": "mos[p808]",
    "f0corr": "f0_corr",
}
"""Ours that measures what VERSA's metric of that name does, as far as one does; error rates go by their ending."""


def recon_table(results: Results) -> RenderableType:
    """What `hac-analyze recon` prints."""
    measurements = Measurements(results)
    starts = range(0, len(measurements.metrics), ACROSS)
    parts: list[RenderableType] = [_scores(measurements, measurements.metrics[i : i + ACROSS]) for i in starts]
    if any(measurements.get(name, "kbps[nominal]") for name in measurements.conditions):
        parts.append(_rates(measurements))
    parts += [_versa(measurements, name) for name in measurements.versa]
    return Group(*parts, *_lines(results))


class Measurements:
    """The records on the whole corpus, found by condition and metric.

    Args:
        results: of a reconstruction run.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self._records = {record.id: record for record in results.metrics if not record.group}
        self.conditions = list(dict.fromkeys(record.stream for record in self._records.values()))
        names = dict.fromkeys(id.removeprefix(f"{r.stream}.") for id, r in self._records.items())
        shown = [name for name in names if name.split("[")[0] not in ("kbps", "versa")]
        order = list(METRICS)
        self.metrics = sorted(shown, key=lambda name: order.index(name.split("[")[0]))
        self.versa = [name for name in self.conditions if any(id.startswith(f"{name}.versa[") for id in self._records)]

    def get(self, condition: str, metric: str) -> Record | None:
        """The record, if there is one."""
        return self._records.get(f"{condition}.{metric}")

    def of_versa(self, condition: str) -> dict[str, Record]:
        """VERSA's records of a condition by VERSA's name."""
        start = f"{condition}.versa["
        return {id[len(start) : -1]: record for id, record in self._records.items() if id.startswith(start)}


def title_of(metric: str, unit: bool = False) -> str:
    """A metric's title, its part in brackets, its unit if wanted, and an arrow to the better side."""
    name, _, part = metric.partition("[")
    record = METRICS[name]
    return (
        record.title + (f" {part[:-1]}" if part else "") + (f", {record.unit}" if unit else "") + ARROWS[record.better]
    )


def _scores(measurements: Measurements, metrics: Sequence[str]) -> Table:
    rows = [name for name in measurements.conditions if any(measurements.get(name, metric) for metric in metrics)]
    first = next(
        record for name in rows for metric in metrics if (record := measurements.get(name, metric)) is not None
    )
    title = f"{measurements.results.system}: value [95 % over {clusters_of(first, measurements.results)}] / null"
    table = make_table(title, ("condition",), tuple(title_of(metric) for metric in metrics))
    for name in rows:
        table.add_row(escape(name), *(_cell(measurements.get(name, metric)) for metric in metrics))
    return table


def _cell(record: Record | None) -> str:
    if record is None:
        return ""
    interval = f" [{figures(record.ci_low)}, {figures(record.ci_high)}]" if math.isfinite(record.ci_low) else ""
    return f"{figures(record.value)}{interval} / {figures(record.null_mean)}"


def _rates(measurements: Measurements) -> Table:
    title = "kbit/s: entropies as plug-in … held-out, which lie below and above the truth"
    table = make_table(title, ("condition",), tuple(column for _, column in RATE_COLUMNS))
    for name in measurements.conditions:
        cells = []
        for kind, _ in RATE_COLUMNS:
            low, high = measurements.get(name, f"kbps[{kind}]"), measurements.get(name, f"kbps[{kind},held-out]")
            cells.append(" … ".join(short(record.value) for record in (low, high) if record is not None))
        if any(cells):
            table.add_row(escape(name), *cells)
    return table


def _versa(measurements: Measurements, condition: str) -> Table:
    table = make_table(
        f"VERSA's scores of {condition}, under VERSA's names",
        ("metric",),
        ("VERSA [95 %]", "n", "ours", "value [95 %]"),
    )
    for name, record in measurements.of_versa(condition).items():
        metric = counterpart(name)
        ours = measurements.get(condition, metric) if metric else None
        table.add_row(
            escape(name),
            _cell(record).split(" / ")[0],
            f"{record.n:,}",
            title_of(metric) if metric and ours else "",
            _cell(ours).split(" / ")[0],
        )
    return table


def counterpart(versa: str) -> str | None:
    """Our metric that measures what VERSA's does."""
    if versa.endswith(("_wer", "_cer")) or versa in ("wer", "cer"):
        return versa[-3:]
    return COUNTERPARTS.get(versa)


def _lines(results: Results) -> Iterator[Text]:
    yield coverage_line(results)
    for name, facts in results.coverage["lengths"].items():
        if facts["shorter"] or facts["longer"]:
            yield Text(
                f"{name}: {facts['shorter']:,} shorter and {facts['longer']:,} longer than the reference, by at most "
                f"{facts['largest_difference_s']:.3f} s ({results.protocols['signal']['lengths']})",
                style="dim",
            )
    if any(record.stream == REFERENCE for record in results.metrics):
        yield Text("reference: the same judges on the originals; their null as for the others", style="dim")
    yield from trouble_lines(results)
