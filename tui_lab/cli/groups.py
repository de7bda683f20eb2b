"""Groups of commands that are made from a catalogue, one by one, when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from tui_lab.hyperparameters import Declaration
    from tui_lab.labs.exercise import Exercise


def made_group(
    help: str,
    names: Callable[[], Iterable[str]],
    make: Callable[[str], typer.Typer],
    listing: Callable[..., None] | None = None,
) -> typer.Typer:
    """A Typer app with a command for each name.

    Args:
        help: of the group.
        names: of its commands, in order.
        make: the app of one command; a UsageError for an unknown name.
        listing: runs where no command is named; by default the help is shown.
    """

    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(names())

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if ctx.resilient_parsing and cmd_name not in names():  # completion asks about half a name
                return None
            command = typer.main.get_command(make(cmd_name))
            command.name = cmd_name  # a group has none of its own, and the help lists it
            return command

    def no_listing() -> None:
        pass

    group = typer.Typer(
        cls=Group, help=help, no_args_is_help=listing is None, add_completion=False, rich_markup_mode="rich"
    )
    group.callback(help=help, invoke_without_command=listing is not None)(listing or no_listing)
    return group


def command_with_flags(
    name: str, function: Callable[..., None], declarations: Mapping[str, Declaration]
) -> typer.Typer:
    """The app of one command: `function` with a flag for each declaration; see `with_flags`."""
    from tui_lab.cli.flags import with_flags

    single = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    single.command(name)(with_flags(function, declarations))
    return single


def exercise_group(help: str, make: Callable[[Exercise], Callable[..., None]]) -> typer.Typer:
    """A Typer app with a command for each exercise, which has a flag for each of its hyperparameters.

    Args:
        help: of the group.
        make: the function of one exercise, which takes the values of the typed flags in its parameter `given`.
    """

    def names() -> Iterable[str]:
        from tui_lab.labs.catalogue import EXERCISES

        return EXERCISES

    def command(name: str) -> typer.Typer:
        exercise = exercise_called(name)
        function = make(exercise)
        function.__doc__ = f"{exercise.title} (lab {exercise.lab})."
        return command_with_flags(name, function, exercise.declarations)

    return made_group(help, names, command)


def exercise_called(name: str) -> Exercise:
    """As `find_exercise`; whoever names a preset is told what to do with it."""
    from tui_lab import paths
    from tui_lab.errors import UsageError
    from tui_lab.labs.catalogue import EXERCISES, find_exercise

    if name not in EXERCISES:
        from tui_lab.presets import is_preset

        if is_preset(name, paths.home_dir()):
            hint = f"`tui-lab presets show {name}` tells about it, `tui-lab run {name}` trains it."
            raise UsageError(f"{name} is a preset, not an exercise.", hint)
    return find_exercise(name)
