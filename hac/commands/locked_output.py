"""Commands that are alone where they write; see `hac.files.output_lock`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

Command = Callable[..., None]


def exclusive(
    *folders: str, files: Sequence[str] = (), either: Sequence[str] = (), by_rank: bool = False
) -> Callable[[Command], Command]:
    """Hold the places that a command writes while it runs.

    Args:
        folders: arguments of the command that name folders; those that are None are left out.
        files: arguments that name single files.
        either: arguments that name a Parquet file, or a folder.
        by_rank: whether several processes are one run (`torchrun`): then the first of them holds for all.
    """

    def hold(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)

        @wraps(command)
        def held(*args: Any, **kwargs: Any) -> None:
            if by_rank and os.environ.get("RANK", "0") != "0":
                command(*args, **kwargs)
                return
            from hac.files.output_lock import locked

            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            named = {name: given.arguments[name] for name in (*folders, *files, *either)}
            places = {name: Path(place) for name, place in named.items() if place is not None}
            as_files = {name for name in places if name in files or (name in either and _is_file(places[name]))}
            with locked([places[n] for n in places if n not in as_files], [places[n] for n in places if n in as_files]):
                command(*args, **kwargs)

        held.__dict__["is_exclusive"] = True
        return held

    return hold


def _is_file(place: Path) -> bool:
    return place.suffix == ".parquet"
