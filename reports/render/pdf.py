"""The page as a tagged PDF (PDF/UA), from the same template, by WeasyPrint."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hac.errors import HacError
from hac.files.atomic import atomic_path
from reports.render.fonts import warn_of_text
from reports.render.html import Drawn, render

SYSTEM = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 (Debian, Ubuntu), brew install pango (macOS)"
"""How to get what WeasyPrint draws letters with."""
VARIANT = "pdf/ua-1"
"""Headings, tables, lists, pictures with their texts, and the language are marked for those who hear the page."""
GUIDE = "https://doc.courtbouillon.org/weasyprint/stable/first_steps.html"


def check_pdf() -> None:
    """Load WeasyPrint.

    Raises:
        HacError: it, or a library of the system that it needs, is missing.
    """
    try:
        import weasyprint  # noqa: F401
    except ModuleNotFoundError as error:
        raise HacError(
            f"the PDF needs WeasyPrint, and {error.name} is not installed: pip install 'hac-codec[report]'"
        ) from error
    except OSError as error:
        raise HacError(
            f"the PDF needs a library of the system that is not there ({' '.join(str(error).split())[:160]}); "
            f"get it with {SYSTEM}; more: {GUIDE}"
        ) from error


class _Complain(logging.Handler):
    """An error of what WeasyPrint only logs: it leaves out a picture that fails and goes on, even after Ctrl-C."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise what was being handled, or the words of the record."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, Exception):
            raise error
        raise HacError(f"the PDF would be incomplete ({record.getMessage()}), so it was not written; the HTML is whole")


@contextmanager
def _fixed_time_of_fonts() -> Iterator[None]:
    """Where the system has no HarfBuzz-Subset, fontTools cuts the fonts, and writes into each when it did so."""
    name = "SOURCE_DATE_EPOCH"
    before = os.environ.get(name)
    os.environ[name] = before or "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def write_pdf(drawn: Drawn, path: Path) -> None:
    """Write the page as PDF: fonts embedded, the same bytes from the same page.

    Raises:
        HacError: what it needs is missing, or a picture fails.
    """
    check_pdf()
    from weasyprint import HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    logger = logging.getLogger("weasyprint")
    logger.setLevel(logging.ERROR)
    complain = _Complain(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    text = render(drawn, pdf=True)
    warn_of_text(text)
    document = HTML(string=text, url_fetcher=URLFetcher(allowed_protocols=("data",)))
    logger.addHandler(complain)
    try:
        with _fixed_time_of_fonts(), atomic_path(path) as temporary:
            document.write_pdf(temporary, font_config=FontConfiguration(), pdf_variant=VARIANT)
    finally:
        logger.removeHandler(complain)
