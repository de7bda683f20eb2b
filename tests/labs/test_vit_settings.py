"""What a vision transformer refuses before a worker starts, against the module that would fail on it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_lab.data.catalogue import sample_shape
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import build
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.vit import VIT, ViTHyperparameters


@settings(deadline=None)
@given(
    dataset=st.sampled_from(["digits", "mnist", "cifar10"]),
    patch_size=st.integers(1, 32),
    crop=st.sampled_from([0, 6, 8]),
)
def test_refused_is_what_the_network_refuses(**values: Any) -> None:
    hp = ViTHyperparameters(**values, embed_dim=8, depth=1)
    channels, height, width = sample_shape(hp)
    side = (hp.crop or height, hp.crop or width)
    try:
        VIT.build_model(hp, (channels, *side), 10)
        is_refused = False
    except ValueError:
        is_refused = True
    assert bool(mistakes_for(VIT, hp)) == is_refused


def test_patches_that_do_not_tile_are_told_with_those_that_do() -> None:
    [mistake] = mistakes_for(VIT, ViTHyperparameters(dataset="mnist", patch_size=5))
    assert str(mistake) == "patch_size = 5: patches do not tile images of 28×28 (Sides that do: 1, 2, 4, 7, 14, 28.)"


def test_heads_that_do_not_divide_are_told_with_those_that_do() -> None:
    with pytest.raises(UsageError, match=r"num_heads.*must divide embed_dim = 30, as 1, 2, 3, 5, 6, 10, 15 do"):
        build(ViTHyperparameters, {"embed_dim": 30})


@pytest.mark.parametrize(("patch_size", "says"), [(7, ""), (2, ""), (1, "785 tokens")])
def test_many_tokens_are_worth_a_word(patch_size: int, says: str) -> None:
    notice = VIT.notice(ViTHyperparameters(dataset="mnist", patch_size=patch_size))
    assert says in notice and bool(notice) == bool(says)
