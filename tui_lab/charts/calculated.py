"""What is calculated, not measured: the learning rates of a configuration, the curves and pictures of tools."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.heat import heat_maps_text
from tui_lab.charts.pictures import mosaic, picture_rows
from tui_lab.charts.plot import DARK, Palette
from tui_lab.charts.series import Series, run_kind
from tui_lab.charts.text import folded, printable
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


def pictures_text(
    result: Result, *, width: int, palette: Palette = DARK, color: bool = True, ascii: bool = False
) -> Text:
    """All pictures and heat maps of a tool's answer, one under the other.

    Args:
        result: the answer.
        width: cells of the whole, at least 10.
        palette: of heat maps; pictures have colours of their own.
        color, ascii: see `tui_lab.charts.pictures.half_blocks`.
    """
    drawn = [gallery_text(gallery, width=width, color=color, ascii=ascii) for gallery in result.galleries]
    if result.heat_maps:
        drawn.append(heat_maps_text(result.heat_maps, width=width, palette=palette, color=color, ascii=ascii))
    return Text("\n\n").join(drawn)


def gallery_text(gallery: Gallery | PictureRows, *, width: int, color: bool = True, ascii: bool = False) -> Text:
    """The title of a tool's pictures, and under it the pictures, as many side by side as fit.

    Args:
        gallery: what to draw.
        width: cells of the whole, at least 2.
        color, ascii: see `tui_lab.charts.pictures.half_blocks`.
    """
    title = Text("\n").join(Text(line, "bold") for line in folded(printable(gallery.title, ascii=ascii), width))
    if isinstance(gallery, PictureRows):
        drawn = picture_rows(gallery.groups, gallery.across, width=width, color=color, ascii=ascii)
    else:
        drawn = mosaic(
            gallery.pictures, gallery.captions, width=width, columns=gallery.columns, color=color, ascii=ascii
        )
    return Text("\n").join([title, drawn])
