"""`tui-lab models`: the networks of timm that the exercise `timm` can train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson

if TYPE_CHECKING:
    from tui_lab.labs.timm_models import Size, TimmModel

SIZED = 12  # models that are built, to count their parameters, unless all are asked for


def models(
    pattern: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Words that the names have in them.")
    ] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Only those with pretrained weights.")] = False,
    sizes: Annotated[
        bool, typer.Option("--sizes", help=f"Count parameters and blocks of more than {SIZED} models too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """timm's image models, for tui-lab train timm --model NAME: input size, parameters, pretrained weights."""
    from tui_lab.cli.output import print_json, say
    from tui_lab.errors import UsageError, nearest
    from tui_lab.labs.timm_models import find_models, sizes_of, timm_models

    known = timm_models()
    words = " ".join(pattern or [])
    found = [model for model in find_models(words, known) if model.is_pretrained or not pretrained]
    if not found:
        raise UsageError(f"timm has no model with {words!r} in its name.", nearest(words, known))
    are_sized = sizes or len(found) <= SIZED
    counted = sizes_of([model.name for model in found]) if are_sized else {}
    if as_json:
        print_json([_as_json(model, counted.get(model.name)) for model in found])
        return
    _print(found, counted)
    if not are_sized:
        say(f"{len(found):,} models. Parameters and blocks are counted for up to {SIZED}, or with --sizes.")


def _as_json(model: TimmModel, size: Size | None) -> dict[str, Any]:
    counted = {} if size is None else {"parameters": size.parameters, "blocks": size.blocks}
    return {"name": model.name, "image_size": model.side, **counted, "pretrained": list(model.tags)}


def _print(found: list[TimmModel], counted: dict[str, Size]) -> None:
    from rich.text import Text

    from tui_lab.cli.output import data_console, table

    of_size = (">parameters", ">blocks") if counted else ()
    made = table("model", ">image", *of_size, "pretrained weights")
    made.columns[0].no_wrap = True
    for model in found:
        size = counted.get(model.name)
        numbers = (f"{size.parameters:,}", f"{size.blocks}") if size else ("-", "-")
        tags = Text(", ".join(model.tags) or "none", style="" if model.tags else "dim")
        made.add_row(Text(model.name, style="bold"), f"{model.side}", *(numbers if counted else ()), tags)
    data_console().print(made)
