"""Runs the benchmarks and draws `docs/benchmarks.md`: `python -m benchmarks.page [--only NAME] [--tiny] [--draw-only]`.

Each part runs in a process of its own, one after the other, and leaves a JSON file in `docs/benchmarks/`: what it
found, with machine, versions, date and load. The page is drawn from those files alone, so a part can be run anew, or
left out, without the others. A part whose file is there is not run again unless it is named with `--only` or `--again`
is said. `--tiny` proves that everything runs, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from benchmarks.parts import PARTS, Figure, Part
from hac.files.atomic import write_text

ROOT = Path(__file__).parent.parent
FOLDER, PAGE = ROOT / "docs" / "benchmarks", ROOT / "docs" / "benchmarks.md"
PACKAGES = ("hac-codec", "numpy", "scipy", "numba", "pyarrow", "scikit-learn", "torch", "transformers", "distributed")
QUIET_LOAD, QUIET_SHARE = 0.5, 0.1
"""A load average up to the one, or a share of busy processors up to the other, before a part starts: a machine with
nothing else to do. A part that ran just before leaves its load behind, so the share is the better sign."""

HEAD = """# Benchmarks

Made by `python -m benchmarks.page` (or `make benchmarks`), which runs every part and draws this page; `--only NAME`
runs one part anew, `--draw-only` draws what is there. Each part's findings lie in `docs/benchmarks/NAME.json`.

**Busy** is the share of all processors that other programs used in the three seconds before a part began, **load** the
load average then (to which the part before may have added). Where both are beyond {share:.0%} and {quiet:g}, times by
the clock say little; core-seconds suffer less, ratios of things measured in turn least.
"""


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": (names or [platform.processor() or platform.machine()])[0],
        "logical_cores": psutil.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that do the work."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def run(part: Part, tiny: bool) -> dict[str, Any]:
    """Run a part; what it found, and under which circumstances.

    Raises:
        SystemExit: it failed.
    """
    words = shlex.split(part.tiny if tiny else part.standard)
    busy, load = psutil.cpu_percent(interval=3) / 100, os.getloadavg()[0]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{part.name}: {shlex.join(command[1:])} failed with {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "part": part.name,
        "command": shlex.join(["python", *command[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "busy_before": round(busy, 3),
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
        "wall_s": round(time.perf_counter() - start, 1),
        "core_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "machine": machine(),
        "versions": versions(),
        "found": last_json(done.stdout),
    }


def last_json(text: str) -> Any:
    """The last JSON object that a program printed, on one line or on several.

    Raises:
        ValueError: it printed none.
    """
    lines = text.rstrip().splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("{"):
            return json.loads("\n".join(lines[start:]))
    raise ValueError("the benchmark printed no JSON")


def draw(folder: Path, parts: Sequence[Part] = PARTS) -> str:
    """The page, from the files in a folder."""
    made = [HEAD.format(quiet=QUIET_LOAD, share=QUIET_SHARE)]
    measured = [(part, _read(folder, part)) for part in parts]
    for part, row in measured:
        made.append(f"## {part.title}\n")
        if row is None:
            made.append(f"Not measured yet: `python -m benchmarks.page --only {part.name}`.\n")
            continue
        made.append("| | measured | demand | met |\n|---|---|---|---|")
        made += [line for line in (_line(figure, row["found"]) for figure in part.figures) if line]
        made.append(f"\n{_circumstances(row)}" + (f" {part.note}" if part.note else "") + "\n")
    made += _machines([row for _, row in measured if row is not None])
    return "\n".join(made).rstrip() + "\n"


def _read(folder: Path, part: Part) -> dict[str, Any] | None:
    file = folder / f"{part.name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _line(figure: Figure, found: Any) -> str:
    value = figure.value(found)
    if value is None:
        return ""
    met = "" if figure.met is None else ("yes" if figure.met(value) else "**no**")
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"| {figure.what} | {number} {figure.unit} | {figure.demand} | {met} |".replace("  |", " |")


def _circumstances(row: dict[str, Any]) -> str:
    busy = row.get("busy_before", 1.0)
    quiet = row["load_before"] <= QUIET_LOAD or busy <= QUIET_SHARE
    share = f"busy {busy:.0%}, " if "busy_before" in row else ""
    return (
        f"`{row['command']}`, {row['date']}; {share}load {row['load_before']:g} before"
        f"{'' if quiet else ' (**not a quiet machine**)'}, {row['load_after']:g} after; "
        f"{row['wall_s']:,.0f} s by the clock, {row['core_s']:,.0f} core-seconds in all."
    )


def _machines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Each machine and set of versions once, with the parts that were measured there."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        facts = {**row["machine"], **row["versions"]}
        text = (
            "{processor}, {logical_cores} logical and {physical_cores} physical cores, {memory_gb:g} GB, {system}; "
        ).format(**facts)
        text += ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        seen.setdefault(text, []).append(row["part"])
    return ["## Machine and versions\n", *(f"- {', '.join(parts)}: {text}" for text, parts in seen.items())]


def main() -> None:
    """Run what is asked for, and draw the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [part.name for part in PARTS]
    parser.add_argument("--only", action="append", choices=names, help="run this part, anew; repeatable")
    parser.add_argument("--skip", action="append", choices=names, default=[], help="leave this part out; repeatable")
    parser.add_argument("--again", action="store_true", help="run parts anew whose files are there")
    parser.add_argument("--draw-only", action="store_true", help="run nothing")
    parser.add_argument("--tiny", type=Path, metavar="FOLDER", help="tiny sizes; files and page go into this folder")
    given = parser.parse_args()
    folder, page = (given.tiny, given.tiny / "benchmarks.md") if given.tiny else (FOLDER, PAGE)
    for part in () if given.draw_only else PARTS:
        wanted = part.name in given.only if given.only else given.again or not (folder / f"{part.name}.json").is_file()
        if wanted and part.name not in given.skip:
            print(f"{part.name}: {part.tiny if given.tiny else part.standard}", flush=True)
            row = run(part, given.tiny is not None)
            write_text(folder / f"{part.name}.json", json.dumps(row, indent=1, ensure_ascii=False) + "\n")
            write_text(page, draw(folder))
    write_text(page, draw(folder))
    print(page)


if __name__ == "__main__":
    main()
