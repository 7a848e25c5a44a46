"""PNMI of streams, languages and phone classes, and P(phone | code) as heat-maps."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.results.records import DROPPED
from analysis.results.schema import Record
from hac.data.phones.classes import phone_classes
from hac.errors import HacError
from reports.document.cells import counted_cell, estimate_cell, n_cell, null_cell
from reports.document.claim_rule import judged_cell
from reports.document.order import all_streams, first_of_levels, more_streams, shown_streams
from reports.document.part_ids import part_id
from reports.document.parts import Chart, HeatMap, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import only, record_table, records_of
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed
from reports.listen.section import Listening
from reports.pnmi.figures import MANNERS
from reports.pnmi.levels import levels_section
from reports.render.csv_files import plain
from reports.render.result_files import file_names

METRIC = "pnmi"
MAX_NUMBER = 1 << 31
"""Codes are int32, and shares lie below 1."""
MOST_OPEN = 3
"""Heat-maps of a page that are all open; of more, one is."""
MAX_CODES = 1024
"""Codes of a heat-map, the most frequent ones."""
OF_CLASS = "U(class | code) ↑"
"""Of a class against all other phones: the uncertainty coefficient."""
KINDS = {"language": "language", "manner": "manner of the phone", "voicing": "voicing of the phone"}
"""Groups that are shown: a name for each kind."""
PARTS = ("language",)
"""Kinds whose groups are parts of the corpus; of the others, each class is set against all other phones."""


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return pnmi_section(runs), levels_section(runs), heat_section(runs), parts_section(runs)


def pnmi_section(runs: Runs) -> Section:
    """PNMI of every stream, silence kept and dropped."""
    found = runs.of(METRIC)
    if not found:
        return Section("pnmi", "Phones: PNMI per stream", "", missing=(no_run("pnmi"),))
    streams = all_streams(found)
    series = tuple(
        Series(run.system, tuple(Point.of(run.by_id.get(f"{stream}.{METRIC}")) for stream in streams)) for run in found
    )
    chart = Chart(
        "chart-pnmi",
        f"{headed(METRIC)}, silence kept",
        "rows",
        (Panel("", series, streams, x_title=headed(METRIC)),),
        "dot: value less chance; line: 95 % interval; grey: chance, 3 sd",
    )
    lead = "Share of the phones' entropy that the codes explain, chance-corrected."
    return Section("pnmi", "Phones: PNMI per stream", lead, (chart, _table(found)))


def _table(found: tuple[ReportRun, ...]) -> Table:
    fields = (
        ("frames", METRIC, n_cell),
        (headed(METRIC), METRIC, judged_cell),
        ("counted", METRIC, counted_cell),
        ("chance ± sd", METRIC, null_cell),
        *((headed(name), name, estimate_cell) for name in ("phone_purity", "cluster_purity")),
    )
    rows = []
    for run in found:
        for stream in shown_streams(run.results.streams):
            info = run.results.streams[stream]
            for silence, tag in (("kept", ""), ("dropped", f"[{DROPPED}]")):
                find = records_of(run.by_id, stream, tag)
                if find(METRIC):
                    rows.append(((run.system, stream, silence, info.codebook_size, info.used_codes), find))
    heads = ("system", "stream", "silence", "codes", "used")
    return record_table("table-pnmi", "PNMI and purities", heads, fields, rows, more_streams(found))


def parts_section(runs: Runs) -> Section:
    """PNMI of each language, and of each class of phones against the rest, for the first stream of each level."""
    found = runs.of(METRIC)
    title = "By language and by class"
    if not found:
        return Section("parts", title, "", missing=(no_run("pnmi"),))
    parts: list[Chart | Table] = []
    missing = []
    for kind, name in KINDS.items():
        groups = _groups(found, kind)
        if len(groups) < 2:
            missing.append(f"By {name}: fewer than two groups were measured.")
            continue
        parts += [_group_chart(found, kind), _group_table(found, kind, groups)]
    lead = (
        "By language: PNMI of that language's speech alone; parts are smaller, so mind intervals. By class: of all "
        "speech, how well codes separate phones of that class from all other phones. Each corrected by its own null."
    )
    return Section("parts", title, lead, tuple(parts), tuple(missing))


def _groups(found: tuple[ReportRun, ...], kind: str, *, known: bool = False) -> list[str]:
    """The groups of a kind: languages by name, manners from silence to vowels."""
    names = {
        r.group.split("=", 1)[1]
        for run in found
        for r in run.results.metrics
        if r.group.startswith(f"{kind}=") and (not known or math.isfinite(r.estimate))
    }
    return sorted(names, key=lambda name: (MANNERS.index(name) if name in MANNERS else len(MANNERS), name))


def _group_title(kind: str) -> str:
    return f"PNMI by {KINDS[kind]}" if kind in PARTS else f"A class against all other phones, by {KINDS[kind]}"


def _group_chart(found: tuple[ReportRun, ...], kind: str) -> Chart:
    panels, groups = [], _groups(found, kind, known=True)
    for stream in first_of_levels(all_streams(found)):
        series = []
        for run in found:
            by_group = _by_group(run, stream, kind)
            if stream in run.results.streams:
                series.append(Series(run.system, tuple(Point.of(by_group.get(group)) for group in groups)))
        axis = headed(METRIC) if kind in PARTS else OF_CLASS
        panels.append(Panel(stream, tuple(series), tuple(groups), x_title=axis))
    what = "" if kind in PARTS else "U: uncertainty coefficient I(class; code) / H(class); "
    note = f"{what}dot: value less chance; line: 95 % interval; grey: chance in that group, 3 sd"
    return Chart(f"chart-by-{kind}", _group_title(kind), "rows", tuple(panels), note)


def _by_group(run: ReportRun, stream: str, kind: str) -> dict[str, Record]:
    found = (r for r in run.results.metrics if r.id == f"{stream}.{METRIC}" and r.group.startswith(f"{kind}="))
    return {r.group.split("=", 1)[1]: r for r in found}


def _group_table(found: tuple[ReportRun, ...], kind: str, groups: list[str]) -> Table:
    frames, value = (
        ("frames", headed(METRIC)) if kind in PARTS else ("frames of all phones", "uncertainty coefficient ↑")
    )
    fields = (
        (frames, METRIC, n_cell),
        (value, METRIC, judged_cell),
        ("counted", METRIC, counted_cell),
        ("chance ± sd", METRIC, null_cell),
    )
    rows = (
        ((run.system, stream, group), only(record))
        for run in found
        for stream in first_of_levels(run.results.streams)
        for by_group in (_by_group(run, stream, kind),)
        for group in groups
        if (record := by_group.get(group))
    )
    return record_table(f"table-by-{kind}", _group_title(kind), ("system", "stream", kind), fields, rows)


def heat_section(runs: Runs) -> Section:
    """P(phone | code) of the first stream of each level of every system."""
    found = runs.of(METRIC)
    title = "P(phone | code)"
    if not found:
        return Section("heat", title, "", missing=(no_run("pnmi"),))
    maps: list[HeatMap] = []
    missing, scores = [], []
    for run in found:
        names = dict(zip(run.results.streams, file_names(run.results.streams), strict=True))
        for stream in first_of_levels(run.results.streams):
            path = run.folder / f"phone_given_code.{names[stream]}.csv"
            if path.is_file():
                maps.append(read_heat_map(path, part_id("heat", run.system, stream), f"{run.system}, {stream}"))
                record = run.by_id.get(f"{stream}.{METRIC}")
                scores.append(record.estimate if record and math.isfinite(record.estimate) else -1.0)
            else:
                missing.append(f"{run.system}, {stream}: {path.name} is not in the run's folder.")
    if len(maps) > MOST_OPEN:  # of many, the one that tells most; the others are opened where they are wanted
        best = scores.index(max(scores))
        maps = [replace(one, is_open=place == best) for place, one in enumerate(maps)]
    lead = "Each column is a code, each row a phone; codes by their most likely phone, phones by class."
    hint = (
        "Sort codes by their most likely phone, share of time, or number; choose a phone to bring its codes to the "
        "front. Arrow keys move from cell to cell; plus and minus zoom."
    )
    return Section("heat", title, lead, tuple(maps), tuple(missing), hint=hint)


def read_heat_map(path: Path, id: str, title: str) -> HeatMap:
    """The heat-map of a `phone_given_code` file: phones by manner and place, the most frequent codes.

    Raises:
        HacError: the file is not one of ours.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            head, *rows = csv.reader(stream)
            head = [plain(name) for name in head]
        if head[:2] != ["code", "share"]:
            raise ValueError(f"its columns begin with {head[:2]}")
        table = np.array([[float(x) for x in row] for row in rows], np.float64).reshape(len(rows), len(head))
        if not (np.abs(table) < MAX_NUMBER).all():
            raise ValueError("a number in it is none")
    except (OSError, ValueError, csv.Error) as error:
        raise HacError(f"{path}: not a table of P(phone | code) ({error}); run hac-analyze pnmi again") from error
    table = table[np.argsort(-table[:, 1], kind="stable")[:MAX_CODES]]
    shares, labels = table[:, 2:], head[2:]
    rows_kept = sorted(np.flatnonzero(shares.sum(axis=0)).tolist(), key=lambda i: _class_key(labels[i]))
    top = shares[:, rows_kept].argmax(axis=1) if rows_kept and len(shares) else np.zeros(len(shares), np.int64)
    order = np.lexsort((-shares.max(axis=1, initial=0), top))
    note = f"the {MAX_CODES:,} most frequent of {len(rows):,} codes" if len(rows) > MAX_CODES else ""
    return HeatMap(
        id,
        title,
        tuple(labels[i] for i in rows_kept),
        tuple(int(code) for code in table[order, 0]),
        tuple(table[order, 1].tolist()),
        tuple(map(tuple, shares[order][:, rows_kept].tolist())),
        note,
    )


def _class_key(label: str) -> tuple[int, str, str, str]:
    classes = phone_classes(label)
    rank = MANNERS.index(classes.manner) if classes.manner in MANNERS else len(MANNERS)
    return rank, classes.place or "", classes.height or "", label
