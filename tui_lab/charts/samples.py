"""Samples with what the model makes of them: bars of probabilities, captions, grids of pictures."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import mosaic
from tui_lab.charts.series import short_number
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import Sample, TopLoss
from tui_lab.pictures import Picture

PAGE = 12  # samples of a gallery that are seen at once
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR = 4
_MOST_NAME = 14
_TILE_NAME = 10  # cells of a class name under a picture
_TILE = 16  # cells of a picture in a grid
_RIGHT, _WRONG = ("✓", "+"), ("✗", "x")  # each as a character and in 7 bits


def probability_bars(sample: Sample, class_names: Sequence[str], *, width: int, look: Look = DEFAULT) -> Text:
    """The most probable classes of a sample, one a line: name, bar, percent.

    Args:
        sample: what to draw.
        class_names: one a class.
        width: cells of a line, at least 20.
        look: the true class, which also has a mark before it, in its colour of "train", others in that of "test".
    """
    names = [look.printable(class_names[guess.label]) for guess in sample.guesses]
    percents = [_percent(guess.probability) for guess in sample.guesses]
    number_width = max(map(len, percents)) + 1
    name_width = min(max(map(cell_len, names)), _MOST_NAME, max(1, width - 3 - number_width - _LEAST_BAR))
    room = max(0, width - 3 - name_width - number_width)
    lines = []
    for guess, name, percent in zip(sample.guesses, names, percents, strict=True):
        is_true = guess.label == sample.label
        name = shortened(name, name_width)
        line = Text(f"{_RIGHT[look.ascii] if is_true else ' '} {name}{' ' * (name_width - cell_len(name))} ")
        line.append(bar(guess.probability, room, look), look.kind("train" if is_true else "test"))
        line.append(f"{percent:>{number_width}}")
        lines.append(line)
    return Text("\n").join(lines)


def sample_line(sample: Sample, class_names: Sequence[str], *, look: Look = DEFAULT) -> str:
    """A sample in one line: `cat, taken for dog (87 %)`, `cat, seen as such (98 %)`; a point with its coordinates."""
    name, said = (look.printable(class_names[label]) for label in (sample.label, sample.predicted))
    verdict = "seen as such" if sample.is_right else f"taken for {said}"
    where = "" if isinstance(sample.shown, Picture) else f"({sample.shown[0]:.2f}, {sample.shown[1]:.2f})  "
    return f"{where}{name}, {verdict} ({_percent(sample.guesses[0].probability)})"


def sample_grid(
    samples: Sequence[Sample],
    class_names: Sequence[str],
    *,
    width: int,
    columns: int = _TILE,
    notes: Sequence[str] = (),
    look: Look = DEFAULT,
) -> Text:
    """Pictures side by side, each over its true class and the three most probable ones; points one a line.

    Args:
        samples: what to draw.
        class_names: one a class.
        width: cells of the whole.
        columns: cells that each picture may take.
        notes: a last line for each of the samples; none where there are no notes.
    """
    shown = [sample.shown for sample in samples if isinstance(sample.shown, Picture)]
    if len(shown) < len(samples):
        lines = [sample_line(sample, class_names, look=look) for sample in samples]
        lines = [f"{line}, {note}" for line, note in zip(lines, notes, strict=True)] if notes else lines
        return Text("\n").join(Text(shortened(line, width)) for line in lines)
    captions = [_caption(sample, class_names, look) for sample in samples]
    captions = [f"{caption}\n{note}" for caption, note in zip(captions, notes, strict=True)] if notes else captions
    return mosaic(shown, captions, width=width, columns=columns, look=look)


def loss_gallery(
    found: TopLoss, *, width: int, page: int | None = None, misclassified: bool = False, look: Look = DEFAULT
) -> Text:
    """The samples with the highest loss, the highest first, each over its class, what it is taken for, and its loss.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        page: a dozen of them, from 0 on, the last one where there are fewer; None = all.
        misclassified: only those.
    """
    samples = found.misclassified if misclassified else found.samples
    wrong = f"{found.wrong:,} of {found.total:,} test samples are misclassified."
    if not samples:
        return Text("\n").join(map(Text, folded(wrong, width)))
    start = 0 if page is None else PAGE * min(max(page, 0), pages(found, misclassified=misclassified) - 1)
    part = samples if page is None else samples[start : start + PAGE]
    which = "misclassified ones with the highest loss" if misclassified else "samples with the highest loss"
    head = f"{start + 1} to {start + len(part)} of the {len(samples)} {which}. {wrong}"
    losses = [f"loss {short_number(sample.loss, 3)}" for sample in part]
    return Text("\n").join(
        [
            *map(Text, folded(head, width)),
            Text(),
            sample_grid(part, found.class_names, width=width, notes=losses, look=look),
        ]
    )


def pages(found: TopLoss, *, misclassified: bool = False) -> int:
    """How many pages `loss_gallery` has, at least 1."""
    return max(1, -(-len(found.misclassified if misclassified else found.samples) // PAGE))


def _caption(sample: Sample, class_names: Sequence[str], look: Look) -> str:
    """The true class, then a line for each guess: the first one is right or wrong, one below may be the true class."""
    names = [look.printable(name) for name in (class_names[sample.label], *_guessed(sample, class_names))]
    names = [shortened(name, _TILE_NAME) for name in names]
    name_width = max(map(cell_len, names[1:]))
    lines = [names[0]]
    for place, (guess, name) in enumerate(zip(sample.guesses, names[1:], strict=True)):
        mark = _RIGHT[look.ascii] if guess.label == sample.label else " " if place else _WRONG[look.ascii]
        lines.append(f"{mark} {name}{' ' * (name_width - cell_len(name))} {_percent(guess.probability):>5}")
    return "\n".join(lines)


def _guessed(sample: Sample, class_names: Sequence[str]) -> list[str]:
    return [class_names[guess.label] for guess in sample.guesses]


def bar(share: float, width: int, look: Look) -> str:
    """A bar of up to `width` cells, drawn to an eighth of one; blanks for the rest."""
    share = min(max(share, 0.0), 1.0) if share == share else 0.0  # NaN of a model whose outputs overflow
    if look.ascii:
        return ("#" * round(share * width)).ljust(width)
    whole, eighth = divmod(round(share * width * 8), 8)
    return ("█" * whole + (_EIGHTHS[eighth] if eighth else "")).ljust(width)


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
