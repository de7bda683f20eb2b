"""What a model that takes long to fit tells while it is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Expectation:
    """`seconds` until the model is fitted, and `each` for the outputs of one sample afterwards."""

    seconds: float
    each: float


class Progress:
    """Told in the thread that fits, heard in the one that keeps the records."""

    def __init__(self) -> None:
        self._sentences: SimpleQueue[str] = SimpleQueue()
        self._expectation: Expectation | None = None

    def say(self, sentence: str) -> None:
        """For the log."""
        self._sentences.put(sentence)

    def expect(self, seconds: float, each: float) -> None:
        """What is left, see `Expectation`; it replaces what was expected before."""
        self._expectation = Expectation(seconds, each)

    def sentences(self) -> list[str]:
        """What was said since the last call."""
        heard: list[str] = []
        while True:
            try:
                heard.append(self._sentences.get_nowait())
            except Empty:
                return heard

    def expectation(self) -> Expectation | None:
        """What was told since the last call; None when nothing was."""
        told, self._expectation = self._expectation, None
        return told


@runtime_checkable
class TellsProgress(Protocol):
    """A fitted model that knows how far it is. How long it takes is not tried out with a few samples."""

    progress: Progress
