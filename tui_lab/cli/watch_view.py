"""What the live view of a run shows: from what is known of the run to text of a given size."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.style import Style
from rich.text import Text

from tui_lab.charts.look import Look
from tui_lab.charts.plot import draw
from tui_lab.charts.training import METRICS, TITLES, Metric, axis_label, curves, stamp
from tui_lab.cli.sentences import marked
from tui_lab.runs.history import History, Track
from tui_lab.runs.sentences import Position, Snapshot, duration, execution, fitting, outcome, percent
from tui_lab.runs.status import FINAL_STATES, LIVE_STATES

WIDE = 100  # columns from which two charts stand side by side
TALL = 16  # rows of charts from which two stand one above the other
SPACIOUS = 34  # rows from which the charts get a blank line above and below
GAP = 3  # columns between two charts, and between two parts of a line
MARGIN = " "
MESSAGE_LINES, ELLIPSIS = 3, "..."
BAR_WIDTHS = (8, 60)

# 7-bit stand-ins, one character for one
ASCII = str.maketrans("━─·×–−’…○●◐◆■✕", "#--x--'.o*=+#x")


@dataclass(frozen=True)
class Settings:
    """What the viewer has chosen.

    Attributes:
        log_loss: logarithmic axis for the loss.
        smoothing: of the training curves, 0 to 0.99.
        axis: what x is: "epoch", "total_step" or "elapsed".
        only: the one chart to show; empty for both, where there is room.
    """

    log_loss: bool = False
    smoothing: float = 0.6
    axis: str = "epoch"
    only: Metric | Literal[""] = ""


class View:
    """Draws a run. A chart is drawn again only when its data, its size or the settings have changed."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._kept: dict[Metric, tuple[Any, Any, list[Text]]] = {}  # what it was asked for, its data, the lines

    def picture(
        self,
        snapshot: Snapshot,
        size: tuple[int, int],
        settings: Settings,
        *,
        footer: Text | None = None,
        note: str = "",
        keep_charts: bool = False,
    ) -> Text:
        """The whole view.

        Args:
            snapshot: the run.
            size: columns and rows.
            settings: the viewer's.
            footer: the last line.
            note: shown instead of the newest line of the log.
            keep_charts: leave the charts as they are if only their data have changed.

        Returns:
            At most so many lines of at most so many columns.
        """
        width, height = size
        blank = [Text()] if height >= SPACIOUS else []
        look = self._look
        above = [header(snapshot, width), progress(snapshot, width, look), metrics(snapshot, width, look), *blank]
        below = [*blank, *bottom(snapshot, width, note), *([footer] if footer else [])]
        for line in (*above, *below):
            if look.ascii:
                line.plain = line.plain.translate(ASCII).encode("ascii", "replace").decode()
            line.truncate(width)
        rows = height - len(above) - len(below)
        if snapshot.status.is_fitted:
            charts = [_without_curves(snapshot), *[Text()] * (rows - 1)][: max(rows, 0)]
        else:
            charts = self._charts(snapshot.history, width, rows, settings, keep_charts) if rows > 0 else []
        lines = [*(above if height > len(below) else []), *charts, *below]
        return Text("\n", no_wrap=True, end="").join(lines[-height:])

    def _charts(self, history: History, width: int, rows: int, settings: Settings, keep_charts: bool) -> list[Text]:
        """`rows` lines: both charts where they have room, else the one that was chosen."""
        if settings.only or (width < WIDE and rows < TALL):
            return self._chart(history, settings.only or "loss", width, rows, settings, keep_charts)
        if width < WIDE:
            upper = rows // 2
            return [
                *self._chart(history, "loss", width, upper, settings, keep_charts),
                *self._chart(history, "accuracy", width, rows - upper, settings, keep_charts),
            ]
        left = (width - GAP) // 2
        pairs = zip(
            self._chart(history, "loss", left, rows, settings, keep_charts),
            self._chart(history, "accuracy", width - GAP - left, rows, settings, keep_charts),
            strict=True,
        )
        return [Text(" " * GAP).join(pair) for pair in pairs]

    def _chart(
        self, history: History, metric: Metric, width: int, height: int, settings: Settings, keep: bool
    ) -> list[Text]:
        asked = (width, height, settings)
        was_asked, data, lines = self._kept.get(metric, (None, None, []))
        newest = stamp(history)
        if was_asked != asked or (data != newest and not keep):
            lines = chart(history, metric, (width, height), settings, self._look)
            self._kept[metric] = (asked, newest, lines)
        return lines


