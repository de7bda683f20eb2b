"""`tui-lab inspect`: what was seen inside a run's model, listed, drawn, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson, OneRun
from tui_lab.cli.completion import complete_inspection
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from rich.text import Text

    from tui_lab.inspections.content import (
        AttentionMaps,
        Confusion,
        Content,
        FeatureMaps,
        Rollout,
        TokenPath,
        TopLoss,
    )
    from tui_lab.runs.directory import RunDirectory
    from tui_lab.runs.status import Status

    OfSamples = FeatureMaps | AttentionMaps | Rollout | TokenPath

OF_SAMPLES = ("feature-maps", "attention", "rollout", "class-token")  # of which one image is seen at a time
OF_TRANSFORMERS = "It is of runs of vit, and of timm with a plain vision transformer"


def inspect(
    context: typer.Context,
    run: OneRun,
    what: Annotated[
        str | None,
        typer.Argument(metavar="WHAT", help="confusion, samples, ...", autocompletion=complete_inspection),
    ] = None,
    cell: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="TRUE PREDICTED", help="Of confusion: samples of one class taken for another."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="I", help="Of feature-maps, attention, rollout, class-token: which image; 1 is the first."
        ),
    ] = None,
    block: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Of attention and rollout: which block; else the last.")
    ] = None,
    head: Annotated[
        int | None, typer.Option(min=1, metavar="H", help="Of attention: which head; else the mean of all.")
    ] = None,
    misclassified: Annotated[
        bool, typer.Option("--misclassified", help="Of top-loss: only the misclassified samples.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look inside a run: confusion matrix, worst errors, filters, feature maps, decision boundary, hidden units,
    layers, the first epoch, standardisation, gradient check, attention maps and rollout, class token, positions.

    Without WHAT, list what the run has.
    """
    from tui_lab.errors import UsageError
    from tui_lab.inspections.catalogue import read_inspections

    found = places(context).store.find(run)
    if what is not None:
        _check_name(what)
    for is_given, option, owners, form in (
        (cell is not None, "--cell", ("confusion",), "--cell TRUE PREDICTED"),
        (sample is not None, "--sample", OF_SAMPLES, "--sample I"),
        (block is not None, "--block", ("attention", "rollout"), "--block K"),
        (head is not None, "--head", ("attention",), "--head H"),
        (misclassified, "--misclassified", ("top-loss",), "--misclassified"),
    ):
        if is_given and what not in owners:
            raise UsageError(f"{option} belongs to {', '.join(owners)}.", f"tui-lab inspect {run} {owners[0]} {form}")
    contents = read_inspections(found)
    if not contents:
        raise UsageError(*_why_none(found.id, found.read_status()))
    if what is None:
        _list(found, contents, as_json=as_json)
    elif what not in contents:
        raise UsageError(f"Run {found.id} has no {what}. {_missing(what)}", f"It has {', '.join(contents)}.")
    elif cell is not None:
        _print_cell(contents[what], *cell, as_json=as_json)
    elif sample is not None or block is not None or head is not None:
        _print_of_sample(contents[what], sample or 1, block, head or 0, as_json=as_json)
    elif misclassified:
        _print_misclassified(contents[what], as_json=as_json)
    else:
        _print(what, contents[what], as_json=as_json)


def _check_name(what: str) -> None:
    from tui_lab.errors import UsageError, nearest
    from tui_lab.inspections.catalogue import INSPECTIONS

    if what not in INSPECTIONS:
        raise UsageError(
            f"There is no inspection {what!r}; there are {', '.join(INSPECTIONS)}.", nearest(what, INSPECTIONS)
        )


def _list(run: RunDirectory, contents: Mapping[str, Content], *, as_json: bool) -> None:
    from rich.text import Text

    from tui_lab.cli.output import data_console, print_json, say, table
    from tui_lab.inspections.catalogue import INSPECTIONS

    if as_json:
        print_json(
            [
                {"name": name, "title": INSPECTIONS[name].title, "epoch": one.epoch, "total_step": one.total_step}
                for name, one in contents.items()
            ]
        )
        return
    made = table("inspection", "", ">epoch", "")
    for name, one in contents.items():
        about = INSPECTIONS[name]
        epoch = f"{one.epoch:g}" if about.is_of_weights else ""
        made.add_row(Text(name, "bold"), about.title, epoch, Text(about.help, "dim"))
    data_console().print(made)
    say(f"Look at one: tui-lab inspect {run.id} {next(iter(contents))}")


def _print(what: str, content: Content, *, as_json: bool) -> None:
    from rich.text import Text

    from tui_lab.charts.inspections import draw_inspection
    from tui_lab.cli.drawing import look_of
    from tui_lab.cli.output import data_console, print_json
    from tui_lab.inspections.catalogue import INSPECTIONS

    if as_json:
        print_json({"name": what, **content.to_json()})
        return
    console, about = data_console(), INSPECTIONS[what]
    heading = Text.assemble((about.title, "bold"), f" after epoch {content.epoch:g}\n" if about.is_of_weights else "\n")
    console.print(heading, draw_inspection(content, width=console.width, look=look_of(console)), sep="\n")


