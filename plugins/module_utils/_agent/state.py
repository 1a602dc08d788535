# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the agent remembers between runs: small JSON files, each old or new and never half-written."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.files import locked, write_atomically
from .._core.finding import FAIL, SEVERITY, Finding, fail, ok, warn, worst

PATIENCE = 3.0  # seconds that a second run waits for the first


@dataclass(frozen=True)
class State:
    """The files below `folder`."""

    folder: Path

    def prepare(self) -> None:
        """Have the folder, for root alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, name: str) -> Any:
        """What was written under `name`; None if nothing was, or if it cannot be read: then it is made anew."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, name: str, data: Any) -> None:
        """Remember `data` under `name`."""
        write_atomically(self.folder / f"{name}.json", (json.dumps(data) + "\n").encode(), 0o600)

    def lock(self, job: str, clock: Clock) -> AbstractContextManager[None]:
        """Keep other runs of `job` away; `DeadlineError` when one is at it."""
        return locked(self.folder / f"{job}.lock", Deadline(PATIENCE, clock), f"run the job {job}")


def record(findings: list[Finding], began: float, ended: float) -> dict[str, Any]:
    """What is remembered of a run. began, ended: seconds since 1970-01-01 UTC."""
    return {
        "began": began,
        "ended": ended,
        "status": worst(findings),
        "findings": [item.as_dict() for item in findings],
    }


def verdict(job: str, seen: Any, now: float, max_age: float) -> Finding:
    """What the last run of `job` says. seen: its `record`, if there is one; max_age: seconds between two runs. Pure."""
    check, target = f"agent.{job}", f"job {job}"
    if not isinstance(seen, dict) or seen.get("status") not in SEVERITY or "ended" not in seen:
        return ok(check, target, f"The job {job} has not run yet.")
    age = now - seen["ended"]
    facts = {"ended": seen["ended"]}
    if seen["status"] == FAIL:
        said = [f"{item['target']}: {item['summary']}" for item in seen["findings"] if item["status"] == FAIL]
        hint = f"Look with: journalctl --unit monsterr-{job}"
        return fail(check, target, f"The job {job} failed. {' '.join(said)}"[:600], hint, **facts)
    if age > max_age:
        hint = f"Look with: systemctl status monsterr-{job}.timer"
        return warn(check, target, f"The job {job} ran {age / 3600:.0f} hours ago, and not since.", hint, **facts)
    return ok(check, target, f"The job {job} went well.", **facts)
