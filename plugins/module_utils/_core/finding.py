# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one result type of every check: what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

OK = "ok"
WARN = "warn"
FAIL = "fail"
SEVERITY = {OK: 0, WARN: 1, FAIL: 2}


@dataclass(frozen=True)
class Finding:
    """One verdict.

    check     what kind of look it was, dotted and stable: ``stack.health``, ``plan.port``, ``dns.record``
    target    what was looked at: a service, a name, a file, a host
    status    ``ok``, ``warn`` or ``fail``
    summary   one sentence a user understands
    hint      what to do next; empty when the status is ``ok``
    evidence  JSON-ready facts behind the verdict; never a secret
    """

    check: str
    target: str
    status: str
    summary: str
    hint: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in SEVERITY:
            raise ValueError(f"a finding's status is one of {', '.join(SEVERITY)}, not {self.status!r}")

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data, the shape every module returns in ``findings``."""
        return asdict(self)


def ok(check: str, target: str, summary: str, **evidence: Any) -> Finding:
    """A finding that says all is well."""
    return Finding(check, target, OK, summary, "", evidence)


def warn(check: str, target: str, summary: str, hint: str, **evidence: Any) -> Finding:
    """A finding that does not stop anything, but that the user should read."""
    return Finding(check, target, WARN, summary, hint, evidence)


def fail(check: str, target: str, summary: str, hint: str, **evidence: Any) -> Finding:
    """A finding that makes the run end failed."""
    return Finding(check, target, FAIL, summary, hint, evidence)


def worst(findings: Iterable[Finding]) -> str:
    """The highest status among `findings`; ``ok`` when there are none."""
    return max((item.status for item in findings), key=SEVERITY.__getitem__, default=OK)
