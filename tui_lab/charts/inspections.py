"""What an inspection found, drawn whole: for a page that is as long as it needs to be."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.activity import layer_activity
from tui_lab.charts.attention import attention_page, rollout_page
from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.class_token import class_token_page
from tui_lab.charts.filters import filter_grid
from tui_lab.charts.first_epoch import first_epoch_curves
from tui_lab.charts.gradients import gradient_table
from tui_lab.charts.inputs import standardization_table
from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.maps import feature_map_grid
from tui_lab.charts.matrix import class_bars, confused_pairs, confusion_matrix
from tui_lab.charts.samples import loss_gallery, sample_grid
from tui_lab.charts.similarity import patch_similarity_page, position_similarity_page
from tui_lab.charts.supports import support_vectors
from tui_lab.charts.units import unit_grid
from tui_lab.inspections.content import (
    Activity,
    AttentionMaps,
    Boundary,
    Confusion,
    Content,
    FeatureMaps,
    Filters,
    FirstEpoch,
    GradientCheck,
    PatchSimilarity,
    PositionSimilarity,
    Rollout,
    Samples,
    Standardization,
    Supports,
    TokenPath,
    TopLoss,
    UnitMaps,
)

_WIDEST_PLANE = 80  # cells


def draw_inspection(content: Content, *, width: int, look: Look = DEFAULT) -> Text:
    """Lines of at most `width` cells; see the modules of each kind of inspection for what they show."""
    match content:
        case Confusion():
            matrix = confusion_matrix(content, width=width, look=look)
            pairs = confused_pairs(content, width=width, look=look)
            bars = class_bars(content, width=width, look=look)
            return Text("\n\n").join([matrix, pairs, bars])
        case Samples():
            return sample_grid(content.chosen, content.class_names, width=width, look=look)
        case TopLoss():
            return loss_gallery(content, width=width, look=look)
        case Filters():
            return filter_grid(content, width=width, look=look)
        case FeatureMaps():
            return feature_map_grid(content, width=width, look=look)
        case Boundary():
            columns = min(width, _WIDEST_PLANE)
            return decision_boundary(content, columns=columns, look=look)
        case UnitMaps():
            return unit_grid(content, width=width, look=look)
        case Activity():
            return layer_activity(content, width=width, look=look)
        case FirstEpoch():
            return first_epoch_curves(content, width=width, look=look)
        case Standardization():
            return standardization_table(content, width=width, look=look)
        case GradientCheck():
            return gradient_table(content, width=width, look=look)
        case Supports():
            return support_vectors(content, width=width, look=look)
        case AttentionMaps():
            return attention_page(content, width=width, look=look)
        case Rollout():
            return rollout_page(content, width=width, look=look)
        case TokenPath():
            return class_token_page(content, width=width, look=look)
        case PatchSimilarity():
            return patch_similarity_page(content, width=width, look=look)
        case PositionSimilarity():
            return position_similarity_page(content, width=width, look=look)
