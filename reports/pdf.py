"""The page as PDF, from the same template, by WeasyPrint."""

from __future__ import annotations

import logging
from pathlib import Path

from hac.errors import HacError
from hac.files import atomic_path
from reports.html import Drawn, render

SYSTEM = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 (Debian, Ubuntu), brew install pango (macOS)"
"""How to get what WeasyPrint draws letters with."""
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


def write_pdf(drawn: Drawn, path: Path) -> None:
    """Write the page as PDF: fonts embedded, the same bytes from the same page.

    Raises:
        HacError: what it needs is missing.
    """
    check_pdf()
    from weasyprint import HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    document = HTML(string=render(drawn, pdf=True), url_fetcher=URLFetcher(allowed_protocols=("data",)))
    with atomic_path(path) as temporary:
        document.write_pdf(temporary, font_config=FontConfiguration())
