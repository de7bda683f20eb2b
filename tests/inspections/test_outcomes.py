"""The confusion matrix and the samples say what the outputs of the model say."""

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.data.dataset import Split
from tui_lab.inspections import outcomes as module
from tui_lab.inspections.outcomes import LARGEST_SIDE, Outcomes, confusion, in_turns, samples, shown, top_loss
from tui_lab.pictures import Picture

CLASSES = 3
NAMES = ("a", "b", "c")


def split(n, seed=0, shape=(1, 4, 4)):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)
    return Split(x, torch.randint(0, CLASSES, (n,), generator=generator))


def outcomes(n=50, seed=0, **kwargs):
    outputs = 3 * torch.randn(n, CLASSES, generator=torch.Generator().manual_seed(seed + 1))
    return outputs, Outcomes.of(outputs, split(n, seed), NAMES, (2.0, 40), are_probabilities=False, **kwargs)


@given(n=st.integers(1, 80), seed=st.integers(0, 1000))
def test_counts_are_those_of_a_plain_loop(n, seed):
    outputs, found = outcomes(n, seed)
    expected = [[0] * CLASSES for _ in NAMES]
    for output, label in zip(outputs, found.split.y, strict=True):
        expected[int(label)][int(output.argmax())] += 1
    matrix = confusion(found)
    assert [list(row) for row in matrix.counts] == expected
    assert (matrix.epoch, matrix.total_step, matrix.class_names) == (2.0, 40, NAMES)


def test_every_cell_off_the_diagonal_has_its_surest_mistakes():
    outputs, found = outcomes(200)
    probabilities = outputs.softmax(1)
    matrix = confusion(found)
    assert set(matrix.mistakes) == {(t, p) for t, p, _ in matrix.most_confused(99)}
    for (true, predicted), kept in matrix.mistakes.items():
        assert len(kept) == min(4, matrix.counts[true][predicted])
        assert all(sample.label == true and sample.predicted == predicted for sample in kept)
        assert not any(sample.is_right for sample in kept)
        in_cell = ((found.split.y == true) & (found.predictions == predicted)).nonzero()[:, 0]
        expected = sorted((float(probabilities[i, predicted]) for i in in_cell), reverse=True)[:4]
        assert [sample.guesses[0].probability for sample in kept] == pytest.approx(expected, abs=1e-5)


def test_a_sample_has_its_picture_its_three_most_probable_classes_and_its_loss():
    outputs, found = outcomes(5)
    sample = found.samples([3])[0]
    assert sample.index == 3
    assert sample.shown.rgb == bytes(value for value in found.split.x[3].flatten().tolist() for _ in range(3))
    probabilities = outputs[3].softmax(0).tolist()
    assert [guess.label for guess in sample.guesses] == sorted(range(3), key=lambda label: -probabilities[label])
    assert sum(guess.probability for guess in sample.guesses) == pytest.approx(1, abs=1e-5)
    assert sample.loss == pytest.approx(-math.log(probabilities[sample.label]), abs=1e-5)


def test_probabilities_of_a_model_that_ends_with_a_softmax_are_its_outputs():
    outputs = torch.tensor([[0.7, 0.2, 0.1]])
    found = Outcomes.of(outputs, Split(torch.zeros(1, 2), torch.tensor([0])), NAMES, (1.0, 1), are_probabilities=True)
    assert found.samples([0])[0].guesses[0].probability == pytest.approx(0.7)
    assert found.samples([0])[0].loss == pytest.approx(float(-outputs[0].log_softmax(0)[0]), abs=1e-5)


