"""Sentences for the synthetic corpus, one per line, written for this project; no digits, no abbreviations."""

from __future__ import annotations

from importlib.resources import files

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pl", "pt")
"""Languages with sentences: the eight of Multilingual LibriSpeech."""


def sentences(language: str) -> tuple[str, ...]:
    """The sentences of one language.

    Raises:
        KeyError: there are none for this language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    lines = files(__name__).joinpath(f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())
