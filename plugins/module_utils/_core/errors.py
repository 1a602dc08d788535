# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one exception tree. Each error says what was attempted, on what, why it failed and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .finding import Finding, fail


class MonsterrError(Exception):
    """Base of every failure we raise on purpose.

    attempted  infinitive clause: "start the container"
    target     what it was attempted on: "sonarr", "https://ca.example/dir"
    why        the cause, as exact as it is known, without a secret in it
    hint       what the user can do next
    findings   further verdicts that were collected before the failure
    details    JSON-ready facts: codes, ids, the peer's own problem document
    """

    check = "error"

    def __init__(
        self,
        attempted: str,
        target: str,
        why: str,
        hint: str = "",
        findings: Sequence[Finding] = (),
        **details: Any,
    ) -> None:
        self.attempted = attempted
        self.target = target
        self.why = why.rstrip(". ")
        self.hint = hint
        self.findings = list(findings)
        self.details = details
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole story in one or two sentences."""
        text = f"Could not {self.attempted} ({self.target}): {self.why}."
        return f"{text} {self.hint}" if self.hint else text

    def finding(self) -> Finding:
        """The same story as a finding."""
        return fail(self.check, self.target, f"Could not {self.attempted}: {self.why}.", self.hint, **self.details)


class InputError(MonsterrError):
    """What the user wrote cannot be used; nothing was touched."""

    check = "input"


class DeadlineError(MonsterrError):
    """The time allowed for a wait is over."""

    check = "deadline"


class UnreachableError(MonsterrError):
    """A peer did not answer at all: no name, no route, connection refused, no TLS."""

    check = "unreachable"


class RefusedError(MonsterrError):
    """A peer answered, and said no."""

    check = "refused"


class CommandError(MonsterrError):
    """A program on the host failed."""

    check = "command"


class TransactionError(MonsterrError):
    """A change was applied, did not verify, and was rolled back (or could not be: `details` says which)."""

    check = "transaction"
