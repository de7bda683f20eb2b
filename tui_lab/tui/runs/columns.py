"""The columns of the table of runs: what each shows, and which of them fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tui_lab.charts.sparkline import sparkline
from tui_lab.runs.fields import Field, find_field, text_of
from tui_lab.runs.sentences import MARKS, age, duration, percent
from tui_lab.runs.status import CURVE_LENGTH
from tui_lab.runs.store import Listed

GAP = 2  # cells between two columns
MOST_RUN = 52  # cells that the name of a run may take
ROOM_FOR_RUN = 12  # cells that it takes beyond its least before there are more columns: a whole id


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: its head.
        order: what clicking it sorts by first, as `runs.fields.sorted_by` reads it; empty for a column without order.
        width: in cells.
        text: what a run has there, in at most about `width` cells; it is called with the run and with `width`.
        is_number: stands at the right end.
        is_quiet: says less than the others.
    """

    title: str
    order: str
    width: int
    text: Callable[[Listed, int], str]
    is_number: bool = False
    is_quiet: bool = False

    @property
    def field(self) -> str:
        """The field of the runs that it shows."""
        return self.order.removeprefix("-")


def state_text(entry: Listed, width: int) -> str:
    """Mark and word of a state; the mark alone where there is no room."""
    mark = MARKS[entry.state][0]
    return mark if width < 2 else f"{mark} {entry.state}"


def run_text(entry: Listed, width: int) -> str:
    """The given name, followed by the end of the id, which tells runs apart; without a name the id."""
    name, run_id = entry.label.name, entry.run.id
    if not name:
        return run_id if len(run_id) <= width else f"…{run_id[len(run_id) - width + 1 :]}"
    words = "-".join(run_id.rsplit("-", 2)[-2:])
    return f"{name}  {words}" if len(name) + 2 + len(words) <= width else name


def epochs_text(entry: Listed, width: int) -> str:
    """`12/100`; only the number once all are done."""
    done, asked = entry.status.epoch, entry.status.epochs
    return f"{done}/{asked}" if done < asked else str(asked)


def best_text(entry: Listed, width: int) -> str:
    """Test accuracy in percent at the best epoch, and which that is."""
    best = entry.status.best
    at = f" @{best['epoch']:g}" if "epoch" in best and not entry.status.is_fitted else ""
    return f"{percent(best.get('test_accuracy'))}{at}"


def lr_text(entry: Listed, width: int) -> str:
    """As it was asked for, and what replaced it."""
    lr, changed = entry.status.hyperparameters.get("lr"), entry.status.changed_lr
    asked = f"{lr:g}" if isinstance(lr, int | float) else "-"
    return f"{asked}→{changed:g}" if changed else asked


def curve_text(entry: Listed, width: int, *, ascii: bool = False) -> str:
    """The test accuracy by epoch."""
    return sparkline(entry.status.curve, width, ascii).rstrip() or "-"


def value_text(field: Field) -> Callable[[Listed, int], str]:
    """What writes any field of a run."""

    def text(entry: Listed, width: int) -> str:
        value = field.read(entry)
        if value in (None, ""):
            return "-"
        if field.kind == "share":
            return percent(value)
        if field.kind == "date":
            return age(value)
        return duration(value) if field.kind == "duration" else text_of(value)

    return text


def _value(name: str) -> Callable[[Listed, int], str]:
    return value_text(find_field(name))


STATE = Column("state", "state", 10, state_text)
STATE_MARK = replace(STATE, title="", width=1)
RUN = Column("run", "id", 16, run_text)
EXERCISE = Column("exercise", "exercise", 8, _value("exercise"), is_quiet=True)
PRESET = Column("preset", "preset", 14, _value("preset"), is_quiet=True)
LR = Column("lr", "lr", 8, lr_text, is_number=True, is_quiet=True)
BATCH = Column("batch", "batch_size", 5, _value("batch_size"), is_number=True, is_quiet=True)
EPOCHS = Column("epochs", "-epoch", 9, epochs_text, is_number=True)
BEST = Column("best test %", "-test_accuracy", 11, best_text, is_number=True)
LAST = Column("last %", "-last_test_accuracy", 6, _value("last_test_accuracy"), is_number=True)
CURVE = Column("curve", "", 12, curve_text, is_quiet=True)
AGE = Column("age", "age", 6, lambda entry, width: age(entry.status.created), is_number=True, is_quiet=True)

EVERY = (STATE_MARK, STATE, RUN, EXERCISE, PRESET, LR, BATCH, EPOCHS, BEST, LAST, CURVE, AGE)
NEEDED = (STATE_MARK, RUN, EPOCHS, BEST, AGE)
BY_WORTH = (CURVE, LAST, PRESET, LR, BATCH, EXERCISE)  # what comes into a wider table, one after the other
ALIASES = {"name": RUN, "best_test_accuracy": BEST, "best_epoch": BEST, "epochs": EPOCHS, "created": AGE}


def columns_for(width: int, order: str, ascii: bool = False) -> list[Column]:
    """The columns that fit, from left to right.

    Args:
        width: cells for all of them.
        order: what the runs are sorted by: it is shown even if it needs a column of its own.
        ascii: whether curves are drawn with 7-bit characters.
    """
    name = order.removeprefix("-")
    sorted_by = ALIASES.get(name) or next((column for column in EVERY[1:] if column.field == name), None)
    own = [] if sorted_by else [_own_column(name)]
    chosen = [*NEEDED, *own]
    if sorted_by and sorted_by is not STATE and sorted_by not in chosen:
        chosen.append(sorted_by)
    if _needed(chosen) + STATE.width - STATE_MARK.width <= width:
        chosen[0] = STATE
    for column in BY_WORTH:
        if column in chosen:
            continue
        if _needed([*chosen, column]) + ROOM_FOR_RUN > width:
            break
        chosen.append(column)
    places = [*EVERY[:3], *own, *EVERY[3:]]
    chosen.sort(key=places.index)
    spare = width - _needed(chosen)
    return [_fitting(column, spare, ascii) for column in chosen]


def _own_column(name: str) -> Column:
    """Of a field that has none in the table otherwise."""
    field = find_field(name)
    return Column(name, name, max(8, len(name) + 2), value_text(field), is_number=field.kind != "text")


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _fitting(column: Column, spare: int, ascii: bool) -> Column:
    """The names of runs get what is left, and after them the curves."""
    for_run = min(spare, MOST_RUN - RUN.width)
    if column is RUN:
        return replace(column, width=max(4, column.width + for_run))
    if column is CURVE:
        width = min(CURVE_LENGTH, column.width + max(0, spare - for_run))
        return replace(column, width=width, text=partial(curve_text, ascii=ascii))
    return column