# Charts


def chart(history: History, metric: Metric, size: tuple[int, int], settings: Settings, look: Look) -> list[Text]:
    """The lines of one chart."""
    text = draw(
        curves(history, metric, axis=settings.axis, smoothing=settings.smoothing),
        width=size[0],
        height=size[1],
        title=TITLES[metric],
        x_label=axis_label(history, settings.axis),
        y_log=settings.log_loss and metric == "loss",
        look=look,
    ).text
    return [Text.from_ansi(line) for line in text.split("\n")]


# Lines of text


def _without_curves(snapshot: Snapshot) -> Text:
    """In place of the charts of what is fitted at once."""
    look_inside = f" Look inside: tui-lab inspect {snapshot.run_id}" if snapshot.status.epoch else ""
    return Text(f"{MARGIN}Fitted at once: there are no curves.{look_inside}", "dim")


def header(snapshot: Snapshot, width: int) -> Text:
    """Which run, from which preset, on what; its state at the right end."""
    status, started = snapshot.status, snapshot.history.started
    state = marked(snapshot.state)
    size = f"{started['parameters']:,} weights" if isinstance(started.get("parameters"), int) else ""
    parts = [
        Text(snapshot.run_id, style="bold"),
        Text(status.preset),
        Text(execution(status), style="dim"),
        Text(", ".join(filter(None, (str(started.get("dataset", "")), size))), style="dim"),
    ]
    room = max(width - state.cell_len - 2 * len(MARGIN), 0)
    line = fitted(parts, room)
    line.truncate(room, pad=True)
    return line.append(MARGIN).append_text(state)


def progress(snapshot: Snapshot, width: int, look: Look) -> Text:
    """Epoch, a bar, the time that is left, and the batch."""
    status, position = snapshot.status, Position.of(snapshot)
    if not status.epochs:
        return Text()
    is_over = snapshot.state in FINAL_STATES
    under_way = position.epoch if is_over else min(position.epoch + 1, status.epochs)
    left = Text(f"{MARGIN}{fitting(status) if status.is_fitted else f'epoch {under_way}/{status.epochs}'} ")
    batch = f"batch {position.step}/{status.steps_per_epoch}" if status.steps_per_epoch and not is_over else ""
    clock = f"{duration(position.seconds_left)} left" if position.seconds_left and not is_over else ""
    room = width - left.cell_len - BAR_WIDTHS[0]
    right = fitted([Text(f"{int(100 * position.share)} %"), Text(clock), Text(batch, style="dim")], room)
    bar = max(BAR_WIDTHS[0], min(BAR_WIDTHS[1], width - left.cell_len - right.cell_len - len(MARGIN)))
    done = round(bar * position.share)
    left.append("━" * done, style=look.kind("train")).append("─" * (bar - done), style="dim")
    return left.append_text(right)


