"""What the contents of several inspections have in common: the position of the weights, and the classes."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Protocol


class Positioned(Protocol):
    """The weights that were looked into."""

    @property
    def epoch(self) -> float:
        """Epochs done."""

    @property
    def total_step(self) -> int:
        """Gradient steps done."""


class OfClasses(Positioned, Protocol):
    """Something with a value for each class of the data set."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One a class."""


def place(content: Positioned) -> dict[str, Any]:
    """The position as JSON."""
    return {"epoch": content.epoch, "total_step": content.total_step}


def heading(content: OfClasses) -> dict[str, Any]:
    """Position and classes as JSON."""
    return {**place(content), "class_names": list(content.class_names)}


def position(content: dict[str, Any]) -> tuple[float, int]:
    """Epoch and total step, back from JSON."""
    return float(content["epoch"]), int(content["total_step"])


def known_classes(content: dict[str, Any]) -> tuple[str, ...]:
    """The names of the classes, back from JSON."""
    return tuple(map(str, content["class_names"]))


def known_label(value: Any, classes: int) -> int:
    """A label, back from JSON. Raises ValueError where it is none of so many classes."""
    label = int(value)
    if not 0 <= label < classes:
        raise ValueError(f"{label} is none of {classes} classes")
    return label


def decoded(text: Any) -> bytes:
    """Bytes, back from base64 in JSON. Raises ValueError where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from error
