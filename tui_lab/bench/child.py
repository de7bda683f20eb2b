"""The inside of a measuring process: facts first, then one answer for each request, as JSON lines.

The process is kept alive between requests, so that several can be measured in turns, block by block, each with its
own threads, allocator and memory, without paying for their start again. It times itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

Facts = dict[str, Any]
Commands = Mapping[str, Callable[..., Facts]]  # by the name that a request gives in "do"


def serve(facts: Facts, commands: Commands, requests: TextIO, answers: TextIO) -> None:
    """Say that the process is ready, then answer until there are no more requests."""
    _write(answers, facts)
    for line in requests:
        request = json.loads(line)
        _write(answers, commands[request.pop("do")](**request))


def _write(answers: TextIO, answer: Facts) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def peak_bytes() -> int:
    """The most memory that this process has had resident."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
