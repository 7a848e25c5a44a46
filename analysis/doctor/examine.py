"""What of the world outside is there, and works: one row a part.

Every trial runs in a process of its own, so that one that crashes, hangs or prints is a row like the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from analysis.doctor.parts import PARTS, Part
from analysis.doctor.trials import Found, Missing, load
from analysis.parallel import cores
from hac.console import progress

TIMEOUT_S = 300
"""Seconds for one trial: importing torch and transformers took 25 s on a busy machine."""
MARK = "hac-doctor "
"""Begins the line that holds a trial's answer: libraries print what they like before it."""

State = Literal["found", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a part.

    Attributes:
        part: its name.
        state: found (and works), missing, or broken (there, and does not work).
        version: where it was found.
        detail: what it is, or what is wrong.
        needed_for: what does not work without it.
        get: how to get or mend it.
        is_plain: whether every installation must have it.
    """

    part: str
    state: State
    version: str
    detail: str
    needed_for: str
    get: str
    is_plain: bool

    @property
    def is_trouble(self) -> bool:
        """Whether the installation cannot be used so."""
        return self.is_plain and self.state != "found"


def examine(parts: Sequence[Part] = PARTS, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Look at every part, in processes; a trial that takes longer than `timeout_s` is a broken part."""
    found = []
    with ThreadPoolExecutor(cores()) as pool, progress("trying parts", len(parts)) as advance:
        for finding in pool.map(lambda part: _apart(part, timeout_s), parts):
            found.append(finding)
            advance(1)
    return found


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for a program."""
    return {
        "schema": "hac-doctor/1",
        "works": not any(finding.is_trouble for finding in findings),
        "parts": [asdict(finding) for finding in findings],
    }


def _apart(part: Part, timeout_s: float) -> Finding:
    """A part's finding, made in a process of its own."""
    # -P: what lies in the folder where the user stands is no module
    command = [sys.executable, "-P", "-m", "analysis.doctor", part.name]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return _finding(part, "broken", f"no answer within {timeout_s:g} s")
    lines = done.stdout.decode(errors="replace").splitlines()
    answer = next((line for line in reversed(lines) if line.startswith(MARK)), None)
    if answer is None:
        output = done.stderr.decode(errors="replace").strip().splitlines()
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        return _finding(part, "broken", f"its process ended with {how}{': ' + output[-1] if output else ''}")
    state, version, detail = json.loads(answer.removeprefix(MARK))
    return _finding(part, state, detail, version)


def look(part: Part) -> Finding:
    """A part's finding, made in this process: for what runs in a process of its own already."""
    try:
        module, version = load(part.package, part.module) if part.package else (None, "")
        found = part.trial(module) if part.trial is not None else None
    except Missing as error:
        return _finding(part, "missing", str(error))
    except Exception as error:  # whatever a broken library may raise is what we are here to tell
        return _finding(part, "broken", f"{type(error).__name__}: {error}")
    version, detail = found if isinstance(found, Found) else (version, found or "")
    return _finding(part, "found", detail, version)


def _finding(part: Part, state: State, detail: str, version: str = "") -> Finding:
    one_line = " ".join(detail.split())
    return Finding(part.name, state, version, one_line, part.needed_for, part.get, part.is_plain)
