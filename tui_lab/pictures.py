"""A small picture as plain bytes: what a process with torch hands to the one that draws. Imports no torch."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Picture:
    """Pixels as red, green, blue of 0..255, row by row from the top left: 3 * width * height bytes.

    Raises:
        ValueError: `rgb` has another length.
    """

    width: int
    height: int
    rgb: bytes

    def __post_init__(self) -> None:
        if len(self.rgb) != 3 * self.width * self.height:
            raise ValueError(f"A picture of {self.width}x{self.height} does not have {len(self.rgb)} bytes.")

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green and blue at column `x` of row `y`, both from 0 on."""
        start = 3 * (y * self.width + x)
        return self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]

    def to_json(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "rgb": base64.b64encode(self.rgb).decode()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError when `content` is no picture."""
        try:
            rgb = base64.b64decode(content["rgb"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"no picture: {error}") from error
        return cls(int(content["width"]), int(content["height"]), rgb)
