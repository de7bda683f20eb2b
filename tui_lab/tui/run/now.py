"""A run in numbers: losses and accuracies, learning rate, patience, and what it takes of the machine."""

from __future__ import annotations

import math

from rich.text import Text

from tui_lab.charts.look import Palette
from tui_lab.charts.shading import style
from tui_lab.charts.sparkline import sparkline
from tui_lab.runs.events import number
from tui_lab.runs.sentences import percent
from tui_lab.runs.status import FINAL_STATES
from tui_lab.tui.run.follow import Seen

SPLITS = ("train", "validation", "test", "train_eval")
SPARKS = 16  # cells of a small curve


def number_lines(seen: Seen, palette: Palette) -> Text:
    """A table of every split beside its best and, if there is one, the published accuracy; then what follows of it."""
    last, best, published = _last(seen), seen.snapshot.status.best, seen.published
    has_best = not seen.snapshot.status.is_fitted  # among the epochs of a training
    head = f"{'':<11}{'loss':>9}{'accuracy':>10}{'best' if has_best else '':>9}"
    lines = [Text(head + (f"{'report':>9}" if published else ""), "dim")]
    for split in SPLITS:
        if f"{split}_loss" not in last:
            continue
        line = Text().append(f"{split.replace('_', ' '):<11}", style(palette.kinds[split]))
        line.append(f"{last[f'{split}_loss']:>9.4f}{_share(last.get(f'{split}_accuracy')):>10}")
        line.append(f"{_share(best.get(f'{split}_accuracy')) if has_best else '':>9}", "bold")
        if published:
            line.append(f"{_share(published.get(f'{split}_accuracy')):>9}", "dim")
        lines.append(line)
    about = [_best_line(seen), _rate_line(seen), _gap_line(seen), _patience_line(seen), _supports_line(seen)]
    lines += filter(None, about)
    return Text("\n").join(lines)


def machine_lines(seen: Seen, *, ascii: bool = False) -> Text:
    """Throughput and what the worker takes of the machine, the last minute of each as a small curve."""
    if seen.snapshot.state in FINAL_STATES or not (seen.machine or seen.speeds):
        return Text()
    lines = []
    if seen.speeds:
        lines.append(_machine_line("samples/s", f"{seen.speeds[-1]:,.0f}", seen.speeds, ascii))
    if (load := number(seen.machine.get("cpu_percent"))) is not None:
        lines.append(_machine_line("cpu", f"{load:.0f} %", seen.loads, ascii))
    if parts := _memory_and_gpu(seen):
        lines.append(Text("   ".join(parts), "dim"))
    return Text("\n").join(lines)


def summary_lines(seen: Seen, palette: Palette) -> Text:
    """The same in three short lines, for a narrow screen."""
    last, best = _last(seen), seen.snapshot.status.best
    first, second = Text(), Text()
    for split in ("train", "validation", "test"):
        if f"{split}_loss" in last:
            first.append(f"{split} ", style(palette.kinds[split]))
            first.append(f"{last[f'{split}_loss']:.4f} {_share(last.get(f'{split}_accuracy'))} %   ")
    selected = "validation_accuracy" if "validation_accuracy" in best else "test_accuracy"
    if selected in best and not seen.snapshot.status.is_fitted:
        second.append("best ", "dim").append(f"{percent(best[selected])} % @{best.get('epoch', 0):g}   ", "bold")
    if (supports := _supports_line(seen)) is not None:
        second.append_text(supports).append("   ")
    if (published := seen.published.get("test_accuracy")) is not None:
        second.append("report ", "dim").append(f"{percent(published)} %   ")
    if (lr := seen.newest.get("lr")) is not None:
        second.append("lr ", "dim").append(f"{lr:.4g}   ")
    if (left := patience_left(seen)) is not None:
        second.append("patience ", "dim").append(f"{left[0]} of {left[1]}")
    if seen.snapshot.state in FINAL_STATES:
        return Text("\n").join([first, second])
    machine = [f"{seen.speeds[-1]:,.0f} samples/s"] if seen.speeds else []
    if (load := number(seen.machine.get("cpu_percent"))) is not None:
        machine.append(f"cpu {load:.0f} %")
    return Text("\n").join([first, second, Text("   ".join([*machine, *_memory_and_gpu(seen)]), "dim")])


def patience_left(seen: Seen) -> tuple[int, int] | None:
    """Epochs that early stopping still waits for a better one, of how many; None without early stopping."""
    status = seen.snapshot.status
    patience, best = status.hyperparameters.get("early_stopping"), status.best.get("epoch", math.nan)
    if type(patience) is not int or patience <= 0 or not math.isfinite(best):
        return None
    return min(max(patience - (status.epoch - int(best)), 0), patience), patience


def _last(seen: Seen) -> dict[str, float]:
    """The metrics of the last epoch; before its end, those of the last steps."""
    newest = {f"train_{name}": value for name, value in seen.newest.items() if name in ("loss", "accuracy")}
    return dict(seen.snapshot.status.last) or newest


def _best_line(seen: Seen) -> Text | None:
    best = seen.snapshot.status.best
    if "epoch" not in best or seen.snapshot.status.is_fitted:
        return None
    split = "validation" if "validation_accuracy" in best else "test"
    return Text(f"best epoch {best['epoch']:g}, chosen on the {split} split", "dim")


def _rate_line(seen: Seen) -> Text | None:
    if "lr" not in seen.newest:
        return None
    changed = seen.snapshot.status.changed_lr
    note = f"  (base changed to {changed:g})" if changed else ""
    return Text.assemble(("learning rate ", "dim"), f"{seen.newest['lr']:.4g}", (note, "dim"))


def _gap_line(seen: Seen) -> Text | None:
    last = _last(seen)
    if "train_accuracy" not in last or "test_accuracy" not in last:
        return None
    gap = 100 * (last["train_accuracy"] - last["test_accuracy"])
    return Text.assemble(("train − test ", "dim"), f"{gap:+.1f} points")


def _patience_line(seen: Seen) -> Text | None:
    left = patience_left(seen)
    return left and Text.assemble(("early stopping ", "dim"), f"{left[0]} of {left[1]} epochs of patience left")


def _supports_line(seen: Seen) -> Text | None:
    count, samples = _last(seen).get("support_vectors"), number(seen.started.get("train_samples"))
    if count is None or not samples:
        return None
    return Text.assemble(("support vectors ", "dim"), f"{count:,.0f} of {samples:,.0f}")


def _machine_line(name: str, value: str, curve: tuple[float, ...], ascii: bool) -> Text:
    line = Text.assemble((f"{name:<10}", "dim"), f"{value:>9} ")
    return line.append(sparkline(curve, SPARKS, ascii), "dim") if len(curve) > 1 else line


def _memory_and_gpu(seen: Seen) -> list[str]:
    def read(name: str, unit: float, text: str) -> list[str]:
        value = number(seen.machine.get(name))
        return [] if value is None else [text.format(value / unit)]

    return [
        *read("memory_bytes", 2**30, "memory {:.1f} GiB"),
        *read("gpu_percent", 1, "gpu {:.0f} %"),
        *read("gpu_memory_bytes", 2**30, "gpu memory {:.1f} GiB"),
    ]


def _share(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"
