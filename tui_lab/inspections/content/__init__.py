"""What inspections found: plain values that a process without torch reads and draws. Imports no torch.

Positions are those of the weights that were looked into: `epoch` in epochs done (3.25 = a quarter into the fourth) and
`total_step` in gradient steps. Labels are numbers of classes, from 0 on, and index `class_names`.
"""

from __future__ import annotations

from tui_lab.inspections.content.activity import Activity, LayerActivity
from tui_lab.inspections.content.outcomes import Confusion, Guess, Point, Sample, Samples, Supports
from tui_lab.inspections.content.plane import Boundary, LabelledPoint, UnitLayer, UnitMap, UnitMaps
from tui_lab.inspections.content.weights import Filters, GradientCheck, TensorCheck

Content = Confusion | Samples | Filters | Boundary | Supports | GradientCheck | UnitMaps | Activity

__all__ = [
    "Activity",
    "Boundary",
    "Confusion",
    "Content",
    "Filters",
    "GradientCheck",
    "Guess",
    "LabelledPoint",
    "LayerActivity",
    "Point",
    "Sample",
    "Samples",
    "Supports",
    "TensorCheck",
    "UnitLayer",
    "UnitMap",
    "UnitMaps",
]
