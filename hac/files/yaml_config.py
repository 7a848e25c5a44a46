"""YAML configurations: files that include others, changes from the command line, keys checked by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hac.errors import HacError
from hac.files.parsing import load_yaml

Localize = Callable[[dict[str, Any], Path], dict[str, Any]]


def read_yaml(path: Path, what: str, localize: Localize | None = None, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read one YAML mapping; `base: other.yaml` in it includes a file beside it first, the including file winning.

    Mappings inside are merged key by key, anything else is replaced; `key: null` removes what the base says.

    Args:
        what: what it configures, for errors, such as `model configuration`.
        localize: makes what one file says independent of the folder it lies in: called with its mapping and folder.
        seen: files that include this one.

    Raises:
        HacError: no such file, no YAML mapping, or a file that includes itself.
    """
    path = Path(path)
    try:
        values = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HacError(f"{path}: no such {what}; the shipped ones are in configs/") from error
    except (OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, Mapping):
        raise HacError(f"{path}: expected a YAML mapping, a {what}, found {type(values).__name__}")
    own = dict(values) if localize is None else localize(dict(values), path.parent)
    base = own.pop("base", None)
    if base is None:
        return own
    base_path = relative_to_file(path.parent, str(base))
    if base_path in (*seen, path.resolve()):
        raise HacError(f"{path}: includes itself through base: {base}")
    return merged(read_yaml(base_path, what, localize, (*seen, path.resolve())), own)


def relative_to_file(folder: Path, name: str) -> Path:
    """A file that a configuration names, from the folder it lies in.

    Raises:
        HacError: no file can have such a name.
    """
    try:
        return Path(folder, name).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a null byte, half a character, a link to itself
        raise HacError(f"{name!r:.60}: no file has such a name ({error}); expected the path of a file") from error


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` overridden by `changes`, mappings merged key by key."""
    result = dict(values)
    for key, change in changes.items():
        present = result.get(key)
        both = isinstance(present, Mapping) and isinstance(change, Mapping)
        result[key] = merged(present, change) if both else change  # type: ignore[arg-type]
    return result


def parse_changes(assignments: Sequence[str]) -> dict[str, Any]:
    """`a.b=c` from the command line, each value read as YAML, as nested mappings.

    Raises:
        HacError: no `=`, an empty key, or a value that is no YAML.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        keys = name.strip().split(".")
        if not separator or not all(keys):
            raise HacError(f"--set {assignment}: expected KEY.KEY=VALUE, such as --set optimizer.learning_rate=3e-4")
        try:
            value: Any = _number(load_yaml(text))
        except ValueError as error:
            raise HacError(f"--set {assignment}: {text!r} cannot be read as a YAML value") from error
        for key in reversed(keys):
            value = {key: value}
        changes = merged(changes, value)
    return changes


def check_key(key: str, known: Collection[str], where: str) -> None:
    """Refuse a key that is not known, and propose the nearest one.

    Raises:
        HacError: the key is unknown.
    """
    if key not in known:
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        raise HacError(f"{where}: unknown key {key!r}; {hint}")


def _number(value: Any) -> Any:
    """YAML 1.1 takes `3e-4` for text; whoever types it means a number."""
    if isinstance(value, str) and value[:1] in "0123456789+-.":
        try:
            return float(value)
        except ValueError:
            return value
    return value
