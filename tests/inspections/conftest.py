"""What the tests of inspections share."""

from __future__ import annotations

import pytest

from tui_lab.inspections import first_epoch


@pytest.fixture(autouse=True)
def _the_first_epoch_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is just now."""
    monkeypatch.setattr(first_epoch, "COST_S", 1e9)
