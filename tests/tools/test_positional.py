"""Position embeddings: the formula, similarities, and what a run has learned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import mistakes_in
from tui_lab.models.vit import ViT, sinusoidal_embedding
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore
from tui_lab.tools.embeddings import learned, reduced, similarities, sinusoidal, wavelength
from tui_lab.tools.positional import TOOL, Layout, PositionalInputs
from tui_lab.tools.tool import Folders, HeatMap, Result
from tui_lab.training.checkpoint import save_weights


@given(st.integers(1, 200), st.integers(1, 65))
def test_the_formula_is_that_of_the_network(positions: int, embed_dim: int) -> None:
    ours = sinusoidal(positions, embed_dim)
    assert ours.shape == (positions, embed_dim)
    assert np.allclose(ours, sinusoidal_embedding(positions, embed_dim).numpy(), atol=1e-6)


def test_the_first_positions_by_hand() -> None:
    second = [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]
    assert np.allclose(sinusoidal(2, 4), [[0, 1, 0, 1], second])


@given(st.integers(2, 60), st.integers(1, 32))
def test_similarity_of_sinusoidal_embeddings_depends_on_the_distance_alone(positions: int, waves: int) -> None:
    found = similarities(sinusoidal(positions, 2 * waves))
    for distance in range(positions):
        assert np.ptp(np.diagonal(found, distance)) < 1e-9
    assert np.allclose(np.diagonal(found), 1)


@given(st.integers(0, 63), st.integers(0, 20))
def test_after_its_wavelength_a_dimension_begins_anew(dimension: int, position: int) -> None:
    length = wavelength(dimension, 64)
    angle = (position + length) / 10_000 ** ((dimension - dimension % 2) / 64)
    wave = math.cos if dimension % 2 else math.sin
    assert wave(angle) == pytest.approx(sinusoidal(position + 1, 64)[position, dimension], abs=1e-6)


def test_a_vector_of_zeros_resembles_nothing() -> None:
    assert similarities(np.array([[0.0, 0.0], [1.0, 0.0]])).tolist() == [[0, 0], [0, 1]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_a_reduced_matrix_has_the_mean_of_neighbours(
    rows: int, columns: int, most_rows: int, most_columns: int
) -> None:
    matrix = np.random.default_rng(0).random((rows, columns))
    found = reduced(matrix, most_rows, most_columns)
    assert found.shape == (min(rows, most_rows), min(columns, most_columns))
    if rows % found.shape[0] == 0 and columns % found.shape[1] == 0:
        parts = matrix.reshape(found.shape[0], -1, found.shape[1], columns // found.shape[1])
        assert np.allclose(found, parts.mean((1, 3)))
    assert matrix.min() - 1e-9 <= found.min() and found.max() <= matrix.max() + 1e-9


def titles(result: Result) -> list[str]:
    return [one.title for one in result.heat_maps]


def test_figure_3_1_has_a_column_for_each_position_and_a_row_for_each_dimension() -> None:
    small, large = TOOL.answer({}), TOOL.answer({"positions": 1000, "embed_dim": 160})
    vectors = small.heat_maps[0]
    assert (vectors.columns, vectors.rows, vectors.x_label, vectors.y_label) == (100, 16, "position", "dimension")
    assert np.allclose(np.array(vectors.values), sinusoidal(100, 16).T, atol=1e-4)
    assert (large.heat_maps[0].columns, large.heat_maps[0].rows) == (1000, 160)
    assert max(len(large.heat_maps[0].values), len(large.heat_maps[0].values[0])) < 1000
    assert "Similarity with position 50" in [chart.title for chart in small.charts]
    assert small.charts[0].curves[0].y[50] == 1


def test_positions_of_an_image_have_a_plan_and_say_what_is_beside_and_what_below() -> None:
    result = TOOL.answer({"layout": "image", "embed_dim": 32})
    assert result.lines[0].startswith("17 positions of 32 values")
    found = similarities(sinusoidal(17, 32))
    assert f"side by side {found[1, 2]:.2f}" in result.lines[1]
    assert f"one below the other {found[1, 5]:.2f}" in result.lines[1]
    plan = result.heat_maps[1]
    assert plan.title == "Similarity with patch 10, row 2, column 2, sinusoidal"
    assert np.allclose(np.array(plan.values), found[11, 1:].reshape(4, 4), atol=1e-4)
    assert plan.is_plan and not result.charts
    without = TOOL.answer({"layout": "image", "class_token": False, "position": 0})
    assert without.heat_maps[1].title == "Similarity with patch 0, row 0, column 0, sinusoidal"
    token = TOOL.answer({"layout": "image", "position": 0})
    assert token.heat_maps[1].title == "Similarity with the class token, sinusoidal"


@pytest.mark.parametrize("patch_size", [14, 28])
@pytest.mark.parametrize("class_token", [True, False])
def test_images_of_few_patches_are_answered(patch_size: int, class_token: bool) -> None:
    result = TOOL.answer({"layout": "image", "patch_size": patch_size, "class_token": class_token})
    assert result.heat_maps


@given(st.integers(1, 40), st.booleans())
def test_a_square_of_patches_is_told_from_one_with_a_class_token(grid: int, has_class_token: bool) -> None:
    assert Layout.of_learned(grid**2 + has_class_token) == Layout(grid**2 + has_class_token, grid, has_class_token)


@pytest.mark.parametrize("tokens", [3, 7, 8, 12, 24])
def test_what_is_no_square_is_a_line(tokens: int) -> None:
    assert Layout.of_learned(tokens) == Layout(tokens)


@given(st.integers(1, 6), st.booleans())
def test_pairs_are_all_that_are_so_far_apart(grid: int, has_class_token: bool) -> None:
    layout = Layout(grid**2 + has_class_token, grid, has_class_token)
    places = {(r, c): has_class_token + r * grid + c for r in range(grid) for c in range(grid)}
    for down, right in ((0, 1), (1, 0)):
        there = {
            (place, places[r + down, c + right]) for (r, c), place in places.items() if (r + down, c + right) in places
        }
        assert set(layout.pairs((down, right))) == there


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"position": 100}, "there are 100, from 0 on"),
        ({"layout": "image", "patch_size": 5}, "must divide image_side = 28: 1, 2, 4, 7, 14, 28 do"),
        ({"layout": "image", "image_side": 512, "patch_size": 2}, "makes 65,537: at most 2,048"),
        ({"layout": "image", "position": 17}, "there are 17, from 0 on"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(inputs: dict[str, Any], problem: str) -> None:
    (mistake,) = mistakes_in(PositionalInputs, inputs)
    assert mistake.problem == problem


# Of a run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunStore(tmp_path).create("vit", {"position": "learned"}, data_dir=tmp_path)


def answer(tmp_path: Path, **inputs: Any) -> Result:
    return TOOL.answer(inputs, Folders(tmp_path, tmp_path))


def test_what_a_run_has_learned_stands_beside_the_formula(tmp_path: Path, run: RunDirectory) -> None:
    torch.manual_seed(0)
    model = ViT((1, 28, 28), 10, position="learned")
    save_weights(run.weights, model.state_dict())
    result = answer(tmp_path, run="last")
    assert titles(result) == [
        "Embeddings, sinusoidal",
        "Embeddings, learned",
        "Similarity with patch 10, row 2, column 2, sinusoidal",
        "Similarity with patch 10, row 2, column 2, learned",
        "Similarity of every two, sinusoidal",
        "Similarity of every two, learned",
    ]
    own = result.heat_maps[1]
    assert model.position is not None
    assert np.allclose(np.array(own.values), model.position[0].detach().numpy().T, atol=1e-4)
    assert own.largest == pytest.approx(model.position.abs().max().item())
    assert any(line.startswith(f"Learned by {run.id}: similarity") for line in result.lines)
    assert Result.from_json(result.to_json()) == result
    with pytest.raises(UsageError, match=r"position = 17: run .* has 17, from 0 on"):
        answer(tmp_path, run="last", position=17)


def test_embeddings_of_a_network_within_another_are_found(tmp_path: Path, run: RunDirectory) -> None:
    save_weights(run.weights, {"network.pos_embed": torch.ones(1, 7, 4), "network.head.weight": torch.ones(2, 4)})
    assert learned(run).embeddings.shape == (7, 4)
    result = answer(tmp_path, run="last")
    assert [len(chart.curves) for chart in result.charts] == [2]  # 7 is no square: a line


def test_why_a_run_has_nothing_to_show_is_told_in_a_sentence(tmp_path: Path, run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="There is no run 'nobody'"):
        answer(tmp_path, run="nobody")
    with pytest.raises(UsageError, match="has saved no weights yet"):
        answer(tmp_path, run="last")
    save_weights(run.weights, ViT((1, 28, 28), 10).state_dict())
    with pytest.raises(UsageError, match="has learned no position embeddings"):
        answer(tmp_path, run="last")
    save_weights(run.weights, {"position": torch.full((1, 5, 4), float("nan"))})
    with pytest.raises(UsageError, match="its training has diverged"):
        answer(tmp_path, run="last")
    for garbage in (b"", b"garbled", run.weights.read_bytes()[:60]):
        run.weights.write_bytes(garbage)
        with pytest.raises(UsageError, match=r"cannot be read: .* is damaged"):
            answer(tmp_path, run="last")


def test_with_a_run_inputs_that_it_decides_are_not_checked() -> None:
    assert not mistakes_in(PositionalInputs, {"run": "last", "layout": "image", "patch_size": 5, "position": 500})


def test_heat_maps_survive_json() -> None:
    one = HeatMap("title", ((0.5, -1.0),), 1.0, 2, 1, "x", "y", is_plan=True)
    assert Result.from_json(Result(heat_maps=(one,)).to_json()).heat_maps == (one,)
