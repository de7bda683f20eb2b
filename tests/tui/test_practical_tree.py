"""How presets are laid out in the tree of the practical."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_lab.tui.labs.tree import Entry, families

PARTS = st.lists(st.sampled_from(["fig", "2.07", "corrected", "a"]), min_size=1, max_size=4).map("-".join)


def laid_out(*names: str) -> list[tuple[str, list[str]]]:
    entries = [Entry(None, name) for name in names]
    return [(base.preset, [version.preset for version in versions]) for base, versions in families(entries)]


def test_versions_lie_under_what_they_are_versions_of() -> None:
    names = ("fig-2.07-corrected", "fig-2.07", "fig-2.07-corrected-longer", "fig-2.08", "fig-2.0", "vit-mnist")
    assert laid_out(*names) == [
        ("fig-2.07", ["fig-2.07-corrected", "fig-2.07-corrected-longer"]),
        ("fig-2.08", []),
        ("fig-2.0", []),
        ("vit-mnist", []),
    ]


@given(st.lists(PARTS, unique=True))
def test_every_preset_is_there_once_and_no_base_is_a_version(names: list[str]) -> None:
    found = laid_out(*names)
    assert sorted([base for base, _ in found] + [v for _, versions in found for v in versions]) == sorted(names)
    for base, versions in found:
        assert all(version.startswith(f"{base}-") for version in versions)
        assert not any(base.startswith(f"{other}-") for other in names)
