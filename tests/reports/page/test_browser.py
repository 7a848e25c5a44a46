"""The page in a real browser: no errors, no requests, sounds that play, tables and maps that sort, readable for all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reports.browser import Browser, axe_source, browser
from tests.reports.report_worlds import SCRIPT, SYSTEMS

OPEN_ALL = "document.querySelectorAll('main details').forEach((d) => { d.open = true; })"


@pytest.fixture(scope="module")
def page(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile_page(hostile_html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile-page") / "report.html"
    path.write_text(hostile_html, encoding="utf-8", errors="backslashreplace")
    return path


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))


@pytest.fixture(autouse=True)
def silent(tab: Browser) -> Iterator[None]:
    """After every test: the console says nothing, and nothing but the page itself was asked for."""
    yield
    tab.heard()
    assert not tab.messages
    assert not [url for url in tab.requests if not url.startswith(("file:///", "data:", "blob:"))]
    assert len({url for url in tab.requests if url.startswith("file:")}) <= 2


def test_a_player_plays_and_the_cursor_moves_with_it(tab: Browser, page: Path) -> None:
    tab.open(page)
    # stopped halfway, however late we look: at its end no label is lit
    stop = "a.addEventListener('timeupdate', () => a.currentTime > a.duration / 2 && a.pause());"
    tab.run(f"const a = document.querySelector('.clip audio'); {stop} a.currentTime = 0; a.play();")
    tab.until("const a = document.querySelector('.clip audio'); return a.paused && a.currentTime > a.duration / 2")
    assert tab.until("return parseFloat(document.querySelector('.clip .cursor').style.left)") > 0
    assert tab.until("return document.querySelectorAll('.clip .track > .on').length") >= 1


def test_another_condition_shows_its_own_spectrogram_and_silences_the_first(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.run("const [a, b] = document.querySelectorAll('.clip audio'); a.play(); setTimeout(() => b.play(), 100);")
    tab.until("return document.querySelectorAll('.clip audio')[1].currentTime > 0.1")
    assert tab.run("return document.querySelectorAll('.clip audio')[0].paused")
    shown = "return [...document.querySelectorAll('.clip')[0].querySelectorAll('.picture')].map((n) => !n.hidden)"
    assert tab.run(shown) == [False, True, False, False]


def test_a_click_into_the_tiers_jumps_there(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.run(
        "const t = document.querySelector('.clip .labels .track'); t.scrollIntoView();"
        "const b = t.getBoundingClientRect();"
        "t.dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: b.left + b.width * 0.75}))"
    )
    assert tab.until("return document.querySelector('.clip audio').currentTime") >= 0.75 * 1.2 - 0.05


def test_a_click_into_the_spectrogram_jumps_there(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.run(
        "const t = document.querySelector('.clip .picture:not([hidden]) .track'); t.scrollIntoView();"
        "const b = t.getBoundingClientRect();"
        "t.firstElementChild.dispatchEvent("
        "new MouseEvent('click', {bubbles: true, clientX: b.left + b.width / 2}))"
    )
    assert tab.until("return document.querySelector('.clip audio').currentTime") >= 0.5 * 1.2 - 0.05
    at = tab.until("return parseFloat(document.querySelector('.clip .cursor').style.left)")
    box = tab.run("const t = document.querySelector('.clip .labels .track'); return [t.offsetLeft, t.offsetWidth]")
    assert at >= box[0] + 0.4 * box[1]


def test_time_can_be_drawn_wider(tab: Browser, page: Path) -> None:
    tab.open(page)
    wide = "return document.querySelector('.clip .timeline').getBoundingClientRect().width"
    before = tab.run(wide)
    tab.run("document.querySelector('.clip [data-wider=\"2\"]').click()")
    assert tab.run(wide) == pytest.approx(2 * before, rel=0.01)
    assert tab.run("return document.documentElement.scrollWidth") <= 1440
    tab.run("document.querySelector('.clip [data-wider=\"0.5\"]').click()")
    assert tab.run(wide) == pytest.approx(before, rel=0.01)


def test_a_word_plays_its_detections_one_after_another(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.run("document.querySelector('#words .word').click()")
    tab.until("return document.getElementById('voice').currentTime > 0.1")
    first = tab.run("return document.getElementById('voice').dataset.media")
    assert tab.run("return document.querySelectorAll('#words .heard:not([hidden]) li').length") == 2
    tab.until(f"return document.getElementById('voice').dataset.media !== '{first}'")
    tab.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    assert tab.run("return document.getElementById('voice').paused")


def test_the_heat_map_sorts_zooms_and_is_read_by_keys(tab: Browser, page: Path, runs: Path) -> None:
    tab.open(page)
    tab.run(OPEN_ALL)
    codes = "return document.querySelector('.heat').dataset.codes.split(' ').map(Number)"
    choose = (
        "const s = document.querySelector(`.heat [data-sort='${arguments[0]}']`); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change'))"
    )
    tab.run(choose, "codes", "code")
    by_number = tab.run(codes)
    assert by_number == sorted(by_number)
    tab.run(choose, "codes", "share")
    shares = [float(shares_of(runs)[code]) for code in tab.run(codes)]
    assert shares == sorted(shares, reverse=True)
    wide = "return document.querySelector('.heat canvas').getBoundingClientRect().width"
    before = tab.run(wide)
    tab.run("document.querySelector('.heat [data-zoom=\"2\"]').click()")
    assert tab.run(wide) == pytest.approx(2 * before, rel=0.01)
    tab.run(choose, "phones", "name")
    names = tab.run(
        "return [...document.querySelector('.heat .phones').querySelectorAll('button')].map((b) => b.textContent)"
    )
    assert names == sorted(names)
    tab.run("document.querySelector('.heat .phones').querySelectorAll('button')[2].click()")
    said = tab.run("return document.querySelector('.heat .now').textContent")
    assert f"phone {names[2]}: P " in said
    press = "document.querySelector('.heat .map').dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0]}))"
    tab.run(press, "ArrowRight")
    assert tab.run("return document.querySelector('.heat .now').textContent") != said


def test_a_heat_map_that_was_closed_is_drawn_when_it_is_opened(tab: Browser, page: Path) -> None:
    tab.open(page)
    is_open = tab.run("return [...document.querySelectorAll('.heat')].map((box) => box.open)")
    assert sum(is_open) == 1
    closed = is_open.index(False)
    tab.run(f"document.querySelectorAll('.heat > summary')[{closed}].click()")
    size = f"const b = document.querySelectorAll('.heat canvas')[{closed}].getBoundingClientRect();"
    tab.until(f"{size} return b.width > 500 && b.height > 50")


def test_the_heat_map_and_words_work_by_real_keys_alone(tab: Browser, page: Path) -> None:
    """Keys go through the browser's own focus, not as made-up events."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    tab.open(page)
    tab.run("document.querySelector('.heat[open] .map').scrollIntoView()")
    box = tab.driver.find_element(By.CSS_SELECTOR, ".heat[open] .map")
    box.send_keys(Keys.ARROW_DOWN)
    first = tab.run("return document.querySelector('.heat[open] .now').textContent")
    assert first.startswith("code ")
    box.send_keys(Keys.ARROW_DOWN)
    assert tab.run("return document.querySelector('.heat[open] .now').textContent") != first
    assert tab.run("return document.getElementById('status').textContent").startswith("code ")
    wide = "return document.querySelector('.heat[open] canvas').getBoundingClientRect().width"
    before = tab.run(wide)
    box.send_keys("+")
    assert tab.run(wide) == pytest.approx(2 * before, rel=0.01)
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert tab.run(outline) == "solid"
    tab.driver.find_element(By.CSS_SELECTOR, "#words .word").send_keys(Keys.ENTER)
    tab.until("return document.getElementById('voice').currentTime > 0.05")
    tab.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert tab.run("return document.getElementById('voice').paused")


