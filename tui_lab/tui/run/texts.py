"""Lines on a run: what it is, how far it has come, its numbers, the machine, its log."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.plot import Palette
from tui_lab.runs.events import number
from tui_lab.runs.history import Track
from tui_lab.runs.sentences import MARKS, Position, Snapshot, duration, execution, outcome, percent
from tui_lab.runs.status import FINAL_STATES, LIVE_STATES
from tui_lab.tui.run.follow import Seen

BAR_WIDTH = 40
STATE_STYLES = {"running": "bold", "failed": "bold", "crashed": "bold"}
WHAT_NEXT = {
    "finished": "c: change something and run again   3: compare",
    "stopped": "u: go on   c: into the form",
    "failed": "c: into the form, to change it   g: its log",
    "crashed": "u: go on from the last checkpoint   g: its log",
    "queued": "x: take it out of the queue   u: start it, if its queue is gone",
}


def style_of(palette: Palette, kind: str) -> str:
    """Rich's name of the colour of a kind of series."""
    return "rgb({},{},{})".format(*palette.kinds[kind])


def title_line(seen: Seen, name: str) -> Text:
    """Which run, from which preset, on what, and its state."""
    snapshot, started = seen.snapshot, seen.history.started
    status = snapshot.status
    mark = MARKS[snapshot.state][0]
    size = f"{started['parameters']:,} weights" if isinstance(started.get("parameters"), int) else ""
    about = [status.exercise, status.preset, str(started.get("dataset", "")), size, execution(status)]
    line = Text.assemble((f"{mark} {snapshot.state}", STATE_STYLES.get(snapshot.state, "")), "  ", (name, "bold"))
    if name != snapshot.run_id:
        line.append(f"  {snapshot.run_id}", "dim")
    return line.append("  " + " · ".join(filter(None, about)), "dim")


def progress_line(snapshot: Snapshot, palette: Palette, width: int) -> Text:
    """Epoch, a bar, batch, speed and the time that is left; at the end, how it ended."""
    status, position = snapshot.status, Position.of(snapshot)
    if snapshot.state not in LIVE_STATES:
        sentence, hint = outcome(snapshot)
        return Text.assemble((sentence, "bold"), f"  {hint}" if snapshot.state == "failed" else "")
    if not snapshot.history.started:
        return Text("starting the worker ...", "dim")
    under_way = min(position.epoch + 1, status.epochs)
    left = f"epoch {under_way}/{status.epochs} "
    right = f" {100 * position.share:.0f} %"
    clock = f"   {duration(position.seconds_left)} left" if position.seconds_left is not None else ""
    batch = f"   batch {position.step}/{status.steps_per_epoch}" if status.steps_per_epoch else ""
    speed = f"   {status.images_per_second:,.0f} samples/s" if status.images_per_second else ""
    bar = max(8, min(BAR_WIDTH, width - len(left + right + clock + batch + speed) - 2))
    done = round(bar * position.share)
    line = Text.assemble(left, ("━" * done, style_of(palette, "train")), ("─" * (bar - done), "dim"), right, clock)
    return line.append(batch + speed, "dim")


def next_line(snapshot: Snapshot) -> Text:
    """What one can do now that it does not train."""
    return Text(WHAT_NEXT.get(snapshot.state, ""), "dim")


