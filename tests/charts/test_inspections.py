"""Drawings of what inspections found: inside their width, readable, and saying what the content says."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.filters import filter_grid
from tui_lab.charts.gradients import gradient_table
from tui_lab.charts.inspections import draw_inspection
from tui_lab.charts.look import DARK, LIGHT, Look
from tui_lab.charts.matrix import class_bars, confused_pairs, confusion_matrix, shown_classes
from tui_lab.charts.samples import loss_gallery, pages, probability_bars, sample_grid, sample_line
from tui_lab.charts.shading import contrast
from tui_lab.charts.supports import support_vectors
from tui_lab.inspections.content import (
    Boundary,
    Confusion,
    Filters,
    GradientCheck,
    Guess,
    LabelledPoint,
    Sample,
    Samples,
    Supports,
    TensorCheck,
    TopLoss,
)
from tui_lab.pictures import Picture

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle-boot",  # in one word, so that the test can split a line
)
DIGITS = tuple("0123456789")
GREY = Picture(4, 4, bytes([128]) * 48)


def confusion(names, largest=1000):
    """Every cell another count; the last class has no samples at all."""
    n = len(names)
    counts = [[largest if i == j else (7 * i + 3 * j) % 50 for j in range(n)] for i in range(n)]
    counts[-1] = [0] * n
    return Confusion(2.0, 10, tuple(names), tuple(map(tuple, counts)), {})


def widths(text):
    return [cell_len(line) for line in text.plain.split("\n")]


# The confusion matrix


@pytest.mark.parametrize("names", [CIFAR, FASHION, DIGITS])
@pytest.mark.parametrize("width", [62, 76, 100, 200])
@pytest.mark.parametrize("color", [True, False])
def test_ten_classes_of_a_thousand_samples_fit_with_every_count(names, width, color):
    found = confusion(names)
    drawn = confusion_matrix(found, width=width, look=Look(color=color))
    assert max(widths(drawn)) <= width
    rows = drawn.plain.split("\n")[2:12]
    for name, row, counts in zip(names, rows, found.counts, strict=True):
        assert row.startswith(name[:3])
        cells = row.split()[-11:-1]
        assert [0 if cell == "." else int(cell) for cell in cells] == list(counts)
        expected = "-" if not sum(counts) else f"{100 * counts[names.index(name)] / sum(counts):.1f}"
        assert row.split()[-1] == expected
    heads = drawn.plain.split("\n")[1].replace("right %", "").split()[1:]
    assert len(set(heads)) == 10


@given(
    n=st.integers(1, 30),
    largest=st.sampled_from([1, 99, 10**7]),
    width=st.integers(0, 120),
    ascii=st.booleans(),
    name=st.text(max_size=6),
)
def test_any_matrix_stays_within_its_width(n, largest, width, ascii, name):
    found = confusion([f"{name}{i}" for i in range(n)], largest)
    drawn = confusion_matrix(found, width=width, look=Look(ascii=ascii), selected=(0, 0))
    assert max(widths(drawn)) <= width
    assert not ascii or drawn.plain.isascii()


def test_where_not_all_classes_fit_those_confused_most_are_shown():
    counts = [[100 * (i == j) for j in range(40)] for i in range(40)]
    counts[30][5] = 9
    found = Confusion(1.0, 1, tuple(f"class {i}" for i in range(40)), tuple(map(tuple, counts)), {})
    classes = shown_classes(found, 40)
    assert 5 in classes and 30 in classes and len(classes) < 40 and classes == sorted(classes)
    drawn = confusion_matrix(found, width=40).plain
    assert f"{len(classes)} of 40 classes" in drawn
    assert any(line.startswith("30 ") and " 9 " in line for line in drawn.split("\n"))


def test_counts_are_readable_on_their_shades_in_both_palettes():
    found = Confusion(1.0, 1, ("a", "b"), ((50, 50), (1, 999)), {})
    for palette in (DARK, LIGHT):
        spans = [span.style for span in confusion_matrix(found, width=40, look=Look(palette)).spans]
        shaded = [style for style in spans if not isinstance(style, str) and style.bgcolor]
        assert len(shaded) == 4
        for style in shaded:
            assert contrast(tuple(style.color.triplet), tuple(style.bgcolor.triplet)) >= 4.5
        assert len({style.bgcolor for style in shaded}) == 4
    plain = [span.style for span in confusion_matrix(found, width=40, look=Look(color=False)).spans]
    assert not any(style.color or style.bgcolor for style in plain)
    assert [style.meta["cell"] for style in plain] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_the_selected_cell_is_marked():
    drawn = confusion_matrix(confusion(CIFAR), width=76, selected=(3, 5))
    (marked,) = [span for span in drawn.spans if span.style == "bold reverse"]
    line = drawn.plain[: marked.start].count("\n")
    assert line == 2 + 3 and drawn.plain[marked.start : marked.end].strip() == str(confusion(CIFAR).counts[3][5])


def test_names_that_begin_alike_are_told_apart():
    drawn = confusion_matrix(confusion([f"category-{letter}" for letter in "abcdefgh"]), width=60)
    assert drawn.plain.split("\n")[1].split()[1:-2] == list("01234567")
    assert [line.split()[:2] for line in drawn.plain.split("\n")[2:4]] == [["0", "category-a"], ["1", "category-b"]]


def test_the_pairs_confused_most_are_told_in_words():
    found = Confusion(1.0, 1, ("cat", "dog"), ((8, 2), (3, 7)), {})
    assert confused_pairs(found, width=60).plain.split("\n") == [
        "dog, taken for cat: 3 of 10",
        "cat, taken for dog: 2 of 10",
    ]
    assert "no sample" in confused_pairs(Confusion(1.0, 1, ("a",), ((3,),), {}), width=60).plain


@given(n=st.integers(1, 30), width=st.integers(30, 160), color=st.booleans(), ascii=st.booleans())
def test_recall_and_precision_of_each_class_fit(n, width, color, ascii):
    found = confusion([f"klass-ü{i}" for i in range(n)])
    drawn = class_bars(found, width=width, look=Look(color=color, ascii=ascii))
    assert max(widths(drawn)) <= width
    assert drawn.plain.isascii() or not ascii
    assert color or not drawn.spans


def test_the_class_with_the_lowest_recall_comes_first():
    found = Confusion(1.0, 1, ("cat", "dog", "owl"), ((8, 2, 0), (3, 7, 0), (0, 0, 0)), {})
    lines = class_bars(found, width=100, look=Look(ascii=True)).plain.split("\n")
    assert lines[0].split() == ["recall", "precision"]
    rows = [line.replace("#", "").replace(" .", " ").split() for line in lines[1:4]]
    assert [row[0] for row in rows] == ["dog", "cat", "owl"]
    assert re.findall(r"[\d.]+ %", lines[1])[-2:] == ["70.0 %", "77.8 %"]
    bar = lines[1].split()[1]
    assert bar.count("#") / len(bar) == pytest.approx(0.7, abs=0.02)
    assert "%" not in lines[3] and lines[3].count("-") == 2


# Samples

OF_IMAGE = Sample(0, GREY, 3, (Guess(5, 0.7), Guess(3, 0.25), Guess(4, 0.05)), 1.4)
OF_POINT = Sample(1, (0.5, -1.25), 0, (Guess(0, 0.9), Guess(1, 0.1)), 0.1)


@given(
    probabilities=st.lists(st.floats(allow_nan=True), min_size=1, max_size=3),
    width=st.integers(20, 80),
    ascii=st.booleans(),
)
def test_bars_have_one_line_a_class_within_the_width(probabilities, width, ascii):
    sample = Sample(0, GREY, 0, tuple(Guess(i, p) for i, p in enumerate(probabilities)), 1.0)
    for line in probability_bars(sample, CIFAR, width=width, look=Look(ascii=ascii)).plain.split("\n")[:1]:
        assert line[0] in "✓+"
    finite = [p for p in probabilities if 0 <= p <= 1]
    if len(finite) == len(probabilities):
        assert set(widths(probability_bars(sample, CIFAR, width=width, look=Look(ascii=ascii)))) == {width}


def test_a_bar_is_as_long_as_its_probability():
    lines = probability_bars(OF_IMAGE, CIFAR, width=60, look=Look(ascii=True)).plain.split("\n")
    room = 60 - 3 - 4 - 5
    assert [line.count("#") for line in lines] == [round(p * room) for p in (0.7, 0.25, 0.05)]
    assert [line[:6].strip() for line in lines] == ["dog", "+ cat", "deer"]
    assert [line[-4:] for line in lines] == ["70 %", "25 %", " 5 %"]


def test_the_true_class_has_another_colour_than_the_others():
    colours = [span.style.color for span in probability_bars(OF_IMAGE, CIFAR, width=60).spans]
    assert colours[0] == colours[2] != colours[1]


def test_a_sample_in_one_line():
    assert sample_line(OF_IMAGE, CIFAR) == "cat, taken for dog (70 %)"
    assert sample_line(OF_POINT, CIFAR) == "(0.50, -1.25)  airplane, seen as such (90 %)"


def test_samples_are_pictures_over_their_classes_and_points_are_lines():
    drawn = sample_grid([OF_IMAGE] * 3, CIFAR, width=70)
    assert drawn.plain.count("▀") == 3 * 16 * 8
    assert drawn.plain.split("\n")[8:12] == [
        "cat               cat               cat",
        "✗ dog   70 %      ✗ dog   70 %      ✗ dog   70 %",
        "✓ cat   25 %      ✓ cat   25 %      ✓ cat   25 %",
        "  deer   5 %        deer   5 %        deer   5 %",
    ]
    assert sample_grid([OF_POINT], CIFAR, width=70).plain == sample_line(OF_POINT, CIFAR)
    assert sample_grid([OF_IMAGE], CIFAR, width=70, look=Look(ascii=True)).plain.isascii()


def test_a_gallery_shows_a_dozen_a_page_with_their_losses():
    samples = tuple(replace(OF_IMAGE, index=i, loss=30.0 - i) for i in range(20))
    right = replace(OF_IMAGE, label=5, loss=0.5)
    found = TopLoss(1.0, 1, CIFAR, 400, 70, (*samples, right))
    assert (pages(found), pages(found, misclassified=True), pages(replace(found, samples=()))) == (2, 2, 1)
    first, second = (loss_gallery(found, width=100, page=page).plain for page in (0, 1))
    assert first.startswith(
        "1 to 12 of the 21 samples with the highest loss. 70 of 400 test samples are misclassified."
    )
    assert first.count("loss ") == 12 and "loss 30" in first and "loss 18" not in first
    assert second.startswith("13 to 21") and "loss 0.5" in second
    assert loss_gallery(found, width=100, page=9).plain == second  # the last one
    assert "loss 0.5" not in loss_gallery(found, width=80, misclassified=True).plain
    points = TopLoss(1.0, 1, CIFAR, 400, 70, (OF_POINT,))
    assert loss_gallery(points, width=80).plain.endswith("airplane, seen as such (90 %), loss 0.1")


# Filters


def test_filters_have_their_scale_below_and_how_to_read_them_above():
    found = Filters(1.0, 1, "features.0, Conv2d", (GREY, GREY), (0.25, 1.5e-5), 32)
    drawn = filter_grid(found, width=60).plain
    assert "2 of 32 filters" in drawn and "±0.25" in drawn and "±1.5e-5" in drawn
    assert max(widths(filter_grid(found, width=30))) <= 30
    assert filter_grid(found, width=60, look=Look(ascii=True)).plain.isascii()
    words = filter_grid(replace(found, filters=1000, unit="word"), width=80).plain
    assert "2 of 1,000 words" in words and "each word's own" in words and "filter" not in words


# The decision boundary


def boundary(cells=60, train=(), test=(), names=("outer", "inner")):
    """The left half is surely the first class, the right half the second one with 3 in 5."""
    row = [(255, 0) if column < cells / 2 else (102, 153) for column in range(cells)]
    return Boundary(
        1.0, 1, names, -1.0, -1.0, 2.0, cells, bytes(v for _ in range(cells) for p in row for v in p), train, test
    )


def parts(drawn):
    """The lines of the plane, and those of the legend."""
    lines = drawn.plain.split("\n")
    at = next(i for i, line in enumerate(lines) if "outer" in line)
    return lines[:at], lines[at:]


@given(columns=st.none() | st.integers(20, 120), rows=st.none() | st.integers(8, 60), color=st.booleans())
def test_the_plane_is_a_square_within_its_room(columns, rows, color):
    drawn = decision_boundary(boundary(), columns=columns, rows=rows, look=Look(color=color))
    plane, legend = parts(drawn)
    assert {len(line) for line in plane} == {2 * len(plane)}
    if columns:
        assert max(widths(drawn)) <= columns
    if rows:
        assert len(plane) + len(legend) <= rows
    if columns is rows is None:
        assert len(plane) == 30


def test_the_field_has_the_colour_of_its_class_and_is_stronger_where_it_is_surer():
    first = decision_boundary(boundary()).split("\n")[0]
    left, right = (span.style.color.triplet for span in (first.spans[0], first.spans[-1]))
    sky, orange = DARK.runs[:2]

    def nearest(colour, background):
        tint = [a - b for a, b in zip(colour, background, strict=True)]
        return max(
            (sky, orange), key=lambda full: sum(a * (b - c) for a, b, c in zip(tint, full, background, strict=True))
        )

    assert nearest(left, DARK.background) == sky and nearest(right, DARK.background) == orange
    assert contrast(tuple(left), DARK.background) > contrast(tuple(right), DARK.background) > 1


def test_points_lie_where_they_are_training_points_on_top():
    train = (LabelledPoint(-0.99, 0.99, 1), LabelledPoint(0.0, 0.0, 0))
    test = (LabelledPoint(0.99, -0.99, 0), LabelledPoint(0.0, 0.0, 1), LabelledPoint(5.0, 5.0, 0))
    plane, _ = parts(decision_boundary(boundary(train=train, test=test), columns=20))
    assert (plane[0][0], plane[-1][-1], plane[5][10]) == ("•", "○", "•")
    assert "".join(plane).count("○") == 1
    plane, _ = parts(decision_boundary(boundary(train=train, test=test), columns=20, look=Look(color=False)))
    assert (plane[0][0], plane[-1][-1], plane[5][10]) == ("B", "a", "A")
    drawn = decision_boundary(boundary(train=train, test=test), columns=20)
    assert drawn.spans[0].style.color.triplet == DARK.runs[1]


def test_support_vectors_lie_on_top_of_the_training_points_that_they_are():
    point = LabelledPoint(-0.99, 0.99, 1)
    found = replace(boundary(train=(point,)), supports=(point,))
    plane, legend = parts(decision_boundary(found, columns=40))
    assert plane[0][0] == "◆" and "◆ support vector" in "".join(legend)
    plane, legend = parts(decision_boundary(found, columns=40, look=Look(ascii=True)))
    assert plane[0][0] == "2" and "digit: support vector" in "".join(legend)
    assert "support" not in "".join(parts(decision_boundary(boundary(train=(point,)), columns=40))[1])


SUPPORTS = Supports(1.0, 1, ("outer", "inner"), (30, 1), (100, 99), (Sample(7, (0.5, 0.25), 0, (Guess(1, 0.6),), 1.5),))


@given(width=st.integers(30, 120), color=st.booleans(), ascii=st.booleans())
def test_support_vectors_are_counted_by_class_within_the_width(width, color, ascii):
    drawn = support_vectors(SUPPORTS, width=width, look=Look(color=color, ascii=ascii))
    assert max(widths(drawn)) <= width
    assert drawn.plain.isascii() or not ascii
    assert color or not drawn.spans
    assert "outer 30 of 100" in drawn.plain and "inner   1 of 99" in drawn.plain


def test_the_hardest_support_vectors_follow_the_counts():
    lines = support_vectors(SUPPORTS, width=80).plain.split("\n")
    assert lines[0] == "The boundary rests on 31 of 199 training samples (16 %)."
    assert lines[2].count("━") == round(0.3 * (lines[2].count("━") + lines[2].count("─")))
    assert lines[-1] == "(0.50, 0.25)  outer, taken for inner (60 %)"
    assert "hardest" not in support_vectors(replace(SUPPORTS, hardest=()), width=80).plain


def test_without_colours_classes_are_textures_and_all_is_explained():
    for ascii, texture in ((False, "░"), (True, ".")):
        drawn = decision_boundary(boundary(), look=Look(color=False, ascii=ascii))
        plane, legend = parts(drawn)
        assert plane[0] == " " * 30 + texture * 30
        assert f"'{texture}' inner" in "".join(legend) and "capital: train" in "".join(legend)
        assert not drawn.spans
    assert decision_boundary(boundary(names=("outer", "ïnner")), look=Look(ascii=True)).plain.isascii()


def test_points_can_be_told_from_the_field_of_their_own_class():
    for palette in (DARK, LIGHT):
        train = (LabelledPoint(-0.5, 0.0, 0),)
        drawn = decision_boundary(boundary(train=train), look=Look(palette))
        (point,) = [span.style for span in drawn.spans if drawn.plain[span.start] == "•" and span.style.bold]
        assert contrast(tuple(point.color.triplet), tuple(point.bgcolor.triplet)) > 2.2


# The gradient check


def gradients(bias_error=0.7):
    tensors = (
        TensorCheck("1.weight", 1, False, (100, 784), 1.2e-16, 3.4e-11, 24),
        TensorCheck("1.bias", 1, True, (100,), bias_error, bias_error, 24),
        TensorCheck("3.weight", 0, False, (10, 100), 1e-16, None, 0),
    )
    return GradientCheck(1.0, 10, "mean", 20, 1e-7, "pooled", tensors)


def test_a_gradient_check_is_a_line_a_tensor_with_marks_and_words():
    lines = gradient_table(gradients(), width=100).plain.split("\n")
    assert lines[0].startswith("The gradient of the bias of hidden layer 1 is wrong: pooled")
    cells = [re.split(r"  +", line.strip()) for line in lines[2:6]]
    assert cells == [
        ["tensor", "shape", "autograd", "differences", "entries"],
        ["W_1", "weights of hidden layer 1", "100×784", "1e-16 ✓ pass", "3e-11 ✓ pass", "24 of 78,400"],
        ["b_1", "bias of hidden layer 1", "100", "7e-01 ✗ FAIL", "7e-01 ✗ FAIL", "24 of 100"],
        ["W_y", "weights of the output layer", "10×100", "1e-16 ✓ pass", "-", "0 of 1,000"],
    ]
    assert "averaged over 20 test samples" in " ".join(lines)
    right = gradient_table(gradients(bias_error=1e-12), width=100).plain
    assert right.startswith("Every gradient by hand is right") and "FAIL" not in right


@given(width=st.integers(45, 160), color=st.booleans(), ascii=st.booleans(), error=st.floats())
def test_a_gradient_check_keeps_its_verdicts_at_any_width(width, color, ascii, error):
    drawn = gradient_table(gradients(error), width=width, look=Look(color=color, ascii=ascii))
    assert max(widths(drawn)) <= width
    assert drawn.plain.count("FAIL") == (0 if error <= 1e-7 else 2)
    assert drawn.plain.count("pass") == (5 if error <= 1e-7 else 3)
    assert drawn.plain.isascii() or not ascii
    assert color or {str(span.style) for span in drawn.spans} <= {"bold"}


# All of them


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        confusion(CIFAR),
        Samples(1.0, 1, CIFAR, (OF_IMAGE,) * 5),
        TopLoss(1.0, 1, CIFAR, 40, 7, (OF_IMAGE,) * 5),
        TopLoss(1.0, 1, CIFAR, 40, 0, ()),
        Samples(1.0, 1, CIFAR, (OF_POINT,)),
        TopLoss(1.0, 1, CIFAR, 40, 7, (OF_POINT,)),
        Filters(1.0, 1, "0, Linear", (GREY,) * 8, (0.1,) * 8, 8),
        boundary(),
        gradients(),
    ],
    ids=["confusion", "samples", "worst", "none", "points", "worst points", "filters", "boundary", "gradients"],
)
def test_everything_is_drawn_within_a_narrow_terminal(content, color, ascii):
    drawn = draw_inspection(content, width=76, look=Look(color=color, ascii=ascii))
    assert drawn.plain.strip() and max(widths(drawn)) <= 76
    assert not ascii or (drawn.plain.isascii() and not re.search("[\x00-\x09\x0b-\x1f]", drawn.plain))
