"""Drawings of what inspections of vision transformers found: inside their width, readable, with what was asked for."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.inspections.transformers import OF_TRANSFORMERS, attention, patch_map, rollout
from tui_lab.charts.attention import attention_page, rollout_page
from tui_lab.charts.class_token import class_token_page
from tui_lab.charts.inspections import draw_inspection
from tui_lab.charts.look import Look
from tui_lab.charts.ramp import ramp, tint
from tui_lab.charts.similarity import patch_similarity_page, position_similarity_page
from tui_lab.inspections.content import PositionSimilarity
from tui_lab.pictures import Picture


def widths(text):
    return [cell_len(line) for line in text.plain.split("\n")]


def luminance(colour):
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), colour, strict=True))


@pytest.mark.parametrize("name", OF_TRANSFORMERS)
@pytest.mark.parametrize("width", [20, 33, 76, 80, 109, 110, 156, 200])
def test_drawings_keep_to_their_width_and_to_seven_bits(name, width):
    for look in (Look(), Look(color=False), Look(ascii=True)):
        drawn = draw_inspection(OF_TRANSFORMERS[name], width=width, look=look)
        assert max(widths(drawn)) <= width
        if not look.has_colours:
            assert not any(span.style.color for span in drawn.spans if not isinstance(span.style, str))
    assert drawn.plain.isascii()


@given(
    rows=st.integers(1, 32),
    columns=st.integers(1, 32),
    heads=st.integers(1, 14),
    depth=st.integers(1, 3),
    width=st.integers(20, 200),
    seen=st.none() | st.integers(1, 60),
    color=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_maps_of_any_grid_fit(rows, columns, heads, depth, width, seen, color):
    of_attention = attention(rows, columns, heads, depth, of_class_token=bool(heads % 2))
    of_rollout = rollout(rows, columns, depth)
    for drawn in (
        attention_page(of_attention, width=width, rows=seen, sample=1, head=heads, look=Look(color=color)),
        rollout_page(of_rollout, width=width, rows=seen, block=0, look=Look(color=color)),
    ):
        assert max(widths(drawn)) <= width
    names = re.findall(r"head (\d+) (?!of)", attention_page(of_attention, width=200, look=Look(color=color)).plain)
    assert sorted(map(int, names)) == sorted(list(range(1, heads + 1)) * depth)


def test_the_large_map_is_the_one_that_was_chosen():
    found = attention(heads=2, depth=2)
    for block, head in ((None, 0), (0, 0), (0, 1), (1, 2)):
        drawn = attention_page(found, width=76, sample=1, block=block, head=head)
        shown = 2 if block is None else block + 1
        which = f"head {head} of 2" if head else "the mean of 2 heads"
        assert drawn.plain.startswith("Image 2 of 2: cat, seen as such (40 %)\n")
        assert f"Where the class token looks in block {shown} of 2, {which}\n" in drawn.plain
        assert drawn.plain.count("▸") == 1
        assert f"▸{f'head {head}' if head else 'mean'} 50 %" in drawn.plain
    assert "block 2 of 2, the mean" in attention_page(found, width=76, sample=99, block=7, head=9).plain
    assert "the tokens look, in the mean" in attention_page(attention(of_class_token=False), width=76).plain
    assert "stays with" not in attention_page(attention(of_class_token=False), width=76).plain
    assert "12 % stays with the class token" in attention_page(found, width=76).plain
    assert "even: 20 %" in attention_page(found, width=76).plain  # of five tokens
    assert "after block 1 of 2" in rollout_page(rollout(), width=76, block=0).plain


def test_of_many_blocks_the_means_are_seen_and_the_heads_of_one():
    drawn = attention_page(attention(heads=2, depth=5), width=76, block=3, head=1).plain
    assert re.findall(r"Block \d of 5", drawn) == ["Block 4 of 5"]
    assert [drawn.count(f"head {i} 50 %") for i in (1, 2)] == [1, 1]
    assert [drawn.count(f"block {i} 50 %") for i in range(1, 6)] == [1] * 5
    assert "▸head 1" in drawn and "▸block" not in drawn
    assert "▸block 4" in attention_page(attention(heads=2, depth=5), width=76, block=3).plain


def test_what_is_looked_at_is_lighter_and_the_image_stays_visible():
    """The map over an image that is white above and black below, where the last patch gets the most."""
    half = Picture(28, 28, b"\xff" * (14 * 28 * 3) + bytes(14 * 28 * 3))
    found = attention(2, 2, heads=1, depth=1)
    sample = replace(found.samples[0], sample=replace(found.samples[0].sample, shown=half))
    shares = patch_map(0)
    sample = replace(sample, blocks=(replace(sample.blocks[0], heads=(shares,)),))
    drawn = attention_page(replace(found, heads=1, samples=(sample,)), width=76, head=1)
    lines = drawn.split("\n")
    first = next(i for i, line in enumerate(lines) if line.plain.startswith("▀" * 28))

    places = ((5, 2), (20, 2), (5, 12), (20, 12))
    upper_left, upper_right, lower_left, lower_right = (light_at(lines[first + row], column) for column, row in places)
    assert lower_right > lower_left + 60  # black pixels: the share alone
    assert upper_left > lower_left + 60  # hardly looked at: the image alone
    assert upper_left == pytest.approx(upper_right, abs=6)  # levels 0 and 1


def light_at(line, column):
    """The luminance of a cell of the second picture."""
    place = 31 + column
    span = next(span for span in line.spans if span.start <= place < span.end and span.style.color)
    return luminance(span.style.color.triplet)


def test_pictures_shrink_so_that_all_of_them_is_seen():
    found = attention(4, 4)
    for rows in (12, 14, 18, 30):
        drawn = attention_page(found, width=76, rows=rows).plain.split("\n")
        end = next(i for i, line in enumerate(drawn) if line.startswith("Block 1"))
        assert end - 1 <= rows
        wide = attention_page(found, width=156, rows=rows).plain.split("\n")
        large = [line for line in wide if line.startswith("▀" * 12)]
        assert len(large) + 4 <= rows  # the image, and the map over it below or beside it
    assert len(attention_page(found, width=76, rows=2).plain.split("\n")) > 20  # there is a limit


def test_a_scale_rises_from_dark_to_light():
    lights = [luminance(tint(level, color=True)) for level in range(256)]
    assert all(a < b + 1 for a, b in pairwise(lights)) and lights[-1] - lights[0] > 200
    for ascii, known in ((True, " .:-=+*#%@"), (False, " ░▒▓█")):
        drawn = ramp("0", "20 %", width=40, look=Look(color=False, ascii=ascii)).plain
        shades = drawn.removeprefix("0 ").removesuffix(" 20 %")
        assert len(shades) == 16 and shades[0] != " " and shades[-1] == known[-1]
        assert sorted(shades, key=known.index) == list(shades)


def test_a_path_tells_accuracies_and_the_classes_of_one_image():
    found = OF_TRANSFORMERS["class-token"]
    drawn = class_token_page(found, width=76, sample=1).plain
    assert "of the class token after each block, 50 test samples" in drawn
    assert re.search(r"before block 1 +10\.0 %", drawn) and re.search(r"after block 1 +75\.0 %.* 0\.50\n", drawn)
    assert "Image 2 of 2: cat, seen as such (40 %)" in drawn
    assert "before block 1; cat has 20 %" in drawn and "after block 1, moved 0.50" in drawn
    assert re.search(r"✓ cat +█+.* 25 %", drawn)
    assert "the mean of the tokens" in class_token_page(replace(found, of_class_token=False), width=76).plain


def test_positions_lie_as_their_patches_do():
    tiles = tuple(bytes(255 if place == own else 100 for place in range(4)) for own in range(4))
    found = PositionSimilarity(1.0, 1, False, 2, 2, (0, 1), (0, 1), 2, 2, tiles)
    drawn = position_similarity_page(found, width=40, look=Look(ascii=True)).plain
    assert drawn.startswith("Cosines of each sinusoidal position with\nall others, 2 by 2 patches\n-0.22 ")
    pictured = drawn.split("\n\n", 1)[1].split("\n")
    across = [line.ljust(29).find("@") for line in pictured]
    assert across[0] == across[-1] == 0  # the first place of the first tile; the third one of the third
    assert pictured[0][15 + 7] == pictured[-1][15 + 7] == "@"  # those of the second and the fourth


def test_of_many_positions_some_are_shown_where_there_is_no_room():
    side = range(14)
    tiles = tuple(bytes(255 if place == own else 0 for place in range(196)) for own in range(196))
    found = PositionSimilarity(1.0, 1, True, 14, 14, tuple(side), tuple(side), 14, 14, tiles)
    narrow, wide = (position_similarity_page(found, width=width) for width in (76, 220))
    assert "Some, evenly spread" in narrow.plain and "All positions" in wide.plain
    assert (widths(narrow)[-1], widths(wide)[-1]) == (5 * 14 + 4, 14 * 14 + 13)


def test_the_most_alike_filters_are_named():
    drawn = patch_similarity_page(OF_TRANSFORMERS["patch-similarity"], width=76).plain
    assert drawn.startswith("Cosines between the first 2 of 32 filters of patches\n")
    assert "#1 and #2 -0.50" in drawn
