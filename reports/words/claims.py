"""What word detection claims: that codes detect words of speech that they were not chosen on."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.words.detection import HELD_OUT
from reports.document.claim_rule import Claim, chance_claim
from reports.document.headlines import headline_record
from reports.document.order import first_of_levels, level_of
from reports.document.runs import ReportRun

LEVELS = ("lexical", "phonetic")
"""Levels that are claimed to hold words, the first that there is."""


def claims(run: ReportRun) -> Iterator[Claim]:
    """That codes of one stream detect words."""
    streams = first_of_levels(run.results.streams)
    by_level = {level_of(stream): stream for stream in streams}
    for stream in [by_level[level] for level in LEVELS if level in by_level][:1] or streams[:1]:
        if record := headline_record(run, stream, f"word_f1[{HELD_OUT}]"):
            text = f"codes of {stream} detect words beyond chance, on speech they were not chosen on"
            yield chance_claim(run, text, record)
