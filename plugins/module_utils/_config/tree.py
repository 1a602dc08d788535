# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All files and units of one call: stage, stop here in check mode, apply, verify, keep or put back."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.errors import CommandError, DeadlineError, InputError, MonsterrError
from .._core.files import locked, remove
from .._core.finding import Finding, warn
from .._core.secret import mask
from .._core.transaction import Transaction
from . import steps, units
from .command import Run, runner
from .model import FILE, LINK, Change
from .stage import Staged, stage
from .units import Plan, Unit


class Tree:
    """What one call of `config_tree` wants of a host.

    params  as the module documents them
    """

    def __init__(self, params: Mapping[str, Any], check_mode: bool, clock: Clock) -> None:
        self.params, self.check_mode = params, check_mode
        self.secrets: Mapping[str, str] = params["secrets"]
        self.state = Path(params["state_dir"])
        self.journal = self.state / "journal" / "config_tree.json"
        self.deadline = Deadline(params["deadline"], clock)
        self.run: Run = runner(self.deadline, self._mask)

    def work(self) -> dict[str, Any]:
        """The module's result."""
        units.names_fit(self.params["units"])
        staged, plans = self._stage()
        unfinished = self.journal.exists()
        strays = steps.strays([change.path for change in staged.listed])
        findings = list(staged.missing)
        if self.check_mode and unfinished:
            findings.append(_unfinished(self.journal))
        differs = bool(staged.changes) or any(plan.changed for plan in plans)
        # The only gate: all above reads, all below writes.
        if self.check_mode or not (differs or unfinished or strays):
            return self._result(staged, plans, findings)
        try:
            with locked(self.state / "config_tree.lock", self.deadline, "change the host's files"):
                return self._apply()
        except (OSError, DeadlineError) as error:
            failure = error if isinstance(error, MonsterrError) else self._lost(error)
            return self._failed(staged, plans, findings, failure)

    def _stage(self) -> tuple[Staged, list[Plan]]:
        """What there is to do now."""
        staged = stage(self.params["files"], self.params["purge"], self.secrets)
        if staged.missing and not self.check_mode:
            first = staged.missing[0]
            raise InputError("give the files to their owners", first.target, first.summary, first.hint, staged.missing)
        wanted = self.params["units"]
        try:
            found = units.look([unit["name"] for unit in wanted], self.run)
        except CommandError:
            if not self.check_mode:
                raise
            found = [Unit()] * len(wanted)
        changed = [change.path for change in staged.changes if FILE in (change.before.kind, change.after.kind)]
        changed += [change.path for change in staged.changes if LINK in (change.before.kind, change.after.kind)]
        return staged, [units.decide(unit, now, changed) for unit, now in zip(wanted, found, strict=True)]

    def _apply(self) -> dict[str, Any]:
        self.journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        transaction = Transaction(self.journal, self._restore)
        findings = [_recovered(records)] if (records := transaction.recover()) else []
        staged, plans = self._stage()
        for path in steps.strays([change.path for change in (*staged.listed, *staged.purged)]):
            remove(path)
        plans_changed = [plan for plan in plans if plan.changed]
        changes = staged.changes
        if changes or plans_changed:
            try:
                self._validate_staged(changes)
                findings += self._run(transaction, changes, plans_changed)
            except MonsterrError as error:
                return self._failed(staged, plans, findings, error)
        result = self._result(staged, plans, findings)
        return {**result, "changed": result["changed"] or bool(records)}

    def _mask(self, text: str) -> str:
        return mask(text, self.secrets)

    def _lost(self, error: OSError) -> MonsterrError:
        where = error.filename or self.state
        hint = "Mend it, then run again: what had been begun, if anything, is undone first."
        return MonsterrError("change the host's files", str(where), error.strerror or str(error), hint)

    def _failed(
        self, staged: Staged, plans: Sequence[Plan], findings: Sequence[Finding], error: MonsterrError
    ) -> dict[str, Any]:
        result = self._result(staged, plans, [*findings, *error.findings, error.finding()], done=False)
        return {**result, "failed": True, "msg": error.message, "error": error.details}

    def _run(self, transaction: Transaction, changes: Sequence[Change], plans: Sequence[Plan]) -> list[Finding]:
        files = [steps.step(change) for change in changes]
        reread = any(change.path.is_relative_to(folder) for change in changes for folder in units.FOLDERS)
        switch = units.Switch(plans, reread, self.run)
        commands = [self._check(words) for words in self.params["validate"] if words]
        around = [units.Settle(switch)] if plans or reread else []
        all_steps = [*around, *files, *(commands if changes else ()), *([switch] if around else ())]

        def verify() -> list[Finding]:
            findings = units.verify(plans, self.run, self.deadline, self._mask)
            for step in files:
                step.keep(self.state / "revisions" / "files")
            return findings

        def commit() -> None:
            for step in files:
                step.forget()

        return transaction.run(all_steps, verify, commit)

    def _check(self, words: Sequence[Any]) -> steps.Check:
        return steps.Check(lambda: self.run("validate the new files", [str(word) for word in words]))

    def _validate_staged(self, changes: Sequence[Change]) -> None:
        """Let each file's own command judge it before anything is changed."""
        judged = [change for change in changes if change.validate]
        if not judged:
            return
        folder = self.state / "staged"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            for change in judged:
                place = Path(tempfile.mkdtemp(dir=folder), change.path.name)
                place.touch(mode=0o600)
                place.write_bytes(change.after.content)
                words = [word.replace("%s", str(place)) for word in shlex.split(change.validate)]
                self.run(f"validate the new {change.path}", words)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _restore(self, record: dict[str, Any]) -> Any:
        if record["step"] in ("switch", "settle"):
            return units.restore(record, self.run)
        return steps.restore(record)

    def _result(
        self, staged: Staged, plans: Sequence[Plan], findings: Sequence[Finding], done: bool = True
    ) -> dict[str, Any]:
        """done: whether what was planned was, or in check mode would be, changed."""
        files = [_told(change, done) for change in staged.listed]
        purged = [_told(change, done) for change in staged.purged]
        states = [{"name": plan.name, "actions": list(plan.verbs), "changed": done and plan.changed} for plan in plans]
        unit_diffs = [diff for plan in plans if (diff := plan.diff())]
        changed = bool(staged.changes) or any(plan.changed for plan in plans)
        return {
            "changed": done and changed,
            "files": files,
            "purged": purged,
            "units": states,
            "findings": list(findings),
            "diff": [*staged.diff(self.secrets), *unit_diffs],
        }


def _told(change: Change, done: bool) -> dict[str, Any]:
    return {"path": str(change.path), "action": change.action, "changed": done and change.action != "none"}


def _recovered(records: Sequence[Mapping[str, Any]]) -> Finding:
    paths = [record["path"] for record in records if "path" in record]
    summary = "An earlier run was killed; what it had begun was undone first."
    return warn("config_tree.recovered", "config_tree", summary, "Nothing to do.", paths=paths)


def _unfinished(journal: Path) -> Finding:
    summary = "An earlier run was killed; the next run undoes what it had begun."
    return warn("config_tree.unfinished", str(journal), summary, "Run again without check mode.")
