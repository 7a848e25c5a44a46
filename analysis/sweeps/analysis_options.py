"""Which analyses are run and how: options as a file or a command has them, checked against the command line's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from analysis.slices import COMMANDS
from hac.errors import HacError
from hac.files.yaml_config import check_key, relative_to_file

Commands = Mapping[str, Any]
"""Commands of `hac-analyze` by name, as typer (its click) has built them."""
ANALYSES = tuple(command for command, one in COMMANDS.items() if one.in_sweeps)
SET_BY_SUITE = (
    *("ckpt", "tokens", "name", "manifest", "alignments", "output"),
    *("device", "jobs", "shard", "ids", "frame-rate", "codebook-size", "decoded"),
)
"""Options that the suite itself sees to."""


@dataclass(frozen=True)
class Analysis:
    """How one analysis is run.

    Attributes:
        options: values by the options' long names, without dashes.
        words: the same as words of a command line.
    """

    options: Mapping[str, Any]
    words: tuple[str, ...]


def check_analyses(analyses: Mapping[str, Any], commands: Commands, where: str, folder: Path) -> dict[str, Analysis]:
    """The analyses with their options checked; paths among them are taken from `folder`.

    `false` instead of options leaves an analysis out, which a base names.

    Raises:
        HacError: no such analysis or option (the nearest is named), one that the suite sees to, or no value for one.
    """
    checked: dict[str, Analysis] = {}
    for name, given in analyses.items():
        check_key(name, ANALYSES, f"{where}: analyses")
        here = f"{where}: analyses.{name}"
        if given is False:
            continue
        if given is not None and not isinstance(given, Mapping):
            raise HacError(
                f"{here}: expected options such as {{nulls: 20}}, or false to leave it out, found {given!r:.60}"
            )
        known = options_of(commands[name])
        values: dict[str, Any] = {}
        for key, value in (given or {}).items():
            option = str(key).replace("_", "-")
            if option in SET_BY_SUITE:
                raise HacError(f"{here}: {key} cannot be given; the checkpoint, the speech and the place are known")
            check_key(option, known, here)
            values[option] = known[option].resolved(value, folder)
        words = tuple(word for option, value in values.items() for word in known[option].words(value))
        checked[name] = Analysis(values, words)
    return checked


@dataclass(frozen=True)
class Option:
    """What a command's option takes.

    Attributes:
        name: the long one, with dashes.
        denial: the word that denies a flag; None where there is none.
        is_flag: it takes no value.
        multiple: it may be given several times.
        is_path: its value is a file or folder.
    """

    name: str
    denial: str | None
    is_flag: bool
    multiple: bool
    is_path: bool

    def resolved(self, value: Any, folder: Path) -> Any:
        """A path from a folder; a list of an option that stands once, by comma."""
        if self.is_path and value is not None:
            return str(relative_to_file(folder, str(value)))
        if isinstance(value, list) and not self.multiple:
            return ",".join(str(each) for each in value)
        return value

    def words(self, value: Any) -> list[str]:
        """The option with this value on a command line."""
        if self.is_flag:
            flag = self.name if value else self.denial
            return [] if flag is None else [flag]
        if value is None:
            return []
        # with an equals sign, or a value that begins with a dash would be an option
        return [f"{self.name}={each}" for each in (value if isinstance(value, list) else [value])]


def options_of(command: Any) -> dict[str, Option]:
    """The options of a command by their long names without dashes."""
    hints = get_type_hints(command.callback)
    found: dict[str, Option] = {}
    for one in command.params:
        name = next((word for word in one.opts if word.startswith("--")), "")
        if name:
            # typer says of what type a value is in another way from version to version; the function's hint stays
            is_path = Path in (hints[one.name], *get_args(hints[one.name]))
            denial = next(iter(one.secondary_opts), None)
            found[name.removeprefix("--")] = Option(name, denial, one.is_flag, one.multiple, is_path)
    return found