def table_of(runs: Path) -> list[dict[str, str]]:
    """P(phone | code) as the run has it."""
    with (runs / "plain-a" / "pnmi" / "phone_given_code.phonetic.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shares_of(runs: Path) -> dict[int, str]:
    """Share of the time of each code."""
    return {int(row["code"]): row["share"] for row in table_of(runs)}


def test_the_numbers_of_the_heat_map_are_those_of_the_file(tab: Browser, page: Path, runs: Path) -> None:
    """What the pixels say of the surest code is what the run's table says."""
    table = {int(row["code"]): {p: float(x) for p, x in list(row.items())[2:]} for row in table_of(runs)}
    tab.open(page)
    said = tab.run(
        "document.querySelector('.heat .map').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}));"
        "return document.querySelector('.heat .now').textContent"
    )
    code, phone = int(said.split()[1]), said.split("most likely ")[1].split(",")[0]
    assert table[code][phone] == max(table[code].values())
    assert float(said.rsplit(", ", 1)[1]) == pytest.approx(table[code][phone], abs=0.006)


def test_a_table_sorts_by_the_head_that_is_chosen(tab: Browser, page: Path) -> None:
    tab.open(page)
    values = "return [...document.querySelectorAll('#table-pnmi tbody tr')].map((r) => Number(r.cells[6].dataset.v))"
    tab.run("document.querySelectorAll('#table-pnmi th button')[6].click()")
    found = tab.run(values)
    assert found == sorted(found)
    tab.run("document.querySelectorAll('#table-pnmi th button')[6].click()")
    assert tab.run(values) == found[::-1] or tab.run(values) == sorted(found, reverse=True)
    assert tab.run("return document.querySelectorAll('#table-pnmi th')[6].getAttribute('aria-sort')") == "descending"


def test_downloads_are_made_in_the_page(tab: Browser, page: Path, runs: Path) -> None:
    tab.open(page)
    tab.run(
        "window.saved = {}; URL.createObjectURL = (blob) => { window.last = blob; return 'data:,'; };"
        "HTMLAnchorElement.prototype.click = function () {"
        " window.last.text().then((t) => { saved[this.download] = t; }); };"
        "document.querySelector('[data-file=\"table-pnmi.csv\"]').click();"
        "setTimeout(() => document.querySelector('[data-svg=\"chart-pnmi\"]').click(), 200);"
        "setTimeout(() => document.querySelector('[data-file=\"table-pnmi.tex\"]').click(), 300);"
        "setTimeout(() => document.querySelector('[data-heat]').click(), 400)"
    )
    assert str(tab.until("return window.saved['table-pnmi.csv']")).startswith("system,stream,silence,")
    assert "<svg" in tab.until("return window.saved['chart-pnmi.svg']")
    assert r"\toprule" in tab.until("return window.saved['table-pnmi.tex']")
    head, first, *_ = str(
        tab.until("return Object.entries(window.saved).find(([name]) => name.startsWith('heat'))?.[1]")
    ).splitlines()
    assert head == "code,share_of_time,phone,p_phone_given_code"
    code, share, phone, value = first.split(",")
    row = next(row for row in table_of(runs) if row["code"] == code)
    assert float(share) == pytest.approx(float(row["share"]), rel=1e-3)
    assert float(value) == pytest.approx(float(row[phone.strip('"')]), abs=0.003)


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_page(tab: Browser, page: Path, hostile_page: Path, width: int) -> None:
    for path in (page, hostile_page):
        tab.open(path, width)
        assert tab.run("return document.documentElement.scrollWidth") <= width


def test_the_verdict_is_read_on_a_phone_without_scrolling_sideways(tab: Browser, page: Path) -> None:
    tab.open(page, 390)
    box = tab.run("const b = document.querySelector('#verdict .scroll'); return [b.scrollWidth, b.clientWidth]")
    assert box[0] <= box[1]
    heads = "return [...document.querySelectorAll('#table-verdict td:nth-child(3)')].map((td) => td.dataset.head)"
    assert set(tab.run(heads)) == {SYSTEMS[0]}


def test_on_a_phone_figures_fit_and_what_is_cut_says_so(tab: Browser, page: Path) -> None:
    tab.open(page, 390)
    cut = (
        "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 12)"
        ".map((box) => [box.className, box.previousElementSibling.checkVisibility(), box.closest('.part').className])"
    )
    found = tab.run(cut)
    assert any("table" in kind for *_, kind in found)
    assert all("wider" in name and hint for name, hint, _ in found), found
    assert not any("chart" in kind for *_, kind in found)
    assert tab.run(
        "return [...document.querySelectorAll('.sideways')].filter((p) => p.checkVisibility()).length"
    ) == len(found)
    tab.run("document.querySelector('#chart-pnmi [data-large]').click()")
    assert any("chart" in kind and hint for _, hint, kind in tab.run(cut))
    tab.run("const box = document.querySelector('#chart-pnmi .scroll'); box.scrollLeft = box.scrollWidth")
    tab.until("return document.querySelector('#chart-pnmi .scroll').classList.contains('at-end')")


def test_on_a_phone_the_sections_stay_at_hand(tab: Browser, page: Path) -> None:
    tab.open(page, 390)
    tab.run("document.documentElement.style.scrollBehavior = 'auto'")
    assert not tab.run("return document.querySelector('nav details').open")
    tab.run("document.querySelector('#usage').scrollIntoView()")
    assert tab.run("return document.querySelector('nav').getBoundingClientRect().top") == 0
    tab.run("document.querySelector('nav summary').click(); document.querySelector('nav a[href=\"#listen\"]').click()")
    # the section's head is below the bar, and the list is out of the way
    tab.until(
        "const bar = document.querySelector('nav').getBoundingClientRect().bottom;"
        "const head = document.querySelector('#listen').getBoundingClientRect().top;"
        "return head >= bar - 1 && head < bar + 60 && !document.querySelector('nav details').open"
    )


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_the_accessibility_checker_finds_nothing(tab: Browser, page: Path, axe: str, width: int, dark: bool) -> None:
    tab.open(page, width, dark)
    tab.run(OPEN_ALL)
    tab.run("document.querySelector('#words .word').click()")
    assert tab.violations(axe) == []


def test_dark_is_dark_and_the_button_turns_it(tab: Browser, page: Path) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    tab.open(page, dark=True)
    assert tab.run(paper) == "rgb(20, 24, 29)"
    tab.run("document.getElementById('theme').click()")
    assert tab.run(paper) == "rgb(255, 255, 255)"


def test_hostile_names_do_nothing(tab: Browser, hostile_page: Path) -> None:
    tab.open(hostile_page)
    tab.run("document.querySelector('#words .word').click()")
    tab.until("return document.getElementById('voice').currentTime > 0.05")
    assert tab.run("return document.title") != "owned"
    assert tab.run("return document.querySelectorAll('script').length") == 2
    text = tab.run("return document.body.textContent")
    assert SCRIPT in text
    assert tab.run("return document.querySelectorAll('main b').length") == 0
