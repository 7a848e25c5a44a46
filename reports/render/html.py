"""A page as one HTML file: no network, works from disk, every text of a corpus escaped."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from reports.document.order import first_of_levels
from reports.document.parts import Chart, Clip, Detection, HeatMap, MatrixChart, Page
from reports.render.charts import draw
from reports.render.downloads import part_files
from reports.render.escape import clean, shortened
from reports.render.print_layout import PAGE_PT, layout, unbroken, wrapped
from reports.render.printed_page import printed_page
from reports.render.svg import small_svg

COLOURS = "cividis"
"""Of heat-maps: even in lightness, and safe for the colour-blind."""
_AS_THEY_ARE = " <>'/:;=,.()!?*+$@~[]{}|^`\\"
"""Letters that an address within double quotes may hold, besides letters and digits."""

REM_PER_PT = 1.4 * 96 / 72 / 16
"""Figures are drawn for paper; on a screen they are 1.4 times as large, so that their letters can be read."""
PRINTED_SCALE, FIGURE_GAP_PT = 0.68, 10.0
"""Of figures on paper, at most, and what is left free on the right of each."""
SENTENCE = 600
"""Letters of a statement; a longer one loses its middle."""
_NUMBER = re.compile(r"(\(?-?\d*\.\d+(?: ± <?\.?\d[\d.]*)?)")
_WIDTH = re.compile(r"<svg [^>]*?width='([\d.]+)pt'")


@dataclass(frozen=True)
class Drawn:
    """A page with its pictures, drawn once for HTML and PDF.

    Attributes:
        page: the page.
        figures: SVG of each chart, by its id.
        heat_maps: PNG of each heat-map, by its id.
    """

    page: Page
    figures: Mapping[str, str]
    heat_maps: Mapping[str, bytes]


def draw_page(page: Page) -> Drawn:
    """Draw every picture of a page. One process does: to start others takes as long as twenty charts."""
    charts = [part for part in page.parts if isinstance(part, Chart | MatrixChart)]
    return Drawn(
        page,
        {chart.id: svg_of(chart, page.systems) for chart in charts},
        {part.id: heat_png(part) for part in page.parts if isinstance(part, HeatMap)},
    )


def svg_of(chart: Chart | MatrixChart, systems: Sequence[str] = ()) -> str:
    """A chart as SVG: the same bytes from the same numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chart.svg"
        draw(chart, path, systems)
        return small_svg(path.read_text(encoding="utf-8"))


def heat_png(heat: HeatMap) -> bytes:
    """A heat-map as a picture of one pixel a cell: phones down, codes across, colour = P(phone | code) in 1/255."""
    from PIL import Image

    shares = np.array(heat.shares, np.float64).reshape(len(heat.codes), len(heat.phones))
    pixels = np.rint(255 * shares.T.clip(0, 1)).astype(np.uint8)
    image = Image.fromarray(pixels if pixels.size else np.zeros((1, 1), np.uint8), mode="P")
    image.putpalette(palette().tobytes())
    out = BytesIO()
    # runs of one colour are all that repeats: packed as well as by the slowest search, a hundred times as fast
    image.save(out, format="PNG", compress_level=9, compress_type=zlib.Z_RLE)
    return out.getvalue()


@cache
def palette() -> np.ndarray:
    """The colours of heat-maps, no two alike, so that a pixel can be read as a number: uint8 [256, 3]."""
    from matplotlib import colormaps

    colours = np.asarray(np.rint(255 * colormaps[COLOURS](np.arange(256))[:, :3]), np.uint8)
    twice = np.setdiff1d(np.arange(256), np.unique(colours, axis=0, return_index=True)[1])
    colours[twice, 2] += 1
    return colours


def render(drawn: Drawn, *, pdf: bool = False) -> str:
    """The page as HTML.

    Args:
        drawn: from `draw_page`.
        pdf: without what a printed page cannot do: sounds, buttons, programs.
    """
    script = asset("report.js")
    page = printed_page(drawn.page) if pdf else drawn.page
    values = {
        "page": page,
        "pdf": pdf,
        "figures": {id: svg_uri(svg) for id, svg in drawn.figures.items()},
        "widths": _printed_widths(page, drawn.figures) if pdf else _screen_widths(drawn.figures),
        "heat_maps": {id: data_uri("image/png", png) for id, png in drawn.heat_maps.items()},
        "css": Markup(asset("report.css") + asset("print.css" if pdf else "screen.css")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "data": {} if pdf else embedded(drawn),
        "media_uri": lambda name: data_uri(*drawn.page.media[name]),
    }
    return environment().get_template("page.html.j2").render(values)


def _screen_widths(figures: Mapping[str, str]) -> dict[str, str]:
    return {id: f"{round(REM_PER_PT * width_pt(svg), 1)}rem" for id, svg in figures.items()}


def _printed_widths(page: Page, figures: Mapping[str, str]) -> dict[str, str]:
    """The figures of a section share a line, and their letters have one size."""
    widths: dict[str, str] = {}
    for section in page.sections:
        own = {part.id: width_pt(figures[part.id]) for part in section.parts if isinstance(part, Chart | MatrixChart)}
        scale = min(PRINTED_SCALE, (PAGE_PT - len(own) * FIGURE_GAP_PT) / sum(own.values())) if own else 1.0
        widths |= {id: f"{scale * width:.1f}pt" for id, width in own.items()}
    return widths


def embedded(drawn: Drawn) -> dict[str, Any]:
    """What the page's program reads: downloads, sounds of words, heat-maps, tiers."""
    parts = drawn.page.parts
    detections = [part for part in parts if isinstance(part, Detection)]
    heard = {hit.media for one in detections for hit in one.hits}
    # the page makes the CSV of a heat-map from the map itself
    offered = [file for part in parts if not isinstance(part, HeatMap) for file in part_files(part)]
    return {
        "files": {name: _packed(text) for name, text in offered},
        "media": {name: data_uri(*drawn.page.media[name]) for name in sorted(heard)},
        "heard": {one.id: _heard(one) for one in detections},
        "palette": [int.from_bytes(colour.tobytes(), "big") for colour in palette()],
        "heat": {part.id: _packed(json.dumps(_heat(part))) for part in parts if isinstance(part, HeatMap)},
        "tiers": {part.id: _tiers(part) for part in parts if isinstance(part, Clip)},
    }


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode("utf-8", "backslashreplace"), mtime=0)).decode()


