"""What somebody may have meant who wrote a model's name wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.models.timm_names import closest, did_you_mean

NAMES = [
    "efficientnet_b0",
    "efficientnet_l2",
    "gcvit_tiny",
    "nest_tiny",
    "resnet50",
    "resnet50_clip",
    "swin_tiny_patch4_window7_224",
    "vit_base_patch16_224",
    "vit_base_patch16_384",
    "vit_tiny_patch16_224",
]


@pytest.mark.parametrize(
    ("name", "likeliest"),
    [
        ("vit_tiny", "vit_tiny_patch16_224"),  # the beginning, though "gcvit_tiny" is spelled more alike
        ("efficientnet", "efficientnet_b0"),
        ("vit_base_patch16_24", "vit_base_patch16_224"),
        ("resnet-50", "resnet50"),
        ("ResNet50", "resnet50"),
        ("hf-hub:timm/resnet50", "resnet50"),
        ("swn_tiny", "swin_tiny_patch4_window7_224"),  # another family, though "nest_tiny" is spelled more alike
        ("vti_base_patch16_384.augreg", "vit_base_patch16_384"),
    ],
)
def test_the_likeliest_comes_first(name: str, likeliest: str) -> None:
    assert closest(name, NAMES)[0] == likeliest


def test_the_sentence_has_as_many_names_as_are_close() -> None:
    assert did_you_mean("vit_base", NAMES) == "Did you mean 'vit_base_patch16_224' or 'vit_base_patch16_384'?"
    assert did_you_mean("swn_tiny", NAMES) == "Did you mean 'swin_tiny_patch4_window7_224'?"
    assert did_you_mean("0000", NAMES) == ""


@given(st.text(max_size=20))
def test_any_text_gets_at_most_three_of_the_names(name: str) -> None:
    found = closest(name, NAMES)
    assert len(found) <= 3
    assert set(found) <= set(NAMES)


@given(st.sampled_from(NAMES))
def test_a_name_is_closest_to_itself(name: str) -> None:
    assert closest(name.upper(), NAMES)[0] == name