def numbers(seen: Seen, palette: Palette) -> list[Text]:
    """Losses and accuracies, last and best, beside what was published; learning rate, gap, patience."""
    status, history = seen.snapshot.status, seen.history
    last, best = dict(status.last), status.best
    if not last:
        newest = {f"train_{name}": latest(history.steps, name) for name in ("loss", "accuracy")}
        last = {name: value for name, value in newest.items() if value is not None}
    has_published = bool(seen.published)
    header = (
        f"{'':<11}{'loss':>9}{'accuracy':>10}{'best':>9}{'report':>9}"
        if has_published
        else (f"{'':<11}{'loss':>9}{'accuracy':>10}{'best':>9}")
    )
    lines = [Text(header, "dim")]
    for split in ("train", "validation", "test", "train_eval"):
        if f"{split}_loss" not in last:
            continue
        line = Text(f"{split.replace('_', ' '):<11}", style_of(palette, split))
        line.append(f"{last[f'{split}_loss']:>9.4f}{_percent(last.get(f'{split}_accuracy')):>10}", "default")
        line.append(f"{_percent(best.get(f'{split}_accuracy')):>9}", "bold default")
        if has_published:
            line.append(f"{_percent(seen.published.get(f'{split}_accuracy')):>9}", "dim")
        lines.append(line)
    if "epoch" in best:
        selected = "validation" if "validation_accuracy" in best else "test"
        lines.append(Text(f"best epoch {best['epoch']:g}, chosen on the {selected} split", "dim"))
    lr = latest(history.steps, "lr") or latest(history.epochs, "lr")
    if lr is not None:
        changed = f"  (base changed to {status.changed_lr:g})" if status.changed_lr else ""
        lines.append(Text.assemble(("lr ", "dim"), f"{lr:.4g}", (changed, "dim")))
    if "train_accuracy" in last and "test_accuracy" in last:
        gap = 100 * (last["train_accuracy"] - last["test_accuracy"])
        lines.append(Text.assemble(("train - test ", "dim"), f"{gap:+.1f} points"))
    patience = status.hyperparameters.get("early_stopping", 0)
    if patience and isinstance(patience, int) and "epoch" in best:
        remaining = max(0, patience - (status.epoch - int(best["epoch"])))
        lines.append(Text.assemble(("early stopping ", "dim"), f"{remaining} of {patience} epochs of patience left"))
    return lines


def summary_lines(seen: Seen, palette: Palette) -> list[Text]:
    """The numbers in two lines, for a narrow screen."""
    last, best = seen.snapshot.status.last, seen.snapshot.status.best
    first = Text()
    for split in ("train", "validation", "test"):
        if f"{split}_loss" in last:
            accuracy = _percent(last.get(f"{split}_accuracy"))
            first.append(f"{split} ", style_of(palette, split)).append(f"{last[f'{split}_loss']:.4f} {accuracy} %   ")
    second = Text()
    selected = "validation_accuracy" if "validation_accuracy" in best else "test_accuracy"
    if selected in best:
        second.append("best ", "dim").append(f"{percent(best[selected])} % @{best.get('epoch', 0):g}   ", "bold")
    lr = latest(seen.history.steps, "lr") or latest(seen.history.epochs, "lr")
    if lr is not None:
        second.append("lr ", "dim").append(f"{lr:.4g}   ")
    published = seen.published.get("test_accuracy")
    if published is not None:
        second.append("report ", "dim").append(f"{percent(published)} %")
    return [first, second]


def machine_line(seen: Seen) -> Text:
    """What the worker takes of the machine."""
    now = seen.history.system
    if not now or seen.snapshot.state in FINAL_STATES:
        return Text()
    parts = []
    if (cpu := number(now.get("cpu_percent"))) is not None:
        parts.append(f"cpu {cpu:.0f} %")
    if (memory := number(now.get("memory_bytes"))) is not None:
        parts.append(f"memory {memory / 2**30:.1f} GiB")
    if (gpu := number(now.get("gpu_percent"))) is not None:
        parts.append(f"gpu {gpu:.0f} %")
    if (gpu_memory := number(now.get("gpu_memory_bytes"))) is not None:
        parts.append(f"gpu memory {gpu_memory / 2**30:.1f} GiB")
    return Text("   ".join(parts), "dim")


def log_text(seen: Seen) -> Text:
    """Warnings and messages of the run, then the worker's own output."""
    lines = Text()
    for event in seen.history.recent:
        is_warning = event["kind"] == "warning"
        lines.append(f"{event['kind']}: {event.get('message', '')}\n", "bold" if is_warning else "")
    if seen.skipped:
        lines.append(f"{seen.skipped} unreadable lines of the event log were passed over\n", "dim")
    if seen.log.strip():
        lines.append("log.txt\n", "dim").append(seen.log.strip())
    return lines if lines.plain.strip() else Text("nothing was said yet", "dim")


def latest(track: Track, metric: str) -> float | None:
    """The newest value; the mean of the last few in a long run."""
    summary = track.buckets[-1].metrics.get(metric) if track.buckets else None
    return summary.mean if summary else None


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"
