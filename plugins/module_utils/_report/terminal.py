# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report for a terminal: one screen, the worst first. Pure."""

from __future__ import annotations

import textwrap

from .._core.finding import FAIL, OK, WARN
from .model import Line, Report

WIDTH = 100
SIGNS = {OK: "ok  ", WARN: "look", FAIL: "FAIL"}


def render(report: Report, show_ok: bool = False) -> str:
    """The whole report."""
    parts = [f"{report.title}: {report.counts}"]
    parts += [f"  {key}: {value}" for key, value in report.facts.items()]
    if report.services:
        parts += ["", *_services(report)]
    shown = [line for line in report.lines if show_ok or line.finding.status != OK]
    if shown:
        parts.append("")
    for line in shown:
        parts += _finding(line)
    return "\n".join(parts)


def _services(report: Report) -> list[str]:
    rows = [
        (SIGNS[item.status], item.name, item.url, f"{item.seconds:.2f} s" if item.seconds else "", item.note)
        for item in report.services
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip()
        for row in rows
    ]


def _finding(line: Line) -> list[str]:
    finding = line.finding
    where = f"{line.host}: " if line.host and line.host not in finding.target else ""
    first = f"  {SIGNS[finding.status]}  {where}{finding.target}"
    rows = [first]
    for text in (finding.summary, finding.hint):
        if text:
            rows += textwrap.wrap(
                text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8, break_long_words=False
            )
    return rows
