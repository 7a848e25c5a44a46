"""Words as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.schema import Record, Results
from analysis.words.counting import FREQUENCY
from analysis.words.detection import HELD_OUT
from analysis.words.lists import BANDS, StreamWords, WordList, band_name
from analysis.words.run import Outcome
from analysis.words.word_families import RelatedWords
from probes.words.word_codes import WordType
from reports.document.number_format import short
from reports.render.csv_files import csv_text
from reports.render.tables import coverage_line, make_table, resampled_units, trouble_lines

TOP_WORDS = 10
"""Words of each stream that the terminal shows."""
WORDS_CSV = (
    *("word", "code", "count", "precision", "recall", "f1", "f1_heldout", "ci_low", "ci_high", "null"),
    *(
        "heldout_ci_low",
        "heldout_ci_high",
        "null_heldout",
        "null_frequency",
        "null_sd",
        "null_heldout_sd",
        "language",
        "stream",
        "definition",
        "rank",
    ),
)


def words_table(outcome: Outcome) -> RenderableType:
    """What `hac-analyze words` prints: detection, information, the best words, coverage and warnings."""
    results = outcome.results
    parts: list[RenderableType] = [_detection_table(results, outcome.streams)]
    parts.append(_information_table(results))
    parts += [_top_table(one, outcome.types) for one in outcome.streams if one.lists]
    return Group(*parts, *_lines(results))


def _detection_table(results: Results, streams: Sequence[StreamWords]) -> Table:
    of = streams[0].clusters
    over = resampled_units(of.n, of.unit, results)
    table = make_table(
        f"{results.system}: codes as word detectors, 95 % intervals over {over}",
        ("stream", "definition", "chosen on"),
        ("words", "F1 >= .5", "null", "F1, top 250", "null", "F1, all", "null"),
    )
    for one in streams:
        for found in one.lists:
            for variant, where in (("", "same"), (f",{HELD_OUT}", "other half")):
                tag = f"[{found.definition}{variant}]"
                detected, top, mean = (
                    results.get(f"{one.name}.{metric}{tag}")
                    for metric in ("detected_words", "word_f1_top250", "word_f1")
                )
                table.add_row(
                    escape(one.name),
                    found.definition,
                    where,
                    f"{detected.n:,}",
                    _count(detected),
                    f"{detected.null_mean:.1f}",
                    _spanned(top),
                    short(top.null_mean),
                    _spanned(mean),
                    short(mean.null_mean),
                )
    return table


def _information_table(results: Results) -> Table:
    table = make_table(
        "I(word; code) over the frames inside words (null: shifts; or words dealt anew)",
        ("stream", "given"),
        ("frames", "nats", "null", "of H(word)", "null", "dealt anew", "corrected"),
    )
    for record in results.metrics:
        given = record.id.partition("[given=")[2].rstrip("]")
        nats, share = ("word_cmi", "word_ncmi") if given else ("word_mi", "word_nmi")
        if record.group or f".{nats}" not in record.id:
            continue
        of = results.get(record.id.replace(f".{nats}", f".{share}"))
        permuted = of.nulls.get(FREQUENCY)
        table.add_row(
            escape(record.stream),
            escape(given) or "-",
            f"{record.n:,}",
            _spanned(record),
            short(record.null_mean),
            _spanned(of),
            short(of.null_mean),
            short(permuted.mean) if permuted else "-",
            short(of.corrected),
        )
    return table


def _top_table(one: StreamWords, types: Sequence[WordType]) -> Table:
    found = one.lists[0]
    table = make_table(
        f"{one.name}: best words under '{found.definition}' (held out: code chosen on the other half)",
        ("word", "language"),
        ("code", "tokens", "precision", "recall", "F1", "null", "held out", "null"),
    )
    for row in islice(_word_rows(one, found, types), TOP_WORDS):
        table.add_row(
            escape(_shown(row["word"])),
            escape(str(row["language"])),
            str(row["code"]),
            f"{row['count']:,}",
            short(float(row["precision"])),
            short(float(row["recall"])),
            _interval(float(row["f1"]), float(row["ci_low"]), float(row["ci_high"])),
            short(float(row["null"])),
            _interval(float(row["f1_heldout"]), float(row["heldout_ci_low"]), float(row["heldout_ci_high"])),
            short(float(row["null_heldout"])),
        )
    return table


def _lines(results: Results) -> Iterator[Text]:
    yield coverage_line(results)
    words = results.coverage["words"]
    left = ", ".join(f"{words[name]} {name.replace('_', ' ')}" for name in words if name in _NO_WORDS and words[name])
    yield Text(
        f"words: {words['words']:,} tokens of {words['types']:,} types" + (f"; no words: {left}" if left else "")
    )
    for stream, n in words["tokens_without_frames"].items():
        if n:
            yield Text(f"{stream}: {n:,} word tokens have no frame; they count against recall", style="yellow")
    yield Text(
        "codes and the best 250 words are held fixed in the intervals; the held-out score says what choosing cost",
        style="dim",
    )
    yield from trouble_lines(results)


_NO_WORDS = ("silence", "markers", "no_duration", "several_words", "utterances_without_words")


def words_csv(outcome: Outcome) -> str:
    """Every scored word of every stream under every definition, best first."""
    rows = (
        [row[field] for field in WORDS_CSV]
        for one in outcome.streams
        for found in one.lists
        for row in _word_rows(one, found, outcome.types)
    )
    return csv_text(WORDS_CSV, rows)


def _word_rows(one: StreamWords, found: WordList, types: Sequence[WordType]) -> Iterator[dict[str, str | int | float]]:
    detection = found.detection
    for rank, w in enumerate(found.ranked().tolist(), start=1):
        best = int(detection.best[w])
        yield {
            "word": types[w].spelling,
            "code": int(found.codes[best]) if best >= 0 else "",
            "count": int(one.tokens[w]),
            "precision": float(detection.precision[w]),
            "recall": float(detection.recall[w]),
            "f1": float(detection.classic[w]),
            "f1_heldout": float(detection.held_out[w]),
            "ci_low": float(found.low[w]),
            "ci_high": float(found.high[w]),
            "null": float(found.null[w]),
            "heldout_ci_low": float(found.held_out_low[w]),
            "heldout_ci_high": float(found.held_out_high[w]),
            "null_heldout": float(found.held_out_null[w]),
            "null_frequency": float(found.frequency_null[w]),
            "null_sd": float(found.null_sd[w]),
            "null_heldout_sd": float(found.held_out_null_sd[w]),
            "language": types[w].language,
            "stream": one.name,
            "definition": found.definition,
            "rank": rank,
        }


def related_csv(outcome: Outcome) -> str:
    """Related words that share their best code."""
    rows = (
        (stream, definition, group.kind, group.key, group.code, _names(group, outcome.types))
        for stream, definition, found in outcome.related
        for group in found.groups
    )
    return csv_text(("stream", "definition", "kind", "key", "code", "words"), rows)


def bands_csv(outcome: Outcome) -> str:
    """The numbers by frequency band of the words."""
    bands = {band_name(least, most) for least, most in BANDS}
    rows = (
        (r.id, r.group.split("=")[1], r.n, r.value, r.ci_low, r.ci_high, r.null_mean, r.null_sd)
        for r in outcome.results.metrics
        if r.group in bands
    )
    return csv_text(("id", "band", "words", "value", "ci_low", "ci_high", "null_mean", "null_sd"), rows)


def _names(group: RelatedWords, types: Sequence[WordType]) -> str:
    return " ".join(f"{types[w].language}:{types[w].spelling}" for w in group.words)


def _count(record: Record) -> str:
    return f"{record.value:.0f}" + (
        f" [{record.ci_low:.0f}, {record.ci_high:.0f}]" if math.isfinite(record.ci_low) else ""
    )


def _spanned(record: Record) -> str:
    return _interval(record.value, record.ci_low, record.ci_high)


def _interval(value: float, low: float, high: float) -> str:
    return short(value) + (f" [{short(low)}, {short(high)}]" if math.isfinite(low) else "")


def _shown(word: str | int | float) -> str:
    text = str(word)
    return "".join(c if c.isprintable() else "?" for c in text[:40]) + ("…" if len(text) > 40 else "")
