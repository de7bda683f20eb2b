"""Asking for previews from a process without torch."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, overload

from tui_lab.errors import TuiLabError
from tui_lab.previews.content import CONTENTS, Content, Kind, LayerTable, SampleGrid
from tui_lab.processes import module_command, named_end, write_line
from tui_lab.tools.tool import Folders, Result
from tui_lab.training.range_test import RangeTest
from tui_lab.training.timing import Timing

PATIENCE_S = 5.0  # that a newer request waits for an older one: most take less, whitening CIFAR-10 takes much more


class SupersededError(TuiLabError):
    """A newer preview was asked for, so nobody needs this one any more."""


class PreviewProcess:
    """The process that makes previews: started with the first request, started again when it has died.

    Its methods may be called from several threads. One request is worked on at a time; of those that wait, only the
    newest is worked on in the end.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()  # held by whoever talks with the process
        self._state = threading.Lock()  # held for a moment, to look at what follows or to change it
        self._newest = 0  # the number of the latest request
        self._working_on = 0  # that of the one under way; 0 = none
        self._is_warm = False  # it has answered before: what takes long now is the request, not the start
        self._is_closed = False
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None  # its stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @overload
    def ask(
        self,
        kind: Literal["samples"],
        exercise_name: str,
        values: Mapping[str, Any],
        data_dir: Path,
        draw: int = 0,
    ) -> SampleGrid: ...

    @overload
    def ask(
        self,
        kind: Literal["layers"],
        exercise_name: str,
        values: Mapping[str, Any],
        data_dir: Path,
        draw: int = 0,
    ) -> LayerTable: ...

    @overload
    def ask(
        self,
        kind: Literal["rates"],
        exercise_name: str,
        values: Mapping[str, Any],
        data_dir: Path,
        draw: int = 0,
    ) -> RangeTest: ...

    @overload
    def ask(
        self,
        kind: Literal["timing"],
        exercise_name: str,
        values: Mapping[str, Any],
        data_dir: Path,
        draw: int = 0,
    ) -> Timing: ...

    def ask(self, kind: Kind, exercise_name: str, values: Mapping[str, Any], data_dir: Path, draw: int = 0) -> Content:
        """The preview of a configuration. Blocks until it is there, so call it from a thread.

        Args:
            kind: "samples" for a `SampleGrid`, "layers" for a `LayerTable`, "rates" for a `RangeTest`, "timing" for a
                `Timing`. The last two train for some seconds: ask a process of its own for them.
            exercise_name: of the catalogue.
            values: hyperparameters by name, defaults for the others.
            data_dir: the folder with data sets; layers need none.
            draw: another number shows the same samples augmented anew, or other ones where nothing is random.

        Raises:
            SupersededError: somebody has asked since, or `close` was called.
            TuiLabError: what is wrong with the configuration or the data, in a sentence.
        """
        request = {
            "kind": kind,
            "exercise": exercise_name,
            "hyperparameters": dict(values),
            "data_dir": str(data_dir),
            "draw": draw,
        }
        return CONTENTS[kind].from_json(self._asked(request))

    def work_out(self, tool: str, values: Mapping[str, Any], folders: Folders, *, measure: bool = False) -> Result:
        """What a tool answers, or measures, with torch. Blocks and raises as `ask` does.

        Args:
            tool: of the catalogue, with a `WithTorch` to `calculate` or `measure`.
            values: inputs by name, defaults for the others.
            folders: with runs and data sets.
            measure: its `measure` instead of its `calculate`.
        """
        request = {
            "kind": "tool",
            "tool": tool,
            "inputs": dict(values),
            "measure": measure,
            "home": str(folders.home),
            "data_dir": str(folders.data),
        }
        return Result.from_json(self._asked(request))

    def _asked(self, request: dict[str, Any]) -> Any:
        """The content of the answer, once it is this request's turn."""
        with self._state:
            self._newest += 1
            number = self._newest
        while not self._turn.acquire(timeout=PATIENCE_S):
            self._check_needed(number)
            self._interrupt_for(number)
        try:
            self._check_needed(number)
            answer = self._answer(number, json.dumps({"id": number, **request}))
        finally:
            self._turn.release()
        if "error" in answer:
            error = TuiLabError(answer["error"], answer["hint"])
            error.exit_code = answer["exit_code"]
            raise error
        return answer["content"]

    def close(self) -> None:
        """End the process. A request under way raises `SupersededError`, and so does whoever asks afterwards."""
        with self._state:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        with self._turn:
            self._let_go()

    def _check_needed(self, number: int) -> None:
        if number != self._newest or self._is_closed:
            raise SupersededError("A newer preview was asked for.")

    def _interrupt_for(self, number: int) -> None:
        """Kill the process when it works on a request older than `number`. Not while it starts: that has to be anyway.

        A process that starts anew is quicker than one that whitens a data set which nobody looks at any more.
        """
        with self._state:
            if self._process is not None and self._is_warm and 0 < self._working_on < number:
                self._process.kill()

    def _answer(self, number: int, request: str) -> dict[str, Any]:
        """Send a line and wait for the line that answers it."""
        process = self._running(number)
        assert process.stdin and process.stdout  # they are pipes
        line = ""
        with suppress(OSError):  # it may be gone before it has read anything
            write_line(process.stdin, request.encode())
            line = process.stdout.readline()
        with self._state:
            self._working_on = 0
            self._is_warm = bool(line)
        if not line:
            code = process.wait()
            said = self._last_error()
            self._let_go()
            self._check_needed(number)
            doubt = "There may be too little memory for it." if -code == signal.SIGKILL else ""
            raise TuiLabError(f"The process that works this out ended with {named_end(code)}.", said or doubt)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _running(self, number: int) -> subprocess.Popen[str]:
        """The process, alive, and from now on interrupted by requests newer than `number`."""
        with self._state:
            if self._process is None or self._process.poll() is not None:
                self._let_go()
                self._start()
            self._check_needed(number)
            self._working_on = number
            assert self._process  # started above
            return self._process

    def _start(self) -> None:
        # A file, because a pipe that nobody reads fills up, and sys.stderr is no real one inside Textual.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115, closed by `_let_go`
        try:
            self._process = subprocess.Popen(
                module_command("tui_lab.previews"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                encoding="utf-8",
                start_new_session=True,  # the terminal's ctrl-c is not for it: it ends when its stdin does
            )
        except OSError as error:
            raise TuiLabError(f"The process that works this out cannot be started: {error}.") from error

    def _last_error(self) -> str:
        """The last line that the process wrote to stderr."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return (["", *self._errors.read().splitlines()])[-1]

    def _let_go(self) -> None:
        """Forget a process that has ended."""
        if self._process is not None:
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what it has not read cannot be flushed any more
                    pipe and pipe.close()
        if self._errors is not None:
            self._errors.close()
        self._process = self._errors = None
        self._is_warm = False
