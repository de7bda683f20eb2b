"""Typed flags from the declarations of hyperparameters.

A command function with the right signature is made for each exercise, when somebody asks for it; Typer does the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from tui_lab.hyperparameters import Declaration

METAVARS = {int: "INT", float: "FLOAT", str: "TEXT", list: "INT,INT,..."}


def with_flags(
    function: Callable[..., None], declarations: Mapping[str, Declaration], given: str = "given"
) -> Callable[..., None]:
    """A function whose signature has a flag for every hyperparameter, besides `function`'s own parameters.

    It calls `function` with the parsed values of the flags that were typed, as a dict in its parameter `given`.
    """
    own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.name != given]
    flags = [_parameter(declaration) for declaration in declarations.values()]

    def command(**arguments: Any) -> None:
        typed = {name: arguments.pop(name) for name in declarations}
        values = {name: _value(declarations[name], value) for name, value in typed.items() if value is not None}
        function(**arguments, **{given: values})

    command.__doc__ = function.__doc__
    signature = inspect.Signature([*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *flags])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command


def _parameter(declaration: Declaration) -> inspect.Parameter:
    d = declaration
    if d.type is bool:
        names, metavar = [f"{d.flag}/--no{d.flag[1:]}"], None
    else:
        names, metavar = [d.flag], "|".join(d.choices) if 0 < len(d.choices) <= 3 else METAVARS[d.type]
    choices = list(d.choices) + (["true", "false"] if d.type is bool else [])
    option = typer.Option(
        *names,
        help=f"{_escaped(d.help)} [dim]\\[{_default(d)}{'; ' + _escaped(d.allowed) if _needs_range(d) else ''}][/dim]",
        metavar=metavar,
        rich_help_panel=d.topic,
        show_default=False,
        autocompletion=(lambda incomplete: [c for c in choices if c.startswith(incomplete)]) if d.choices else None,
    )
    kind: Any = bool if d.type is bool else str
    return inspect.Parameter(
        d.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _needs_range(declaration: Declaration) -> bool:
    return declaration.type in (int, float) or len(declaration.choices) > 3 or declaration.name == "device"


def _default(declaration: Declaration) -> str:
    value = declaration.default
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else str(value) or "none"


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


def _value(declaration: Declaration, typed: Any) -> Any:
    return declaration.parse(typed) if isinstance(typed, str) else typed


def assignments(pairs: list[str], declarations: Mapping[str, Declaration]) -> dict[str, Any]:
    """The values of `--set name=value` options. Names may be written with dashes.

    Raises UsageError for what is no assignment; unknown names and bad values are found on validation.
    """
    from tui_lab.errors import UsageError

    values: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--set {pair!r} is not of the form name=value.", "For example: --set lr=0.1")
        key = name.strip().removeprefix("--").replace("-", "_")
        values[key] = declarations[key].parse(text) if key in declarations else text
    return values
