"""English text as Whisper's authors make it comparable, out of transformers."""

from __future__ import annotations

from functools import cache
from typing import Any


def whisper_english(text: str) -> str:
    """A text under Whisper's English rules (arXiv 2212.04356, appendix C), without its table of British spellings.

    The table lies in the model's repository and not in transformers.
    """
    return str(_normalizer()(text))


@cache
def _normalizer() -> Any:
    # importing transformers takes seconds, so only when asked for; torch is not imported
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})  # type: ignore[no-untyped-call]
