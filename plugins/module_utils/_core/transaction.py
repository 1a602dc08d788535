# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply, verify, then commit or roll back: the only way a host is changed.

A transaction is a list of steps. What each step needs to be undone is written to the journal and synced to disk before
the first step is applied. So after a kill at any point, the next run finds the journal, undoes what had been begun, and
starts afresh from a host that is as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from .errors import MonsterrError, TransactionError
from .files import remove, write_atomically
from .finding import FAIL, Finding, fail, worst

Record = dict[str, Any]


class Step(Protocol):
    """One change of a host."""

    @property
    def record(self) -> Record:
        """All that `undo` needs, as JSON-ready data without a secret in it. Known before `apply`."""

    def apply(self) -> None:
        """Make the change."""

    def undo(self) -> None:
        """Put back what was. Right as well if `apply` never ran, ran in part, or this has already run."""


class Transaction:
    """Runs steps as one change, under a journal.

    journal  where the journal is written while the change is under way
    restore  makes a step again from its record, so that a later process can undo it
    """

    def __init__(self, journal: Path, restore: Callable[[Record], Step]) -> None:
        self.journal = journal
        self.restore = restore

    def recover(self) -> list[Record]:
        """Undo what a killed run left behind; the records of what was undone, newest first."""
        try:
            records = json.loads(self.journal.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        records.reverse()
        self._undo([self.restore(record) for record in records])
        remove(self.journal)
        return records

    def run(
        self,
        steps: Sequence[Step],
        verify: Callable[[], Sequence[Finding]],
        commit: Callable[[], None] = lambda: None,
    ) -> list[Finding]:
        """Apply `steps` in order and verify; the findings of `verify` when all is well.

        verify  looks at the result; a finding that fails, or an error, makes the change roll back
        commit  clears away what was kept for undoing; runs only after the change is final, and again is harmless

        Raises `TransactionError` after rolling back. Its findings say what failed, and what could not be undone.
        """
        write_atomically(self.journal, json.dumps([step.record for step in steps]).encode(), mode=0o600)
        done: list[Step] = []
        try:
            for step in steps:
                done.append(step)
                step.apply()
            findings = list(verify())
        except (MonsterrError, OSError) as error:
            findings = [_told(error, self.journal.stem)]
        except BaseException:
            self._undo(done[::-1])
            remove(self.journal)
            raise
        if worst(findings) == FAIL:
            self._roll_back(done[::-1], findings)
        remove(self.journal)
        commit()
        return findings

    def _roll_back(self, steps: Sequence[Step], findings: list[Finding]) -> None:
        cause = next(item for item in findings if item.status == FAIL)
        try:
            self._undo(steps)
        except (MonsterrError, OSError) as error:
            # The journal stays: the next run tries again to undo.
            raise TransactionError(
                "undo a change that failed",
                self.journal.stem,
                f"{error}; the change had failed because: {cause.summary}",
                "Mend the cause, then run again: the next run undoes the rest first.",
                findings,
                undone=False,
            ) from error
        remove(self.journal)
        raise TransactionError(
            "change it",
            self.journal.stem,
            cause.summary,
            "Everything was put back. " + cause.hint,
            findings,
            undone=True,
        )

    @staticmethod
    def _undo(steps: Sequence[Step]) -> None:
        for step in steps:
            step.undo()


def _told(error: MonsterrError | OSError, target: str) -> Finding:
    if isinstance(error, MonsterrError):
        return error.finding()
    where = error.filename or target
    return fail(
        "transaction.io", str(where), f"The host's file system said: {error.strerror}.", "Mend it, then run again."
    )
