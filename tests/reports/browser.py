"""A real browser without a screen: Debian's chromium and its driver, where they are there."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

AXE = "axe-core@4.10.3"
"""The accessibility checker, by npm's name."""
WAIT_S = 300.0


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser, or the reason for skipping the test."""
    pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if None in programs:
        pytest.skip("no chromium and chromedriver here: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"):
        options.add_argument(flag)
    options.add_argument("--autoplay-policy=no-user-gesture-required")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    driver.set_script_timeout(WAIT_S)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What tests do with a page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.requests: list[str] = []
        self.messages: list[str] = []

    def open(self, path: Path, width: int = 1440, dark: bool = False) -> None:
        """Open a page from disk."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(path.as_uri())
        self.until("return [...document.querySelectorAll('.heat')].every((box) => box.querySelector('canvas'))")

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str) -> Any:
        """Wait until a script returns something true."""
        end = time.monotonic() + WAIT_S
        while not (found := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)
        return found

    def heard(self) -> None:
        """Take in what the browser logged and asked for since the last time."""
        self.messages += [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def violations(self, axe: str) -> list[str]:
        """What the accessibility checker finds, a line each."""
        self.run(axe)
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})"
            ".then((r) => done(r.violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html)])))"
        )
        return [f"{id}: {help} {nodes}" for id, help, nodes in found]


def axe_source(folder: Path, run: Callable[..., Any] = subprocess.run) -> str:
    """The accessibility checker's program, from npm's registry; skips the test where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"no npm here to get {AXE} with")
    done = run([npm, "pack", AXE, "--silent"], cwd=folder, capture_output=True, text=True, timeout=WAIT_S)
    packed = next(folder.glob("axe-core-*.tgz"), None)
    if done.returncode or packed is None:
        pytest.skip(f"npm cannot get {AXE} here")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode("utf-8")
