"""The entry point: `tui-lab`, and `python -m tui_lab`."""

from __future__ import annotations

import sys


def main() -> None:
    """The app when nothing else is asked for, and then without importing what only commands need; else a command."""
    from tui_lab.cli.app import app_arguments, can_open, open_app

    folders = app_arguments(sys.argv[1:])
    if folders is not None and can_open():
        sys.exit(open_app(*folders))
    from tui_lab.cli.main import main as run_command

    run_command()


if __name__ == "__main__":
    main()
