"""Values as a filter writes them, and how the value of a run stands to them."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from typing import Any

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters import LARGEST
from tui_lab.runs.events import number
from tui_lab.runs.fields import Field, text_of

# How a run's value stands to a written one: -1 below, 0 equal, 1 above, None neither
Order = Callable[[Any], int | None]

OPERATORS = ("!=", "<=", ">=", "==", "=", "<", ">", "~")
ORDERS = {"=": (0,), "!=": (-1, 1, None), "<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}
SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"([0-9.]+)\s*(s|min|h|d)\s*")
DATE = re.compile(r"(\d{4})-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d?))?)?", re.ASCII)


def comparison(field: Field, operator: str, written: tuple[str, ...]) -> Callable[[Any], bool]:
    """Whether a value of `field`, which is not None, is as `operator` wants it.

    It is enough if that holds for one of the `written` values; for "!=" it must for all.

    Raises UsageError when a value is none for this field, or the operator makes no sense for it.
    """
    if operator == "~":
        return _containing(field, written)
    if operator in ("=", "!=") and field.kind == "duration":
        raise UsageError(f"{field.name} is never exactly something.", f"Write {field.name}<{written[0]} or >.")
    orders = [_order(field, text, is_exact=operator in ("=", "!=")) for text in written]
    wanted, joined = ORDERS[operator], all if operator == "!=" else any
    return lambda value: joined(order(value) in wanted for order in orders)


def _containing(field: Field, written: tuple[str, ...]) -> Callable[[Any], bool]:
    if field.kind not in ("text", "any"):
        raise UsageError(
            f"~ looks into text, and {field.name} is none.", f"Write {field.name}={written[0]}, or < or >."
        )
    folded = [text.casefold() for text in written]

    def contains(value: Any) -> bool:
        whole = text_of(value).casefold()
        return any(part in whole for part in folded)

    return contains


def _order(field: Field, text: str, *, is_exact: bool) -> Order:
    if field.kind == "duration":
        return _to_number(_seconds(field, text))
    if field.kind == "date":
        return _to_period(*_period(field, text))
    if field.kind in ("number", "share"):
        found = _number(text)
        if found is None:
            raise UsageError(f"{field.name} is a number, and {text!r} is none.")
        is_percent = field.kind == "share" and not text.endswith("%") and 1 < found <= 100
        return _to_number(found / 100 if is_percent else found)
    known = {choice.casefold() for choice in field.choices}
    if is_exact and known and text.casefold() not in known | (SWITCHES.keys() if "true" in known else set()):
        raise UsageError(f"{field.name} is never {text!r}.", nearest(text, field.choices) or _one_of(field.choices))
    return _to_any(text)


def _one_of(choices: tuple[str, ...]) -> str:
    return f"It is one of {', '.join(choices)}."


def _number(text: str) -> int | float | None:
    """`128`, `1e-3` or `70%`; whole numbers stay whole, so that seeds of 63 bits differ in their last digit."""
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        whole = int(text)
    except ValueError:
        return number(text)
    return whole if abs(whole) <= LARGEST else float(text)


def _to_number(written: int | float) -> Order:
    def order(value: Any) -> int | None:
        if isinstance(value, int) and isinstance(written, int) and not isinstance(value, bool):
            return _sign(value, written)
        measured = number(value)
        if measured is None or math.isnan(measured) or math.isnan(written):
            return 0 if measured is not None and math.isnan(measured) and math.isnan(written) else None
        return 0 if math.isclose(measured, written, rel_tol=1e-9) else _sign(measured, written)

    return order


def _to_any(text: str) -> Order:
    """By the value's own type. What is neither a switch, nor a number where the run has one, is compared as text."""
    to_number = None if (found := _number(text)) is None else _to_number(found)
    switch, folded = SWITCHES.get(text.casefold()), text.casefold()
    listed = folded.strip("[]").replace(" ", "")

    def order(value: Any) -> int | None:
        if isinstance(value, bool):
            return 0 if value is switch else None
        if isinstance(value, int | float):
            return to_number(value) if to_number else None
        if isinstance(value, str):
            return _sign(value.casefold(), folded)
        return 0 if isinstance(value, list) and text_of(value).casefold() == listed else None

    return order


def _to_period(start: float, end: float) -> Order:
    return lambda value: -1 if value < start else 0 if value < end else 1


def _sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def _seconds(field: Field, text: str) -> float:
    """`30s`, `10min`, `2h`, `3d`, `1h30min`."""
    parts = DURATION.findall(text)
    amounts = [number(amount) for amount, _ in parts]
    if not parts or DURATION.sub("", text) or None in amounts:
        raise UsageError(
            f"{field.name} needs a time with its unit, and {text!r} is none.", "Such as 30s, 10min, 2h, 3d."
        )
    return sum((amount or 0) * UNITS[unit] for amount, (_, unit) in zip(amounts, parts, strict=True))


def _period(field: Field, text: str) -> tuple[float, float]:
    """The month, day or minute that `text` names: its first moment and that of the next one, in local time."""
    found = DATE.fullmatch(text)
    try:
        if not found:
            raise ValueError(text)
        year, month, day, hour, minute = (int(part or 0) for part in found.groups())
        start = datetime.datetime(year, month, day or 1, hour, minute)
        if found[3] is None:
            end = (start + datetime.timedelta(days=31)).replace(day=1)
        else:
            end = start + (datetime.timedelta(days=1) if found[4] is None else datetime.timedelta(minutes=1))
        return start.timestamp(), end.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        hint = "Such as 2026-11, 2026-11-23 or 2026-11-23T06:41."
        raise UsageError(f"{field.name} needs a date, and {text!r} is none.", hint) from error
