"""Words as tables: for a terminal, as CSV, and where codes fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
from rich.console import RenderableType
from rich.text import Text

from analysis.results.schema import Record, Results
from analysis.words.counting import FREQUENCY
from analysis.words.detection import HELD_OUT
from analysis.words.lists import BANDS, StreamWords, WordList, band_name
from analysis.words.run import Outcome
from analysis.words.word_families import RelatedWords
from probes.words.word_codes import WordType
from reports.document.cells import n_cell
from reports.document.number_format import (
    alone,
    fixed,
    null_mean,
    number_in,
    short,
    shown,
    spanned,
    value_and_null,
    with_interval,
)
from reports.document.parts import Cell, Table
from reports.document.result_table import Find, record_table, records_of, result_table, whole_corpus
from reports.render.csv_files import csv_text
from reports.render.tables import printed, resampled_units

TOP_WORDS = 10
"""Words of each stream that the terminal shows."""
WORDS_CSV = (
    *("word", "code", "count", "precision", "recall", "f1", "f1_heldout", "null"),
    *("heldout_ci_low", "heldout_ci_high", "null_heldout", "null_frequency", "null_sd", "null_heldout_sd"),
    *("language", "stream", "definition", "rank"),
)
OCCURRENCES = pa.schema(
    [
        *((name, pa.string()) for name in ("stream", "definition", "word", "language")),
        *(("code", pa.int64()), ("id", pa.string()), ("onset_us", pa.int64()), ("offset_us", pa.int64())),
        ("hit", pa.bool_()),
    ]
)
DETECTION = (
    ("words", "detected_words", n_cell),
    ("F1 >= .5", "detected_words", alone(fixed(0))),
    ("chance", "detected_words", null_mean(fixed(1))),
    ("F1, top 250", "word_f1_top250", spanned(short)),
    ("counted / chance", "word_f1_top250", value_and_null(short)),
    ("F1, all", "word_f1", spanned(short)),
    ("counted / chance", "word_f1", value_and_null(short)),
)
INFORMATION = (
    ("frames", "mi", n_cell),
    ("nats", "mi", spanned(short)),
    ("chance", "mi", null_mean(short)),
    ("of H(word), corrected", "nmi", spanned(short)),
    ("counted / chance", "nmi", value_and_null(short)),
    ("words permuted", "nmi", shown(lambda r: short(r.nulls[FREQUENCY].mean) if FREQUENCY in r.nulls else "-")),
)
TOP_HEADS = ("word", "language", "code", "tokens", "precision", "recall", "F1", "chance", "held out ± 95 %", "chance")
LEGEND = "codes and the best 250 words are held fixed in the intervals; only what is scored on the other half has one"
NO_WORDS = ("silence", "markers", "no_duration", "several_words", "utterances_without_words")


def words_table(outcome: Outcome) -> RenderableType:
    """What `hac-analyze words` prints: detection, information, the best words, coverage and warnings."""
    results = outcome.results
    whole = whole_corpus(results)
    of = outcome.streams[0].clusters
    title = f"{results.system}: codes as word detectors, 95 % intervals over {resampled_units(of.n, of.unit, results)}"
    detection = (
        ((one.name, found.definition, where), records_of(whole, one.name, f"[{found.definition}{variant}]"))
        for one in outcome.streams
        for found in one.lists
        for variant, where in (("", "same"), (f",{HELD_OUT}", "other half"))
    )
    tables = [
        record_table("detection", title, ("stream", "definition", "chosen on"), DETECTION, detection),
        _information_table(whole),
    ]
    tables += [_top_table(one, outcome.types) for one in outcome.streams if one.lists]
    return printed(results, tables, LEGEND, _lines(results))


def _information_table(whole: Mapping[str, Record]) -> Table:
    """Of each stream alone, and of each given another one."""
    rows = []
    for record in whole.values():
        given = record.id.partition("[given=")[2].rstrip("]")
        kind, tag = ("c", f"[given={given}]") if given else ("", "")
        if record.id == f"{record.stream}.word_{kind}mi{tag}":
            rows.append(((record.stream, given or "-"), _of_kind(whole, record.stream, kind, tag)))
    title = "I(word; code) over the frames inside words (chance: circular shifts; or words permuted)"
    return record_table("information", title, ("stream", "given"), INFORMATION, rows)


def _of_kind(whole: Mapping[str, Record], stream: str, kind: str, tag: str) -> Find:
    """Finds `mi` and `nmi`, or those given another stream (kind `c`)."""
    names = {"mi": f"word_{kind}mi", "nmi": f"word_n{kind}mi"}
    return lambda what: whole[f"{stream}.{names[what]}{tag}"]


def _top_table(one: StreamWords, types: Sequence[WordType]) -> Table:
    found = one.lists[0]
    rows = [
        (
            *(_shown(row[name]) for name in ("word", "language")),
            Cell(str(row["code"]), row["code"]),
            row["count"],
            *(number_in(short, row[name]) for name in ("precision", "recall")),
            number_in(short, row["f1"]),
            number_in(short, row["null"]),
            _held_out(row),
            number_in(short, row["null_heldout"]),
        )
        for row in islice(_word_rows(one, found, types), TOP_WORDS)
    ]
    title = f"{one.name}: best words under '{found.definition}' (held out: code chosen on the other half)"
    return result_table(one.name, title, TOP_HEADS, rows)


def _held_out(row: Mapping[str, Any]) -> Cell:
    f1 = row["f1_heldout"]
    return Cell(with_interval(f1, row["heldout_ci_low"], row["heldout_ci_high"], short), f1)


def _lines(results: Results) -> Iterator[Text]:
    words = results.coverage["words"]
    left = ", ".join(f"{words[name]} {name.replace('_', ' ')}" for name in words if name in NO_WORDS and words[name])
    yield Text(
        f"words: {words['words']:,} tokens of {words['types']:,} types" + (f"; no words: {left}" if left else "")
    )
    for stream, n in words["tokens_without_frames"].items():
        if n:
            yield Text(f"{stream}: {n:,} word tokens have no frame; they count against recall", style="yellow")


def words_csv(outcome: Outcome) -> str:
    """Every scored word of every stream under every definition, best first."""
    rows = (
        [row[field] for field in WORDS_CSV]
        for one in outcome.streams
        for found in one.lists
        for row in _word_rows(one, found, outcome.types)
    )
    return csv_text(WORDS_CSV, rows)


def _word_rows(one: StreamWords, found: WordList, types: Sequence[WordType]) -> Iterator[dict[str, Any]]:
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
        (r.id, r.group.split("=")[1], r.n, r.estimate, r.ci_low, r.ci_high, r.value, r.null_mean, r.null_sd)
        for r in outcome.results.metrics
        if r.group in bands
    )
    return csv_text(("id", "band", "words", "estimate", "ci_low", "ci_high", "value", "null_mean", "null_sd"), rows)


def _names(group: RelatedWords, types: Sequence[WordType]) -> str:
    return " ".join(f"{types[w].language}:{types[w].spelling}" for w in group.words)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:40]) + ("…" if len(text) > 40 else "")


def occurrences_table(outcome: Outcome) -> pa.Table:
    """Where the codes of detected words fire: one row a run, `hit` where it overlaps a token of the word."""
    rows = [
        {"stream": stream, "definition": definition, "word": word.spelling, "language": word.language}
        | {name: getattr(one, name) for name in ("code", "id", "onset_us", "offset_us", "hit")}
        for stream, definition, found in outcome.occurrences
        for one in found
        for word in (outcome.types[one.word],)
    ]
    return pa.Table.from_pylist(rows, schema=OCCURRENCES)
