"""What the page's words and numbers mean: short names written out, and the record of every metric that was measured."""

from __future__ import annotations

from analysis.metrics.registry import METRICS, metric_name
from reports.document.parts import Column, Section
from reports.document.result_table import result_table
from reports.document.runs import Runs

TERMS = {
    "chance": "what tokens that are independent of the labels score under the same rules: mean over the draws of a "
    "permutation null ± standard deviation (sd). The protocol card says how it is made",
    "chance-corrected": "(counted - chance) / (1 - chance): 0 is chance, 1 is all there is",
    "counted": "the value as published papers compute it, chance and all",
    ".412 ± .010": "95 % interval: on as much speech of other speakers this number would lie in this range 95 times in "
    "100 (with one or two speakers: on other speech of these)",
    "↑ ↓": "which way is better; neither for what only describes",
    "p (Holm)": "chance of a difference this large where there is none, corrected for how many were looked at",
    "paired": "the difference was computed without each speaker in turn in both, so that easy and hard ones cancel",
    "held out": "codes were chosen on one half of the speakers and scored on the other",
    "phonetic, lexical, acoustic": "levels of a factorized codec; acoustic.0 is its first residual quantizer",
    "rvq-3": "decoded from the first three residual quantizers",
    "PNMI": "phone-normalized mutual information: share of the phones' entropy that the codes explain",
    "WER, CER": "word and character error rate of a recognizer on the decoded speech",
    "PESQ wb, nb": "Perceptual Evaluation of Speech Quality, wide and narrow band",
    "STOI, ESTOI": "short-time objective intelligibility, and its extended form",
    "SI-SDR": "scale-invariant signal-to-distortion ratio",
    "F0": "pitch: fundamental frequency of the voice",
    "MOS": "mean opinion score, from 1 to 5",
    "NED": "normalized edit distance",
    "OS": "over-segmentation",
    "DCI": "disentanglement, completeness, informativeness",
}
"""Short names and words that sections use."""
RANGE = "{} to {}"


def terms_section(runs: Runs) -> Section:
    """Short names, then every metric of the runs with unit, range, direction and definition."""
    names = {metric_name(record.id) for run in runs.all for record in run.by_id.values()}
    rows = []
    for metric in (metric for name, metric in METRICS.items() if name in names):
        low, high = ("" if end is None else f"{end:g}" for end in (metric.low, metric.high))
        ends = RANGE.format(low or "…", high or "…") if low or high else ""
        better = metric.better if metric.better != "none" else ""
        rows.append((metric.title, metric.unit, ends, better, metric.definition, metric.undefined))
    heads: tuple[str | Column, ...] = ("metric", "unit", "range", "better", *_long("definition", "not defined where"))
    parts = (
        result_table("table-terms", "Words and short names", ("word", *_long("meaning")), TERMS.items()),
        result_table("table-metrics", "Metrics of these runs", heads, rows),
    )
    lead = "What the numbers are, where they are defined, and when they cannot be had."
    return Section("terms", "Terms and metrics", lead, parts)


def _long(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, most=1000) for title in titles)
