"""The first lines of a run: which it is, how far it has come, or how it ended and what to do now."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import Palette
from tui_lab.charts.shading import style
from tui_lab.charts.text import printable
from tui_lab.runs.sentences import MARKS, Position, duration, execution, fitting, outcome
from tui_lab.runs.status import LIVE_STATES, RESUMABLE_STATES
from tui_lab.tui.run.follow import Seen

MOST_BAR, LEAST_BAR = 40, 8
WHAT_NEXT = {
    "finished": "c change something and run again   3 compare   i look inside",
    "stopped": "u go on   c change something and run again",
    "failed": "c change something and run again   g its log",
    "crashed": "u go on from the last checkpoint   g its log",
    "queued": "x take it out of the queue   u start it, if its queue is gone",
}

FIT_AGAIN = "u fit it again   c change something and run again   g its log"


def title_line(seen: Seen, name: str, width: int) -> Text:
    """State, name, and as much as fits of what is trained on what."""
    snapshot = seen.snapshot
    status, weights = snapshot.status, seen.started.get("parameters")
    mark = MARKS[snapshot.state][0]
    line = Text.assemble((f"{mark} {snapshot.state}", "bold"), "  ", (printable(name), "bold"))
    if name != snapshot.run_id:
        line.append(f"  {snapshot.run_id}", "dim")
    about = [
        status.exercise,
        status.preset,
        str(seen.started.get("dataset", "")),
        f"seed {status.hyperparameters['seed']}" if "seed" in status.hyperparameters else "",
        execution(status),
        f"{weights:,} weights" if isinstance(weights, int) else "",
    ]
    separator = "  "
    for part in filter(None, map(printable, about)):
        if line.cell_len + len(separator) + cell_len(part) <= width:
            line.append(separator + part, "dim")
            separator = " · "
    line.truncate(max(width, 1), overflow="ellipsis")
    return line


def progress_lines(seen: Seen, palette: Palette, width: int) -> Text:
    """Epoch, bar, time left, batch and speed of a live run; of any other, how it stands and which keys help."""
    snapshot = seen.snapshot
    if snapshot.state not in LIVE_STATES:
        sentence, hint = outcome(snapshot)
        said = f"{sentence}  {hint}" if snapshot.state == "failed" and hint else sentence
        if snapshot.status.is_fitted and snapshot.state in RESUMABLE_STATES:
            next_keys = FIT_AGAIN
        else:
            next_keys = WHAT_NEXT[snapshot.state]
        return Text("\n").join([Text(said, "bold"), Text(next_keys, "dim")])
    if not seen.started:
        return Text(f"{printable(snapshot.status.doing or 'starting the worker')} ...", "dim")
    return _bar_line(seen, palette, width)


def _bar_line(seen: Seen, palette: Palette, width: int) -> Text:
    status, position = seen.snapshot.status, seen.position
    epoch = f"epoch {min(position.epoch + 1, status.epochs)}/{status.epochs}"
    left = f"{fitting(status) if status.is_fitted else epoch} "
    right = f" {100 * position.share:.0f} %{_time_left(position)}"
    room = width - len(left) - len(right)
    more = ""
    for part in (
        f"   batch {position.step}/{status.steps_per_epoch}" if status.steps_per_epoch else "",
        f"   {status.images_per_second:,.0f} samples/s" if status.images_per_second else "",
    ):
        more += part if len(more) + len(part) + LEAST_BAR <= room else ""
    bar = max(LEAST_BAR, min(MOST_BAR, room - len(more)))
    done = round(bar * min(max(position.share, 0.0), 1.0))
    line = Text.assemble(left, ("━" * done, style(palette.kinds["train"])), ("─" * (bar - done), "dim"), right)
    return line.append(more, "dim")


def _time_left(position: Position) -> str:
    return f"   {duration(position.seconds_left)} left" if position.seconds_left is not None else ""
