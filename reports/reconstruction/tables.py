"""Reconstruction quality as tables: for a terminal, each value beside its interval and its null, and of VERSA's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rich.console import RenderableType
from rich.text import Text

from analysis.metrics.registry import METRICS
from analysis.reconstruction.inputs import REFERENCE
from analysis.results.schema import Record, Results
from reports.document.cells import EMPTY, text_cell
from reports.document.number_format import figures, short, shown, spanned, with_interval
from reports.document.parts import Cell, Table
from reports.document.result_table import Cells, record_table, result_table, whole_corpus
from reports.document.titles import ARROWS
from reports.render.tables import clusters_of, printed

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
AROUND = spanned(figures, figures)


def _with_chance(r: Record) -> str:
    """The number with its interval; below it what was counted, and chance."""
    counted = f"{figures(r.value)} / " if r.is_corrected else ""
    return f"{with_interval(r.estimate, r.ci_low, r.ci_high, figures, figures)}\n{counted}{figures(r.null_mean)}"


def recon_table(results: Results) -> RenderableType:
    """What `hac-analyze recon` prints."""
    measurements = Measurements(results)
    starts = range(0, len(measurements.metrics), ACROSS)
    tables = [_scores(measurements, measurements.metrics[i : i + ACROSS]) for i in starts]
    if any(measurements.get(name, "kbps[nominal]") for name in measurements.conditions):
        tables.append(_rates(measurements))
    tables += [_versa(measurements, name) for name in measurements.versa]
    legend = ""
    if any(record.stream == REFERENCE for record in results.metrics):
        legend = "original: the recordings themselves, scored by the same models; their chance level as for the others"
    return printed(results, tables, legend, _lines(results))


def shown_condition(name: str) -> str:
    """A condition as it is read: the recordings themselves are the originals, whatever the key in the file."""
    return "original" if name == REFERENCE else name


class Measurements:
    """The records on the whole corpus, found by condition and metric.

    Args:
        results: of a reconstruction run.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self._records = whole_corpus(results)
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
    found = {
        name: known
        for name in measurements.conditions
        if (known := [record for metric in metrics if (record := measurements.get(name, metric))])
    }
    over = clusters_of(next(iter(found.values()))[0], measurements.results)
    title = (
        f"{measurements.results.system}: number ± 95 % over {over}; below it: as counted (where corrected) / by chance"
    )
    fields = [(title_of(metric), metric, shown(_with_chance)) for metric in metrics]
    rows = (((shown_condition(name),), partial(measurements.get, name)) for name in found)
    return record_table("-".join(metrics), title, ("condition",), fields, rows)


def _rates(measurements: Measurements) -> Table:
    rows: list[Cells] = []
    for name in measurements.conditions:
        cells = []
        for kind, _ in RATE_COLUMNS:
            ends = (measurements.get(name, f"kbps[{kind}]"), measurements.get(name, f"kbps[{kind},held-out]"))
            known = [record.value for record in ends if record is not None]
            cells.append(Cell(" … ".join(map(short, known)), known[0]) if known else EMPTY)
        if any(cell.text for cell in cells):
            rows.append((shown_condition(name), *cells))
    title = "kbit/s: entropies as plug-in … held-out, which lie below and above the truth"
    return result_table("rates", title, ("condition", *(column for _, column in RATE_COLUMNS)), rows)


def _versa(measurements: Measurements, condition: str) -> Table:
    rows = []
    for name, record in measurements.of_versa(condition).items():
        metric = counterpart(name)
        ours = measurements.get(condition, metric) if metric else None
        title = title_of(metric) if metric and ours else ""
        rows.append((text_cell(name), AROUND(record), record.n, title, AROUND(ours)))
    heads = ("metric", "VERSA ± 95 %", "n", "ours", "number ± 95 %")
    return result_table(f"versa-{condition}", f"VERSA's scores of {condition}, under VERSA's names", heads, rows)


def counterpart(versa: str) -> str | None:
    """Our metric that measures what VERSA's does."""
    if versa.endswith(("_wer", "_cer")) or versa in ("wer", "cer"):
        return versa[-3:]
    return COUNTERPARTS.get(versa)


def _lines(results: Results) -> Iterator[Text]:
    for name, facts in results.coverage["lengths"].items():
        if facts["shorter"] or facts["longer"]:
            yield Text(
                f"{name}: {facts['shorter']:,} shorter and {facts['longer']:,} longer than the original, by at most "
                f"{facts['largest_difference_s']:.3f} s ({results.protocols['signal']['lengths']})",
                style="dim",
            )