def _print_cell(content: Any, true: str, predicted: str, *, as_json: bool) -> None:
    from tui_lab.charts.samples import sample_grid
    from tui_lab.cli.drawing import look_of
    from tui_lab.cli.output import data_console, print_json, say

    confusion: Confusion = content
    pair = _class(confusion, true), _class(confusion, predicted)
    samples = confusion.mistakes.get(pair, ())
    if as_json:
        print_json([sample.to_json() for sample in samples])
        return
    count = confusion.counts[pair[0]][pair[1]]
    names = " taken for ".join(confusion.class_names[label] for label in pair)
    say(f"{names}: {count:,} of {sum(confusion.counts[pair[0]]):,}, {len(samples)} of them kept")
    if samples:
        console = data_console()
        console.print(sample_grid(samples, confusion.class_names, width=console.width, look=look_of(console)))


def _print_of_sample(content: Any, sample: int, block: int | None, head: int, *, as_json: bool) -> None:
    from tui_lab.cli.drawing import look_of
    from tui_lab.cli.output import data_console, print_json

    draw = _drawing(content, sample, block, head)
    if as_json:
        print_json(replace(content, samples=content.samples[sample - 1 : sample]).to_json())
        return
    console = data_console()
    console.print(draw(width=console.width, look=look_of(console)))


def _drawing(found: OfSamples, sample: int, block: int | None, head: int) -> Callable[..., Text]:
    """What draws one of the images. Raises UsageError where it, or a block or a head, is not there."""
    from tui_lab.charts.attention import attention_page, rollout_page
    from tui_lab.charts.class_token import class_token_page
    from tui_lab.charts.maps import feature_map_grid
    from tui_lab.errors import UsageError
    from tui_lab.inspections.content import AttentionMaps, Rollout, TokenPath

    if sample > len(found.samples):
        raise UsageError(f"There is no sample {sample}: there are {len(found.samples)}.")
    if isinstance(found, TokenPath):
        return partial(class_token_page, found, sample=sample - 1)
    if not isinstance(found, AttentionMaps | Rollout):
        return partial(feature_map_grid, found, sample=sample - 1)
    if block is not None and block not in found.blocks:
        raise UsageError(f"There is no map of block {block}; there are {', '.join(map(str, found.blocks))}.")
    place = None if block is None else found.blocks.index(block)
    if isinstance(found, Rollout):
        return partial(rollout_page, found, sample=sample - 1, block=place)
    if head > found.shown_heads:
        raise UsageError(f"There is no map of head {head}: there are {found.shown_heads}.")
    return partial(attention_page, found, sample=sample - 1, block=place, head=head)


def _print_misclassified(content: Any, *, as_json: bool) -> None:
    from tui_lab.charts.samples import loss_gallery
    from tui_lab.cli.drawing import look_of
    from tui_lab.cli.output import data_console, print_json

    found: TopLoss = content
    if as_json:
        print_json([sample.to_json() for sample in found.misclassified])
        return
    console = data_console()
    console.print(loss_gallery(found, width=console.width, misclassified=True, look=look_of(console)))


def _class(confusion: Confusion, name: str) -> int:
    """The class called `name`, or numbered so."""
    from tui_lab.errors import UsageError, nearest

    names = confusion.class_names
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    raise UsageError(f"There is no class {name!r}; there are {', '.join(names)}.", nearest(name, names))


def _missing(what: str) -> str:
    """For which runs there is such an inspection."""
    return {
        "filters": "It is of networks on images whose first layer sees the image.",
        "feature-maps": "It is of networks with convolutions.",
        "first-epoch": (
            "It is of networks that are trained step by step. Where it would take too long beside the training it is "
            "left out, and the log says so."
        ),
        "words": "It is of runs of bow-svm.",
        "boundary": "It is of models on points in the plane.",
        "supports": "It is of support vector machines.",
        "units": "It is of runs of mlp with hidden layers, on points in the plane.",
        "activations": "It is of runs of mlp, convnet and vit.",
        **dict.fromkeys(("attention", "rollout", "class-token", "patch-similarity"), f"{OF_TRANSFORMERS}."),
        "position-similarity": f"{OF_TRANSFORMERS}, whose patches are told where they are.",
        "gradient-check": "It is of runs of mlp, of at most half a million weights.",
    }.get(what, "It could not be made or read; the log may say why.")


def _why_none(run_id: str, status: Status) -> tuple[str, str]:
    """Why a run has no inspections at all, and what to do."""
    state = status.actual_state()
    if state == "queued":
        return f"Run {run_id} is queued: inspections are made once its first epoch is done.", ""
    if status.epoch == 0 and state in ("running", "paused"):
        return f"Run {run_id} is in its first epoch: inspections are made once that is done.", ""
    if status.epoch == 0:
        return f"Run {run_id} ended before its first epoch was done: there is nothing to look at.", status.message
    return f"Run {run_id} has no inspections that can be read in {run_id}/inspections.", "Train it again to make them."
