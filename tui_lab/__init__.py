"""tui_lab: a lab bench for deep learning in the terminal."""

__version__ = "0.1.0"
