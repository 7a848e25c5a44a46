"""Options in groups: several options said once, as the fields of a dataclass, that a command takes as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer and callers see it: with an option for each field of the dataclasses that it takes.

    Fields are annotated as typer wants it; those with `init=False` are no options. Where the signature has a default, a
    value of the dataclass, the defaults of the options are taken from it.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group: Any = parameter.annotation
        is_group = is_dataclass(group)  # mypy would take what it is for an instance
        if not is_group:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        defaults = parameter.annotation() if parameter.default is inspect.Parameter.empty else parameter.default
        names = [field.name for field in fields(group) if field.init]
        groups[parameter.name] = group, names
        hints = get_type_hints(group, include_extras=True)
        for name in names:
            option = {"default": getattr(defaults, name), "annotation": hints[name]}
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, **option))
    signature = inspect.Signature(parameters)

    @wraps(command)
    def flat(**options: Any) -> None:
        given = signature.bind(**options)
        given.apply_defaults()
        values = given.arguments
        for name, (group, names) in groups.items():
            values[name] = group(**{field: values.pop(field) for field in names})
        command(**values)

    flat.__signature__ = signature  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat
