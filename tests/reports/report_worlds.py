"""Finished runs to make reports of: small, true, of every command, with plain names and with hostile ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.boundaries import run
from analysis.boundaries.counting import BoundaryProtocol
from analysis.inputs.corpus import Labels, without_alignments
from analysis.inputs.request import Request
from analysis.leakage import run as leakage
from analysis.pnmi import run as pnmi
from analysis.reconstruction import run as recon
from analysis.usage import run as usage
from analysis.words import run as words
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.token_store import Stream, TokenStore
from hac.files.atomic import write_text
from reports.pnmi.tables import phone_given_code_csv
from reports.render.csv_files import plain
from reports.render.result_files import file_names, write_numbers
from reports.usage.tables import ranks_csv
from reports.words.tables import words_csv
from tests.analysis import worlds
from tests.analysis.interventions import test_run
from tests.analysis.interventions.worlds import judges, village
from tests.analysis.leakage import worlds as leakage_worlds
from tests.analysis.leakage.worlds import Spoken
from tests.analysis.reconstruction import worlds as recon_worlds
from tests.analysis.usage import test_run as test_usage
from tests.analysis.words import worlds as word_worlds

SCRIPT = "<script>document.title='owned'</script>"
QUOTES = '"\'`&<b>\u202e\u200f=HYPERLINK("x")../../up\x07\n(x)'
HOSTILE = (SCRIPT, QUOTES, "=cmd|' /C calc'!A0", "y" * 5000, "{{ 7*7 }}", "[$x_{1}$ \\input{secret} %\n..\\up\x00")
"""Names that a page, a spreadsheet or a typesetter must not obey."""
SYSTEMS = ("plain-a", "plain-b")
STREAMS = {"phonetic": 16, "lexical": 64, "acoustic.0": 16}


def make_streams(world: Spoken, kept: float, names: Iterable[str] = STREAMS) -> list[Stream]:
    """Streams of phones, of words and of speakers, true in a share of the frames."""
    word = np.repeat((world.per_utterance[:, ::2] * 8 + world.per_utterance[:, 1::2]).ravel(), 6)
    truths = (world.phone, word, world.speaker)
    return [
        world.stream(name, world.noisy(truth, size, kept), size)
        for name, truth, size in zip(names, truths, STREAMS.values(), strict=True)
    ]


def write_counted(
    folder: Path, world: Spoken, streams: list[Stream], system: str, labels: Labels | None = None
) -> None:
    """The runs that count tokens: pnmi, words, boundaries, leakage, usage."""
    labels = labels or world.labels()
    ids = tuple(row.id for row in labels.manifest.utterances) if labels.manifest else world.ids
    store = TokenStore(ids, {stream.name: stream for stream in streams}, {"tokenizer": "made up"})

    def request(protocol: Any, of: Labels = labels) -> Request[Any]:
        return Request(store, of, protocol, system=system)

    write_phones(pnmi.run(request(worlds.QUICK), 1, levels=True), folder / "pnmi")
    one = replace(word_worlds.QUICK, definitions=("vg-hubert",))
    found = words.run(request(one), 1, words.Options(occurrences=2))
    write_text(folder / "words" / "words.csv", words_csv(found))
    write_numbers(found.results, folder / "words")
    quick = BoundaryProtocol(tolerances_ms=(10, 20, 40), n_nulls=3)
    write_numbers(run.run(request(quick), 1).results, folder / "boundaries")
    write_numbers(leakage.run(request(leakage_worlds.QUICK), jobs=1).results, folder / "leakage")
    assert labels.manifest
    used = usage.run(request(test_usage.QUICK, without_alignments(labels.manifest)), 1)
    write_text(folder / "usage" / "ranks.csv", ranks_csv(used.results, used.streams))
    write_numbers(used.results, folder / "usage")


def write_phones(outcome: pnmi.Outcome, folder: Path) -> None:
    """A PNMI run without its pictures, which a report does not read."""
    streams = outcome.results.streams
    for name, scores in zip(file_names(streams), outcome.streams, strict=True):
        table = phone_given_code_csv(scores.table, scores.labels, scores.codes)
        write_text(folder / f"phone_given_code.{name}.csv", table)
    write_numbers(outcome.results, folder)


def best_word(folder: Path, stream: str = "lexical") -> tuple[str, int, str]:
    """Stream, code and word of the best word of a run."""
    with (folder / "words.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["stream"] == stream)
    return stream, int(row["code"]), plain(row["word"])


def write_sounding(folder: Path, system: str) -> None:
    """The runs that decode: recon and intervene."""
    request = recon_worlds.world(folder / "corpus", {"rvq-1": 0.5, "rvq-2": 0.1}, metrics=("si_sdr",))
    write_numbers(recon.run(replace(request, system=system), 1).results, folder / "recon")
    deaf = judges(asr=None, mos=None, pitch=False)
    quick = replace(test_run.QUICK, judges=deaf, levels=("phonetic",), interventions=("drop",))
    made = village(folder / "village", n=2).run(folder / "intervene", quick)
    write_numbers(made.results.model_copy(update={"system": system}), folder / "intervene")


def hostile_labels(world: Spoken) -> Labels:
    """The world's labels with hostile ids, speakers, languages, words and phones."""
    plain = world.labels()
    assert plain.manifest
    ids = [f"{HOSTILE[i % len(HOSTILE)]}-{i}" for i in range(len(world.ids))]
    utterances = [
        replace(row, id=id, speaker=HOSTILE[i % len(HOSTILE)] + str(row.speaker), text=SCRIPT, language=HOSTILE[i % 3])
        for i, (id, row) in enumerate(zip(ids, plain.manifest.utterances, strict=True))
    ]
    phones, spoken = [], []
    for id, each in zip(ids, world.per_utterance, strict=True):
        us = 3 * leakage_worlds.FRAME_US
        phones += [(id, (*HOSTILE, "AA", "S")[p], i * us, (i + 1) * us) for i, p in enumerate(each.tolist())]
        pairs = enumerate(each.reshape(-1, 2).tolist())
        spoken += [(id, HOSTILE[a % 6].replace(" ", "") + str(b), 2 * i * us, 2 * (i + 1) * us) for i, (a, b) in pairs]
    tiers = {"phones": tier_from_rows("phones", phones), "words": tier_from_rows("words", spoken)}
    return Labels(Manifest(Path(), tuple(utterances)), Alignments(tiers, {}))
