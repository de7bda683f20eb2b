"""What standardisation does to the inputs of a run. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import place, position


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation, least and largest of some values."""

    mean: float
    std: float
    low: float
    high: float

    def to_json(self) -> list[float]:
        return [self.mean, self.std, self.low, self.high]

    @classmethod
    def from_json(cls, content: list[Any]) -> Self:
        mean, std, low, high = map(float, content)
        return cls(mean, std, low, high)


@dataclass(frozen=True)
class ChannelValues:
    """One channel of images ("red", "grey"), or one coordinate of points ("x"), before and after."""

    name: str
    before: Spread
    after: Spread

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        before, after = (Spread.from_json(content[key]) for key in ("before", "after"))
        return cls(str(content["name"]), before, after)


@dataclass(frozen=True)
class Histogram:
    """How often values of each size occur: `counts` of equal parts of the range from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.counts:
            raise ValueError("a histogram without parts")

    def to_json(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "counts": list(self.counts)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(float(content["low"]), float(content["high"]), tuple(map(int, content["counts"])))


@dataclass(frozen=True)
class Standardization:
    """What a run's standardisation was fitted to, and what it makes of training samples without augmentation.

    Attributes:
        method: the hyperparameter `standardize`: "channel", "gcn", ...
        fitted_on: training samples whose statistics it uses; 0 where each sample is scaled by itself, or none is.
        fitted_means, fitted_stds: of each channel, where it subtracts and divides by them; else empty.
        measured: training samples, evenly spread, that everything below is of.
        channels: in the order of the inputs.
        before, after: all values of all channels together. Images are counted as [0, 1] before.
    """

    epoch: float
    total_step: int
    method: str
    fitted_on: int
    fitted_means: tuple[float, ...]
    fitted_stds: tuple[float, ...]
    measured: int
    channels: tuple[ChannelValues, ...]
    before: Histogram
    after: Histogram

    def __post_init__(self) -> None:
        if not len(self.fitted_means) == len(self.fitted_stds) in (0, len(self.channels)):
            raise ValueError("a mean and a standard deviation are not of each channel")

    def to_json(self) -> dict[str, Any]:
        fitted = {
            "fitted_on": self.fitted_on,
            "fitted_means": list(self.fitted_means),
            "fitted_stds": list(self.fitted_stds),
        }
        channels = [channel.to_json() for channel in self.channels]
        histograms = {"before": self.before.to_json(), "after": self.after.to_json()}
        return {
            **place(self),
            "method": self.method,
            **fitted,
            "measured": self.measured,
            "channels": channels,
            **histograms,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        means, stds = (tuple(map(float, content[key])) for key in ("fitted_means", "fitted_stds"))
        before, after = (Histogram.from_json(content[key]) for key in ("before", "after"))
        return cls(
            *position(content),
            str(content["method"]),
            int(content["fitted_on"]),
            means,
            stds,
            int(content["measured"]),
            tuple(map(ChannelValues.from_json, content["channels"])),
            before,
            after,
        )
