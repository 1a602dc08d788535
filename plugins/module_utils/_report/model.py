# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.finding import FAIL, OK, SEVERITY, WARN, Finding


@dataclass(frozen=True)
class Line:
    """A finding and the host it is about ('' for the controller)."""

    host: str
    finding: Finding


@dataclass(frozen=True)
class Service:
    """A service as a person reaches it."""

    name: str
    url: str
    status: str  # ok, warn or fail
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Report:
    """A title, services if there are any to show, and findings, the worst first."""

    title: str
    lines: Sequence[Line]
    services: Sequence[Service] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def of(self, status: str) -> list[Line]:
        """The lines of one status."""
        return [line for line in self.lines if line.finding.status == status]

    @property
    def counts(self) -> str:
        """In words: how many of each."""
        parts = [(FAIL, "failed"), (WARN, "to look at"), (OK, "ok")]
        return (
            ", ".join(f"{len(self.of(status))} {word}" for status, word in parts if self.of(status)) or "nothing found"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": self.title,
            "facts": dict(self.facts),
            "services": [vars(service) for service in self.services],
            "findings": [{"host": line.host, **line.finding.as_dict()} for line in self.lines],
        }


def sort(lines: Sequence[Line]) -> list[Line]:
    """The worst first, otherwise as they came."""
    return sorted(lines, key=lambda line: -SEVERITY[line.finding.status])
