"""The outside of a measuring process: started, asked, ended. Imports no torch."""

from __future__ import annotations

import json
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Self

from tui_lab.bench.child import Facts
from tui_lab.errors import TuiLabError
from tui_lab.processes import module_command, write_line

END_S = 10.0  # to end in when asked to, before being killed


class Child:
    """`python -m tui_lab.bench ROLE REQUEST`, from the first moment that it can be asked. Use as a context manager.

    Attributes:
        facts: what it said about itself when it was ready.

    Raises:
        TuiLabError: it ended by itself, then or while it was asked; with the last line that it wrote to stderr.
    """

    def __init__(self, role: str, request: str) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115, closed by `close`
        self._process = subprocess.Popen(
            module_command("tui_lab.bench", role, request),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        try:
            self.facts = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, what: str, **values: Any) -> Facts:
        """Tell it to do `what`, and wait for the answer."""
        assert self._process.stdin is not None
        try:
            write_line(self._process.stdin, json.dumps({"do": what, **values}).encode())
        except BrokenPipeError:
            raise self._death() from None
        return self._answer()

    def close(self) -> None:
        """Send no more requests: it then ends by itself, and tidies up after itself."""
        if self._stderr.closed:
            return
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self.close()

    def _answer(self) -> Facts:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._death()
        answer: Facts = json.loads(line)
        return answer

    def _death(self) -> TuiLabError:
        self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().splitlines()
        return TuiLabError("A measuring process ended before it had answered.", said[-1] if said else "")
