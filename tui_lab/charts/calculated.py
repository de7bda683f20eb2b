"""What is calculated, not measured: the learning rates of a configuration, the curves and pictures of tools."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.heat import heat_maps_text
from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import mosaic, picture_rows
from tui_lab.charts.series import Series, run_kind
from tui_lab.charts.text import folded
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.tools.tool import Chart, Gallery, PictureRows, Result
from tui_lab.training.schedules import schedule_curve


def schedule_series(hyperparameters: GradientHyperparameters) -> Series:
    """The learning rate over the epochs, from 0 on; long schedules in a few hundred points."""
    epochs, rates = schedule_curve(hyperparameters)
    scheduler = hyperparameters.scheduler
    return Series("learning rate" if scheduler == "none" else scheduler, epochs, rates, kind="lr")


def tool_series(chart: Chart) -> tuple[Series, ...]:
    """The curves of a tool's chart, each with a colour and a mark of its own."""
    return tuple(
        Series(curve.name, curve.x, curve.y, kind=run_kind(i), faint=curve.faint)
        for i, curve in enumerate(chart.curves)
    )


def pictures_text(result: Result, *, width: int, look: Look = DEFAULT) -> Text:
    """All pictures and heat maps of a tool's answer, one under the other.

    Args:
        result: the answer.
        width: cells of the whole, at least 10.
    """
    drawn = [gallery_text(gallery, width=width, look=look) for gallery in result.galleries]
    if result.heat_maps:
        drawn.append(heat_maps_text(result.heat_maps, width=width, look=look))
    return Text("\n\n").join(drawn)


def gallery_text(gallery: Gallery | PictureRows, *, width: int, look: Look = DEFAULT) -> Text:
    """The title of a tool's pictures, and under it the pictures, as many side by side as fit.

    Args:
        gallery: what to draw.
        width: cells of the whole, at least 2.
    """
    title = Text("\n").join(Text(line, "bold") for line in folded(look.printable(gallery.title), width))
    if isinstance(gallery, PictureRows):
        drawn = picture_rows(gallery.groups, gallery.across, width=width, look=look)
    else:
        drawn = mosaic(gallery.pictures, gallery.captions, width=width, columns=gallery.columns, look=look)
    return Text("\n").join([title, drawn])