def _heard(one: Detection) -> dict[str, Any]:
    hits = [
        [clean(shortened(hit.utterance)), round(hit.onset_s, 3), round(hit.offset_s, 3), hit.correct, hit.media]
        for hit in one.hits
    ]
    return {"title": shortened(one.title), "hits": hits}


def _heat(heat: HeatMap) -> dict[str, Any]:
    weights = [float(f"{weight:.4g}") for weight in heat.weights]
    return {"phones": [shortened(phone, 24) for phone in heat.phones], "codes": heat.codes, "weights": weights}


def _tiers(clip: Clip) -> list[dict[str, Any]]:
    """Tiers of tokens: milliseconds and label; those beyond the first stream of a level are shown when asked for."""
    tiers = [tier for tier in clip.tiers if tier.kind == "tokens"]
    of_system = {tier.system: [one.name for one in tiers if one.system == tier.system] for tier in tiers}
    return [
        {
            "name": shortened(tier.name, 40),
            "system": shortened(tier.system, 40),
            "more": tier.name not in first_of_levels(of_system[tier.system]),
            "runs": [[round(1000 * a), round(1000 * b), shortened(label, 40)] for a, b, label in tier.intervals],
        }
        for tier in tiers
    ]


def data_uri(kind: str, content: bytes) -> str:
    """Bytes as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def svg_uri(svg: str) -> Markup:
    """A picture as an address that may stand between double quotes: half as much longer as base64 would be."""
    return Markup("data:image/svg+xml," + quote(svg, safe=_AS_THEY_ARE))


def width_pt(svg: str) -> float:
    """Width of a picture of `svg_of`, in points."""
    found = _WIDTH.search(svg)
    assert found is not None
    return float(found[1])


def asset(name: str) -> str:
    """A text of the templates' folder."""
    return resources.files("reports").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Jinja2 with everything escaped and cleaned on its way out."""
    made = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    made.filters["name"] = named
    made.filters["digits"] = lambda value: f"{value:.5g}"
    made.filters["layout"] = layout
    made.filters["unbroken"] = unbroken
    made.filters["wrapped"] = wrapped
    made.filters["name_text"] = shortened
    made.filters["json"] = in_script
    made.filters["spoken"] = spoken
    made.filters["whole_numbers"] = whole_numbers
    return made


@pass_context
def named(context: Context, text: str, most: int = 90) -> Markup:
    """A name from a corpus: direction kept to itself; a long one loses its middle and keeps it as a hint."""
    if context.get("pdf"):  # a box less for each cell: the marks that turn text are written out already
        return escape(shortened(text, most))
    if len(text) <= most and text.isascii() and text.isprintable():
        return escape(text)
    if len(text) <= most:
        return Markup("<bdi>{}</bdi>").format(clean(text))
    return Markup('<bdi title="{}">{}</bdi>').format(clean(text), shortened(text, most))


def whole_numbers(text: str) -> Markup:
    """A sentence of at most `SENTENCE` letters whose lines do not break within `(.412 ± .010`."""
    pieces = _NUMBER.split(shortened(text, SENTENCE))
    drawn = (Markup('<span class="whole">{}</span>' if i % 2 else "{}").format(one) for i, one in enumerate(pieces))
    return Markup("").join(drawn)


def spoken(chart: Chart | MatrixChart) -> str:
    """What a chart shows, for those who hear the page: its title and how many numbers; tables and CSV have them all."""
    title = shortened(chart.title, 200)
    if isinstance(chart, MatrixChart):
        return (
            f"{title}: {len(chart.rows)} streams by {len(chart.columns)} factors. The numbers are in the table below."
        )
    names = list(dict.fromkeys(one.name for panel in chart.panels for one in panel.series))
    panels = [panel.title for panel in chart.panels if panel.title]
    parts = [title, f"of {', '.join(names)}", f"panels {', '.join(panels)}" if panels else ""]
    return shortened("; ".join(part for part in parts if part), 400) + ". The numbers are offered as CSV."


def in_script(value: Any) -> Markup:
    """JSON that may stand in a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)
