"""The measurements of the performance page, by name. Imports no torch: everything is measured in child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from statistics import median

from tui_lab.bench.child import Facts
from tui_lab.bench.files import FilesRequest
from tui_lab.bench.interleave import in_turns, ratio_of
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.workload import BARE_TARGET, PLAIN_WORKERS, WORKLOADS, LoopRequest
from tui_lab.errors import TuiLabError
from tui_lab.paths import HOME_VARIABLE
