"""`python -m tui_lab`."""

from tui_lab.cli.main import main

main()