def metrics(snapshot: Snapshot, width: int, look: Look) -> Text:
    """The last metrics of each split, the best epoch, and the learning rate."""
    history = snapshot.history
    last, best = snapshot.status.last, snapshot.status.best
    if not last:
        last = {f"train_{name}": value for name in METRICS if (value := _last(history.steps, name)) is not None}
    parts = []
    for split in ("train", "test", "validation"):
        if f"{split}_loss" in last:
            measured = f"{last[f'{split}_loss']:.4f}  {percent(last.get(f'{split}_accuracy'))} %"
            parts.append(labelled(split, measured, look.kind(split)))
    selected = "validation_accuracy" if "validation_accuracy" in best else "test_accuracy"
    if selected in best and not snapshot.status.is_fitted:
        parts.append(labelled("best", f"{percent(best[selected])} % @{best.get('epoch', 0):g}", "bold"))
    lr = _last(history.steps, "lr") or _last(history.epochs, "lr")
    if lr is not None:
        parts.append(labelled("lr", f"{lr:.4g}"))
    return fitted(parts, width)


def _last(track: Track, metric: str) -> float | None:
    """The newest value; the mean of the last few in a long run."""
    summary = track.buckets[-1].metrics.get(metric) if track.buckets else None
    return summary.mean if summary else None


def bottom(snapshot: Snapshot, width: int, note: str) -> list[Text]:
    """While it lasts: speed, machine, and the newest of the log. After the end: how it ended, and what to do."""
    recent = snapshot.history.recent[-1] if snapshot.history.recent else {}
    said = _one_line(str(recent.get("message", "")))
    lines = []
    if snapshot.state in LIVE_STATES:
        lines.append(system(snapshot, width))
    else:
        sentence, hint = outcome(snapshot)
        style = "bold red" if snapshot.state in ("failed", "crashed") else "bold"
        lines += _wrapped(sentence, width, style) + _wrapped(hint, width, "")
    if note:
        lines.append(Text(MARGIN + note, "bold"))
    elif said:
        kind = str(recent["kind"])
        lines.append(Text(f"{MARGIN}{kind}: {said}", "yellow" if kind == "warning" else "dim"))
    return lines


def system(snapshot: Snapshot, width: int) -> Text:
    """Speed, and what the worker takes of the machine."""
    now = snapshot.history.system
    speed = snapshot.status.images_per_second
    is_starting = not speed and not snapshot.status.is_fitted
    doing = (snapshot.status.doing or "starting") if is_starting else ""
    parts = [Text(f"{speed:,.0f} samples/s") if speed else Text(doing, "dim")]
    if "cpu_percent" in now:
        parts.append(labelled("cpu", f"{now['cpu_percent']:.0f} %"))
    if "memory_bytes" in now:
        free = f" ({gib(now['memory_free_bytes'])} free)" if "memory_free_bytes" in now else ""
        parts.append(labelled("memory", gib(now["memory_bytes"])).append(free, "dim"))
    if "gpu_percent" in now:
        used = f"{now['gpu_percent']:.0f} %  {gib(now['gpu_memory_bytes'])}"
        free = f" ({gib(now['gpu_memory_free_bytes'])} free)"
        parts.append(labelled("gpu", used).append(free, "dim"))
    return fitted(parts, width)


def labelled(label: str, value: str, style: str | Style = "dim") -> Text:
    """A label in its style, and a value."""
    return Text.assemble((f"{label} ", style), value)


def gib(size: float) -> str:
    """Bytes as `1.2 GiB`."""
    return f"{size / 2**30:.1f} GiB"


def _one_line(text: str) -> str:
    """Text of whatever origin as one line of printable characters."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def _wrapped(text: str, width: int, style: str) -> list[Text]:
    room = max(width - 2 * len(MARGIN), len(ELLIPSIS))
    lines = textwrap.wrap(_one_line(text), room, max_lines=MESSAGE_LINES, placeholder=ELLIPSIS)
    return [Text(MARGIN + line, style) for line in lines]


def fitted(parts: Sequence[Text], width: int, gap: int = GAP) -> Text:
    """As many of the parts as have room, the first ones first, on a line with a margin."""
    line = Text()
    for part in parts:
        if not part.cell_len:
            continue
        blanks = gap if line.cell_len else len(MARGIN)
        if line.cell_len and line.cell_len + blanks + part.cell_len > width:
            break
        line.append(" " * blanks).append_text(part)
    return line
