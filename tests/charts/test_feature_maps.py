"""Feature maps beside their image: each scaled by its layer, inside the width, and told without colours too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.look import Look
from tui_lab.charts.maps import feature_map_grid
from tui_lab.inspections.content import FeatureMap, FeatureMaps, Guess, MapLayer, Sample, SampleMaps
from tui_lab.pictures import Picture

NAMES = ("cat", "dog")
IMAGE = Picture(32, 32, bytes([90, 120, 30]) * 1024)
FIRST = MapLayer(
    "conv1",
    "features.0",
    "relu",
    8,
    3,
    32,
    32,
    0.0,
    1.5,
    (FeatureMap(7, 0.9, bytes([255]) * 1024), FeatureMap(2, 0.4, bytes([0]) * 1024)),
)
SECOND = MapLayer("conv2", "features.3", "", 1, 0, 8, 8, -0.5, 2.0, (FeatureMap(1, 0.1, bytes(range(64))),))
FOUND = FeatureMaps(
    1.0,
    20,
    NAMES,
    (
        SampleMaps(Sample(3, IMAGE, 0, (Guess(1, 0.75),), 1.4), (FIRST, SECOND)),
        SampleMaps(Sample(5, IMAGE, 1, (Guess(1, 0.9),), 0.1), (FIRST, SECOND)),
    ),
)


@given(width=st.integers(20, 200), color=st.booleans(), ascii=st.booleans(), sample=st.integers(-1, 4))
def test_any_width_holds_all_maps(width: int, color: bool, ascii: bool, sample: int) -> None:
    drawn = feature_map_grid(FOUND, width=width, sample=sample, look=Look(color=color, ascii=ascii))
    assert max(map(cell_len, drawn.plain.split("\n"))) <= width
    assert not ascii or drawn.plain.isascii()
    for told in ("#7 0.9", "#2 0.4", "#1 0.1"):
        assert told in drawn.plain


def test_layers_say_what_they_are_and_maps_stand_beside_the_image() -> None:
    lines = feature_map_grid(FOUND, width=100).plain.split("\n")
    assert lines[0] == "Image 1 of 2: cat, taken for dog (75 %)"
    text = " ".join(" ".join(lines).split())
    assert "conv1 after relu: 2 of 8 channels, 32×32; white 1.5; 3 give 0 everywhere" in text
    assert "conv2: 1 channel, 8×8; black is -0.5, white 2" in text
    assert any(line.startswith("▀" * 16) and line.count("▀") >= 48 for line in lines)
    assert feature_map_grid(FOUND, width=100, sample=1).plain.startswith("Image 2 of 2: dog, seen as such (90 %)")


def test_maps_come_by_mean_or_by_channel() -> None:
    by_mean, by_channel = (feature_map_grid(FOUND, width=100, by_channel=one).plain for one in (False, True))
    assert by_mean.index("#7") < by_mean.index("#2") and by_channel.index("#2") < by_channel.index("#7")


@pytest.mark.parametrize("ascii", [True, False])
def test_what_is_white_without_colours_is_the_fullest_shade(ascii: bool) -> None:
    drawn = feature_map_grid(FOUND, width=60, look=Look(color=False, ascii=ascii))
    assert drawn.plain.count("@" if ascii else "█") >= 16 * 8
    assert not [span for span in drawn.spans if span.style != "bold"]


def test_a_layer_without_maps_of_a_sample_is_no_reason_to_fail() -> None:
    empty = replace(FOUND, samples=(replace(FOUND.samples[0], layers=(replace(FIRST, maps=()),)),))
    assert "conv1" in feature_map_grid(empty, width=60).plain
