"""The first epoch as curves: the running mean of its batches, and what the weights of the moment can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from tui_lab.charts.activity import side_by_side
from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.plot import draw
from tui_lab.charts.series import Series
from tui_lab.charts.text import folded
from tui_lab.inspections.content import EpochMoment, FirstEpoch, Measured

_LEAST_CHART, _WIDEST_CHART = 50, 90  # cells
_CHART_ROWS = 13
_GAP = 2


def first_epoch_curves(found: FirstEpoch, *, width: int, look: Look = DEFAULT) -> Text:
    """A chart of accuracy, one of loss, and in words what makes up the gap at the end.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        look: the running mean has the colour of "train", the same in eval mode that of "train_eval".
    """
    across = 2 if width >= 2 * _LEAST_CHART + _GAP else 1
    room = min((width + _GAP) // across - _GAP, _WIDEST_CHART)
    charts = [
        Text.from_ansi(
            draw(
                list(_curves(found, measure)),
                width=room,
                height=_CHART_ROWS,
                title=title,
                x_label="step of epoch 1",
                look=look,
            ).text
        )
        for title, measure in (("Accuracy, %", lambda one: 100 * one.accuracy), ("Loss", lambda one: one.loss))
    ]
    lines = [Text(line) for line in folded(_gap_in_words(found), width)]
    note = (
        "running mean: of the batches so far, each in train mode, before the step it was used for. train and test: the "
        f"weights of the moment in eval mode, on {found.train_samples:,} and {found.test_samples:,} samples, always "
        "the same."
    )
    return Text("\n").join(
        [
            *side_by_side(charts, across, room),
            Text(),
            *lines,
            Text(),
            *(Text(line, look.faint) for line in folded(note, width)),
        ]
    )


def _curves(found: FirstEpoch, measure: Callable[[Measured], float]) -> Iterator[Series]:
    started = [moment for moment in found.moments if moment.step]  # no batch has been seen before the first step
    steps = [moment.step for moment in found.moments]
    if started:
        x = [moment.step for moment in started]
        yield Series("running mean", x, [measure(moment.running) for moment in started], "train")
    yield Series("train", steps, [measure(moment.train) for moment in found.moments], "train_eval")
    yield Series("test", steps, [measure(moment.test) for moment in found.moments], "test")


def _gap_in_words(found: FirstEpoch) -> str:
    last: EpochMoment = found.moments[-1]
    where = "At the end of epoch 1" if last.step == found.steps_per_epoch else f"After {last.step:,} steps"
    running, train, test = (100 * one.accuracy for one in (last.running, last.train, last.test))
    if not last.step:
        return f"Before the first step: {train:.1f} % on train, {test:.1f} % on test."
    return (
        f"{where}: running mean {running:.1f} %, train {train:.1f} %, test {test:.1f} %. From running mean to train "
        f"{train - running:+.1f} points: the same split, but asked at the end, without augmentation and dropout. From "
        f"train to test {test - train:+.1f} points: other samples."
    )