@given(n=st.integers(1, 120), seed=st.integers(0, 1000), right=st.booleans())
def test_the_worst_samples_are_those_of_highest_loss_and_the_worst_errors(n, seed, right):
    _, found = outcomes(n, seed)
    if right:  # hardly a sample is misclassified, and the loss of some that are not is higher
        y = found.predictions.clone()
        y[0] = (y[0] + 1) % CLASSES
        found = replace(found, split=Split(found.split.x, y), losses=torch.arange(n).float())
    worst = top_loss(found)
    is_wrong = found.split.y != found.predictions
    assert (worst.total, worst.wrong) == (n, int(is_wrong.sum()))
    losses = [sample.loss for sample in worst.samples]
    assert losses == sorted(losses, reverse=True)
    highest = found.losses.sort(descending=True).values[:48].tolist()
    wrong = found.losses[is_wrong].sort(descending=True).values[:48].tolist()
    assert [loss for loss in losses if loss >= highest[-1] - 1e-5] == pytest.approx(highest, abs=1e-5)
    assert [sample.loss for sample in worst.misclassified[:48]] == pytest.approx(wrong, abs=1e-5)
    assert len({sample.index for sample in worst.samples}) == len(worst.samples) <= 96


def test_the_worst_large_pictures_are_fewer():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (100, 3, 64, 64), generator=generator, dtype=torch.uint8)
    y = torch.randint(0, CLASSES, (100,), generator=generator)
    found = Outcomes.of(
        torch.randn(100, CLASSES, generator=generator), Split(x, y), NAMES, (1.0, 1), are_probabilities=False
    )
    assert 12 <= len(top_loss(found).samples) < 48
    assert len(json.dumps(top_loss(found).to_json())) < 500_000


def test_losses_that_are_not_finite_are_the_highest():
    _, found = outcomes(5)
    found = replace(found, losses=torch.tensor([1.0, math.nan, 2.0, 3.0, math.inf]))
    assert {sample.index for sample in top_loss(found).samples[:2]} == {1, 4}


def test_the_chosen_samples_take_turns_among_the_classes_and_stay_the_same():
    assert in_turns(torch.tensor([2, 2, 2, 0, 1, 0]), 3, most=5) == [3, 4, 0, 5, 1]
    assert in_turns(torch.tensor([], dtype=torch.long), 3) == []
    first, second = (samples(outcomes(100, seed=1)[1]).chosen for _ in range(2))
    assert [sample.index for sample in first] == [sample.index for sample in second]
    assert len(first) == 12


def test_where_nothing_is_misclassified_there_are_no_mistakes():
    y = torch.arange(3)
    found = Outcomes.of(torch.eye(3) * 9, Split(torch.zeros(3, 2), y), NAMES, (1.0, 1), are_probabilities=False)
    assert confusion(found).mistakes == {} and top_loss(found).misclassified == ()


def test_pictures_are_as_stored_and_large_ones_are_reduced():
    colour = torch.tensor([[[1]], [[2]], [[3]]], dtype=torch.uint8)
    assert shown(colour) == Picture(1, 1, bytes([1, 2, 3]))
    assert shown(torch.tensor([0.5, -1.0])) == (0.5, -1.0)
    large = torch.full((3, 2 * LARGEST_SIDE, LARGEST_SIDE), 100, dtype=torch.uint8)
    reduced = shown(large)
    assert (reduced.width, reduced.height) == (LARGEST_SIDE // 2, LARGEST_SIDE)
    assert set(reduced.rgb) == {100}


def test_pictures_of_all_cells_together_are_bounded_and_the_fullest_cells_come_first(monkeypatch):
    monkeypatch.setattr(module, "MOST_PICTURE_BYTES", 3 * 16 * 6)
    _, found = outcomes(200)
    matrix = confusion(found)
    assert sum(len(kept) for kept in matrix.mistakes.values()) == 6
    fullest = matrix.most_confused(2)
    assert set(matrix.mistakes) == {(true, predicted) for true, predicted, _ in fullest}


def test_outputs_that_are_not_finite_are_no_reason_to_fail():
    outputs = torch.tensor([[math.inf, 0.0, 0.0], [math.nan, 0.0, 1.0]])
    found = Outcomes.of(outputs, split(2), NAMES, (1.0, 1), are_probabilities=False)
    assert sum(map(sum, confusion(found).counts)) == 2
    assert len(samples(found).chosen) == 2
