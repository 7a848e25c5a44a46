"""Debian packages without root: `apt-get download` into a cache, `dpkg-deb -x` beside it.

`apt-get download` checks each file against the archive's signed index, so what is unpacked is what Debian
signed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hac.errors import HacError
from hac.files.atomic import user_cache

_APT_OPTIONS = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30")


def default_cache() -> Path:
    """Where packages are kept between runs: `$XDG_CACHE_HOME/hac/debian`, else `~/.cache/hac/debian`."""
    return user_cache("debian")


def download(package: str, cache: Path) -> Path:
    """Path of the package's .deb in `cache`, downloaded first where it is not there yet.

    Raises:
        HacError: apt-get is missing, knows no such package, or cannot reach the archive.
    """
    held = sorted(cache.glob(f"{package}_*.deb"))
    if held:
        return held[-1]
    cache.mkdir(parents=True, exist_ok=True)
    # apt-get writes under the final name from the first byte on: only a finished file may enter the cache
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as scratch:
        _run(["apt-get", *_APT_OPTIONS, "download", package], Path(scratch), package)
        fetched = sorted(Path(scratch).glob(f"{package}_*.deb"))
        if not fetched:
            raise HacError(f"apt-get download {package} ended without a .deb file; try the same command by hand")
        target = cache / fetched[-1].name
        fetched[-1].replace(target)
    return target


def unpack(deb: Path, cache: Path) -> Path:
    """Folder with the package's files, unpacked first where it is not there yet.

    Raises:
        HacError: dpkg-deb is missing or the archive is damaged.
    """
    target = cache / "unpacked" / deb.stem
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
        content = Path(scratch) / "content"
        _run(["dpkg-deb", "-x", str(deb.resolve()), str(content)], Path(scratch), deb.name)
        content.replace(target)
    return target


def _run(command: list[str], folder: Path, what: str) -> None:
    if shutil.which(command[0]) is None:
        raise HacError(
            f"{command[0]} was not found: this corpus comes from Debian's own packages, so it needs"
            " Debian or a distribution made from it; elsewhere `hac corpus builtin DIR` needs no packages"
        )
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise HacError(_explain(command[0], what, result.stderr))


def _explain(program: str, what: str, log: str) -> str:
    errors = [line[2:].strip() for line in log.splitlines() if line.startswith("E:")]
    last = (errors or log.strip().splitlines() or ["it gave no reason"])[-1]
    if program == "dpkg-deb":
        return f"{what} cannot be unpacked ({last}); remove it from the cache and run the command again"
    if "Unable to locate" in log or "No packages found" in log:
        return (
            f"apt-get knows no package {what}: its lists are missing or old; run `apt-get update` (as root)"
            " once, or leave this set out with --sets"
        )
    return (
        f"apt-get could not download {what} ({last}); this needs the network once, after that the cached"
        " packages are used; offline, `hac corpus builtin DIR` needs neither"
    )
