"""Names of models that somebody may have meant. Imports neither torch nor timm."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_NAMED = 3
ALIKE, HARDLY_ALIKE = 0.85, 0.5  # as difflib has it, from 0 to 1


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question with up to three of `names`, or an empty string when none is close.

    First those that begin as `name` does, then those that are spelled much as it is, then those of the family, its
    first word, that it may have meant, then whatever is close at all.
    """
    found = [repr(close) for close in closest(name, list(names))]
    if not found:
        return ""
    *others, last = found
    return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"


def closest(name: str, names: list[str]) -> list[str]:
    """Up to three of `names`, the likeliest first; see `did_you_mean`."""
    from difflib import get_close_matches  # only a mistake pays for it

    wanted = re.sub(r"[^a-z0-9]+", "_", name.rpartition("/")[2].partition(".")[0].casefold()).strip("_")
    if not wanted:
        return []
    family, _, rest = wanted.partition("_")
    families = sorted({known.partition("_")[0] for known in names})
    meant = "_".join(filter(None, [*get_close_matches(family, families, 1, 0.7), rest]))
    return (
        _beginning(wanted, names)
        or get_close_matches(wanted, names, MOST_NAMED, ALIKE)
        or (_beginning(meant, names) if meant != rest else [])
        or get_close_matches(wanted, names, MOST_NAMED, HARDLY_ALIKE)
    )


def _beginning(start: str, names: list[str]) -> list[str]:
    """The shortest names with this beginning."""
    return sorted((name for name in names if name.startswith(start)), key=lambda name: (len(name), name))[:MOST_NAMED]
