"""Findings: what the practical claims about its figures, each checked against the runs of a study.

`lab1.py` to `lab3.py` hold the claims, `checks.py` the comparisons that they are made of, `measures.py` what is
measured of a run.
"""

from __future__ import annotations

from collections.abc import Callable

from tui_lab.studies.findings import lab1, lab2, lab3
from tui_lab.studies.findings.finding import AUTHORS, MARKS, Finding, Judged, Verdict, check, counts
from tui_lab.studies.results import StudyResult

__all__ = ["AUTHORS", "FINDINGS", "MARKS", "Finding", "Judged", "Verdict", "counts", "findings_of", "judge"]

FINDINGS: tuple[Finding, ...] = (*lab1.FINDINGS, *lab2.FINDINGS, *lab3.FINDINGS)


def findings_of(name: str) -> tuple[Finding, ...]:
    """The findings that are shown at a study, the report's before those of the data."""
    found = [finding for finding in FINDINGS if finding.study == name]
    return tuple(sorted(found, key=lambda finding: finding.says != "report"))


def judge(study: StudyResult, others: Callable[[str], StudyResult | None] = lambda name: None) -> list[Judged]:
    """Every finding of a study with its verdict.

    Args:
        study: as it stands.
        others: gives the studies that some findings compare with, by name, at the same scale; None when there is none.
    """
    known: dict[str, StudyResult | None] = {study.preset.name: study}
    judged = []
    for finding in findings_of(study.preset.name):
        for name in finding.presets:
            if name not in known:
                known[name] = others(name)
        judged.append(check(finding, known))
    return judged
