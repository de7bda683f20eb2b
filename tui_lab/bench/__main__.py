"""`python -m tui_lab.bench ROLE REQUEST`: one measuring process, driven over its standard input and output."""

from __future__ import annotations

import sys

from tui_lab.bench.child import serve
from tui_lab.errors import TuiLabError


def main(role: str, request: str) -> int:
    """Measure until standard input ends. Returns the exit code."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not come between the answers
    try:
        if role == "files":
            from tui_lab.bench.files import FilesRequest, filled_home

            with filled_home(FilesRequest.from_json(request)) as (facts, commands):
                serve(facts, commands, sys.stdin, answers)
        else:
            from tui_lab.bench.loops import opened_loop
            from tui_lab.bench.workload import LoopRequest

            with opened_loop(LoopRequest.from_json(request)) as (facts, commands):
                serve(facts, commands, sys.stdin, answers)
    except TuiLabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
