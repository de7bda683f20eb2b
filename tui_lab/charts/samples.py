"""Samples with what the model makes of them: bars of probabilities, captions, grids of pictures."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.pictures import mosaic
from tui_lab.charts.plot import DARK, Palette
from tui_lab.charts.shading import style
from tui_lab.charts.text import printable, shortened
from tui_lab.inspections.content import Sample
from tui_lab.pictures import Picture

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR = 4
_MOST_NAME = 14
_TILE_NAME = 10  # cells of a class name under a picture
_TILE = 16  # cells of a picture in a grid
_RIGHT, _WRONG = ("✓", "+"), ("✗", "x")  # each as a character and in 7 bits


def probability_bars(
    sample: Sample,
    class_names: Sequence[str],
    *,
    width: int,
    palette: Palette = DARK,
    color: bool = True,
    ascii: bool = False,
) -> Text:
    """The most probable classes of a sample, one a line: name, bar, percent.

    Args:
        sample: what to draw.
        class_names: one a class.
        width: cells of a line, at least 20.
        palette: the true class, which also has a mark before it, in its colour of "train", others in that of "test".
        color: False for no colours.
        ascii: 7-bit characters only.
    """
    names = [printable(class_names[guess.label], ascii=ascii) for guess in sample.guesses]
    percents = [_percent(guess.probability) for guess in sample.guesses]
    number_width = max(map(len, percents)) + 1
    name_width = min(max(map(cell_len, names)), _MOST_NAME, max(1, width - 3 - number_width - _LEAST_BAR))
    room = max(0, width - 3 - name_width - number_width)
    lines = []
    for guess, name, percent in zip(sample.guesses, names, percents, strict=True):
        is_true = guess.label == sample.label
        name = shortened(name, name_width)
        line = Text(f"{_RIGHT[ascii] if is_true else ' '} {name}{' ' * (name_width - cell_len(name))} ")
        colour = style(palette.kinds["train" if is_true else "test"]) if color else ""
        line.append(_bar(guess.probability, room, ascii=ascii), colour).append(f"{percent:>{number_width}}")
        lines.append(line)
    return Text("\n").join(lines)


def sample_line(sample: Sample, class_names: Sequence[str], *, ascii: bool = False) -> str:
    """A sample in one line: `cat, taken for dog (87 %)`, `cat, seen as such (98 %)`; a point with its coordinates."""
    name, said = (printable(class_names[label], ascii=ascii) for label in (sample.label, sample.predicted))
    verdict = "seen as such" if sample.is_right else f"taken for {said}"
    where = "" if isinstance(sample.shown, Picture) else f"({sample.shown[0]:.2f}, {sample.shown[1]:.2f})  "
    return f"{where}{name}, {verdict} ({_percent(sample.guesses[0].probability)})"


def sample_grid(
    samples: Sequence[Sample],
    class_names: Sequence[str],
    *,
    width: int,
    columns: int = _TILE,
    color: bool = True,
    ascii: bool = False,
) -> Text:
    """Pictures side by side, each over its true class and the three most probable ones; points one a line.

    Args:
        samples: what to draw.
        class_names: one a class.
        width: cells of the whole.
        columns: cells that each picture may take.
        color, ascii: see `tui_lab.charts.pictures.half_blocks`.
    """
    shown = [sample.shown for sample in samples if isinstance(sample.shown, Picture)]
    if len(shown) < len(samples):
        lines = [sample_line(sample, class_names, ascii=ascii) for sample in samples]
        return Text("\n").join(Text(shortened(line, width)) for line in lines)
    captions = [_caption(sample, class_names, ascii=ascii) for sample in samples]
    return mosaic(shown, captions, width=width, columns=columns, color=color, ascii=ascii)


def _caption(sample: Sample, class_names: Sequence[str], *, ascii: bool) -> str:
    """The true class, then a line for each guess: the first one is right or wrong, one below may be the true class."""
    names = [printable(name, ascii=ascii) for name in (class_names[sample.label], *_guessed(sample, class_names))]
    names = [shortened(name, _TILE_NAME) for name in names]
    name_width = max(map(cell_len, names[1:]))
    lines = [names[0]]
    for place, (guess, name) in enumerate(zip(sample.guesses, names[1:], strict=True)):
        mark = _RIGHT[ascii] if guess.label == sample.label else " " if place else _WRONG[ascii]
        lines.append(f"{mark} {name}{' ' * (name_width - cell_len(name))} {_percent(guess.probability):>5}")
    return "\n".join(lines)


def _guessed(sample: Sample, class_names: Sequence[str]) -> list[str]:
    return [class_names[guess.label] for guess in sample.guesses]


def _bar(share: float, width: int, *, ascii: bool) -> str:
    """A bar of up to `width` cells, drawn to an eighth of one; blanks for the rest."""
    share = min(max(share, 0.0), 1.0) if share == share else 0.0  # NaN of a model whose outputs overflow
    if ascii:
        return ("#" * round(share * width)).ljust(width)
    whole, eighth = divmod(round(share * width * 8), 8)
    return ("█" * whole + (_EIGHTHS[eighth] if eighth else "")).ljust(width)


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
