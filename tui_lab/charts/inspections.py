"""What an inspection found, drawn whole: for a page that is as long as it needs to be."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.activity import layer_activity
from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.filters import filter_grid
from tui_lab.charts.gradients import gradient_table
from tui_lab.charts.matrix import confused_pairs, confusion_matrix
from tui_lab.charts.plot import DARK, Marker, Palette
from tui_lab.charts.samples import sample_grid
from tui_lab.charts.supports import support_vectors
from tui_lab.charts.units import unit_grid
from tui_lab.inspections.content import (
    Activity,
    Boundary,
    Confusion,
    Content,
    Filters,
    GradientCheck,
    Supports,
    UnitMaps,
)

_WIDEST_PLANE = 80  # cells


def draw_inspection(
    content: Content,
    *,
    width: int,
    palette: Palette = DARK,
    marker: Marker = "braille",
    color: bool = True,
    ascii: bool = False,
) -> Text:
    """Lines of at most `width` cells; see the modules of each kind of inspection for what they show."""
    if isinstance(content, Confusion):
        matrix = confusion_matrix(content, width=width, palette=palette, color=color, ascii=ascii)
        return Text("\n\n").join([matrix, confused_pairs(content, width=width, ascii=ascii)])
    if isinstance(content, Filters):
        return filter_grid(content, width=width, color=color, ascii=ascii)
    if isinstance(content, Boundary):
        columns = min(width, _WIDEST_PLANE)
        return decision_boundary(content, columns=columns, palette=palette, color=color, ascii=ascii)
    if isinstance(content, GradientCheck):
        return gradient_table(content, width=width, palette=palette, color=color, ascii=ascii)
    if isinstance(content, UnitMaps):
        return unit_grid(content, width=width, palette=palette, color=color, ascii=ascii)
    if isinstance(content, Activity):
        return layer_activity(content, width=width, palette=palette, marker=marker, color=color, ascii=ascii)
    if isinstance(content, Supports):
        return support_vectors(content, width=width, palette=palette, color=color, ascii=ascii)
    parts = []
    for title, samples in (
        ("The same dozen throughout the run", content.chosen),
        ("The worst errors", content.hardest),
    ):
        if samples:
            grid = sample_grid(samples, content.class_names, width=width, color=color, ascii=ascii)
            parts.append(Text(f"{title}\n\n").append_text(grid))
    return Text("\n\n").join(parts)
