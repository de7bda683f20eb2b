"""The cost of attention, against the network itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from tui_lab.hyperparameters import mistakes_in
from tui_lab.models.vit import ViT
from tui_lab.previews.attention_cost import network
from tui_lab.tools.attention_cost import BYTES, TOOL, AttentionCostInputs, Cost, growth

CONFIGURATIONS = st.fixed_dictionaries(
    {
        "image_side": st.just(28),
        "patch_sizes": st.sampled_from([[4], [7], [14], [28]]),
        "channels": st.integers(1, 3),
        "classes": st.integers(2, 20),
        "depth": st.integers(1, 3),
        "num_heads": st.sampled_from([1, 2, 4]),
        "embed_dim": st.sampled_from([8, 32, 40]),
        "mlp_ratio": st.integers(1, 4),
        "position": st.sampled_from(["sinusoidal", "learned"]),
        "class_token": st.sampled_from(["learned", "frozen", "mean-pool"]),
    }
)


@settings(max_examples=12, deadline=None)
@given(CONFIGURATIONS)
def test_parameters_and_multiply_adds_are_those_of_the_network(values: dict[str, Any]) -> None:
    (cost,) = AttentionCostInputs(**values).costs
    with torch.device("meta"):
        model, x = network(cost), torch.zeros(1, cost.inputs.channels, 28, 28)
    assert cost.parameters == sum(parameter.numel() for parameter in model.parameters())
    with FlopCounterMode(display=False) as counter:
        model(x)
    assert 2 * cost.multiply_adds == counter.get_total_flops()


def test_the_quadratic_part_is_that_of_the_products_of_tokens() -> None:
    cost = AttentionCostInputs().cost(2)
    with FlopCounterMode(display=False) as counter:
        network(cost)(torch.zeros(1, 1, 28, 28))
    batched = counter.get_flop_counts()["Global"][torch.ops.aten.bmm]
    assert 2 * cost.pairs == batched


def kept_bytes(model: ViT, x: torch.Tensor) -> int:
    """What autograd keeps for the backward pass, without parameters and inputs; what shares memory counts once."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers(), x)}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        result = model(x)
    assert result.requires_grad
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("attention", ["by-hand", "fused"])
@pytest.mark.parametrize("patch_size", [2, 4, 7])
def test_memory_is_about_what_autograd_keeps(attention: str, patch_size: int) -> None:
    cost = AttentionCostInputs(attention=attention, batch_size=4).cost(patch_size)  # type: ignore[arg-type]
    expected = cost.weights_bytes + cost.other_bytes
    assert kept_bytes(network(cost), torch.rand(4, 1, 28, 28)) == pytest.approx(expected, rel=0.2)


def test_attention_weights_are_kept_by_hand_and_not_by_the_fused_kernel() -> None:
    by_hand, fused = (AttentionCostInputs(attention=way, batch_size=4).cost(2) for way in ("by-hand", "fused"))  # type: ignore[arg-type]
    assert by_hand.weights_bytes == BYTES * 4 * 4 * (197 + 1) * 197 and fused.weights_bytes == 0
    x = torch.rand(4, 1, 28, 28)
    saved = kept_bytes(network(by_hand), x) - kept_bytes(network(fused), x)
    assert saved == pytest.approx(by_hand.weights_bytes, rel=0.1)


@given(CONFIGURATIONS)
def test_from_so_many_tokens_on_attention_is_half_of_a_block(values: dict[str, Any]) -> None:
    inputs = AttentionCostInputs(**{**values, "class_token": "mean-pool"})  # with which all blocks are alike
    tokens = (2 + inputs.mlp_ratio) * inputs.embed_dim
    at = Cost(inputs, 1, tokens)
    assert at.pairs == at.projections + at.mlp
    assert f"From {tokens:,} tokens on" in " ".join(TOOL.answer(values).lines)


def test_patches_of_half_the_side_are_four_times_the_tokens_and_sixteen_times_the_pairs() -> None:
    inputs = AttentionCostInputs(class_token="mean-pool")
    small, large = inputs.cost(2), inputs.cost(4)
    assert (small.tokens, small.projections, small.mlp) == (4 * large.tokens, 4 * large.projections, 4 * large.mlp)
    assert small.pairs == 16 * large.pairs


def test_a_row_for_each_patch_size_from_few_tokens_to_many() -> None:
    result = TOOL.answer({"patch_sizes": [2, 14, 7, 2]})
    assert result.table is not None
    assert [row[:3] for row in result.table.rows] == [(14, 5, 32_138), (7, 17, 27_434), (2, 197, 25_994)]
    assert result.lines[0].startswith("197 tokens for 5: 39.4 times the MLPs, ")
    work, share, memory = result.charts
    assert work.y_log and work.x_log and max(work.curves[0].x) >= 2048
    assert list(share.curves[0].y) == sorted(share.curves[0].y)
    assert [curve.name for curve in memory.curves] == ["attention weights A", "all but A"]


def test_growth_is_the_power_of_the_length() -> None:
    assert growth((3 * 5**2, 3 * 7**2), (5, 7)) == pytest.approx(2)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"patch_sizes": [7, 5]}, "has 5, which does not divide image_side = 28: 1, 2, 4, 7, 14, 28 do"),
        ({"num_heads": 5}, "must divide embed_dim = 32, as 1, 2, 4, 8, 16 do"),
        ({"patch_sizes": [0]}, "has 0, which does not divide image_side = 28: 1, 2, 4, 7, 14, 28 do"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(inputs: dict[str, Any], problem: str) -> None:
    (mistake,) = mistakes_in(AttentionCostInputs, inputs)
    assert mistake.problem == problem
