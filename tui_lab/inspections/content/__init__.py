"""What inspections found: plain values that a process without torch reads and draws. Imports no torch.

Positions are those of the weights that were looked into: `epoch` in epochs done (3.25 = a quarter into the fourth) and
`total_step` in gradient steps. Labels are numbers of classes, from 0 on, and index `class_names`.
"""

from __future__ import annotations

from tui_lab.inspections.content.activity import Activity, LayerActivity
from tui_lab.inspections.content.attention import (
    AttentionMaps,
    Grid,
    HeadMaps,
    PatchMap,
    PathStep,
    Rollout,
    SampleAttention,
    SamplePath,
    SampleRollout,
    TokenPath,
)
from tui_lab.inspections.content.first_epoch import EpochMoment, FirstEpoch, Measured
from tui_lab.inspections.content.inputs import ChannelValues, Histogram, Spread, Standardization
from tui_lab.inspections.content.maps import FeatureMap, FeatureMaps, MapLayer, SampleMaps
from tui_lab.inspections.content.outcomes import Confusion, Guess, Point, Sample, Samples, Supports, TopLoss
from tui_lab.inspections.content.plane import Boundary, LabelledPoint, UnitLayer, UnitMap, UnitMaps
from tui_lab.inspections.content.similarity import PatchSimilarity, PositionSimilarity
from tui_lab.inspections.content.weights import Filters, GradientCheck, TensorCheck

Content = (
    Confusion
    | Samples
    | TopLoss
    | Filters
    | FeatureMaps
    | Boundary
    | UnitMaps
    | Activity
    | FirstEpoch
    | Standardization
    | GradientCheck
    | Supports
    | AttentionMaps
    | Rollout
    | TokenPath
    | PatchSimilarity
    | PositionSimilarity
)

__all__ = [
    "Activity",
    "AttentionMaps",
    "Boundary",
    "ChannelValues",
    "Confusion",
    "Content",
    "EpochMoment",
    "FeatureMap",
    "FeatureMaps",
    "Filters",
    "FirstEpoch",
    "GradientCheck",
    "Grid",
    "Guess",
    "HeadMaps",
    "Histogram",
    "LabelledPoint",
    "LayerActivity",
    "MapLayer",
    "Measured",
    "PatchMap",
    "PatchSimilarity",
    "PathStep",
    "Point",
    "PositionSimilarity",
    "Rollout",
    "Sample",
    "SampleAttention",
    "SampleMaps",
    "SamplePath",
    "SampleRollout",
    "Samples",
    "Spread",
    "Standardization",
    "Supports",
    "TensorCheck",
    "TokenPath",
    "TopLoss",
    "UnitLayer",
    "UnitMap",
    "UnitMaps",
]
