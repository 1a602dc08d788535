# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run did to each host, and what it cost."""

from __future__ import annotations

DOCUMENTATION = """
name: run_log
type: aggregate
short_description: Count what a run does to each host, and write it down
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - At the end of a run prints a line for each host, with the number of modules that were executed on it, what changed,
    and the time that its tasks took.
  - Writes all of it as JSON, with every change, its diff and every finding, if a file is given.
  - Results come to callbacks with secrets masked, and are written as they come.
options:
  path:
    description: File to write.
    type: path
    env:
      - name: MONSTERR_RUN_LOG
    ini:
      - section: callback_run_log
        key: path
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

# How many times these actions execute a module on the host. What is not here and returns `invocation` does so once.
_BUILTIN = (
    "add_host assert debug fail group_by import_role include_role include_tasks include_vars meta set_fact set_stats"
)
_LOCAL = {f"ansible.builtin.{name}" for name in _BUILTIN.split()} | {"ansible.builtin.validate_argument_spec"}
_LOCAL |= {f"monsterr.media.{name}" for name in ("plan", "report", "run_playbook", "judge_run", "visit")}
_SEVERAL = {"ansible.builtin.template": 2, "ansible.builtin.copy": 2, "ansible.builtin.assemble": 2}
_KEPT = ("services", "files", "units", "certificates", "wiring", "results", "writes")


class CallbackModule(CallbackBase):
    """Listens to a run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "monsterr.media.run_log"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.started = time.time()
        self.playbook = ""
        self.hosts: dict[str, dict[str, Any]] = {}
        self.task_started: dict[tuple[str, str], float] = {}

    def _host(self, name: str) -> dict[str, Any]:
        empty = {
            "executions": 0,
            "seconds": 0.0,
            "changed": [],
            "failed": [],
            "unreachable": "",
            "findings": [],
            "results": {},
        }
        return self.hosts.setdefault(name, empty)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember which playbook it is."""
        self.playbook = os.path.basename(playbook._file_name)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Start a task's watch."""
        self.task_started[(host.get_name(), task._uuid)] = time.time()

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task went well, or its failure was taken in."""
        self._note(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed."""
        host = self._note(result)
        if not ignore_errors:
            host["failed"].append({"task": self._task(result), "msg": str(result._result.get("msg", ""))})

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host did not answer."""
        host = self._host(result._host.get_name())
        host["unreachable"] = str(result._result.get("msg", "")) or "no reason given"

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the sums, and write everything down."""
        for name, host in self.hosts.items():
            changed = len(host["changed"])
            line = f"{name}: {host['executions']} remote module executions, {changed} changed, {host['seconds']:.1f} s"
            self._display.display(line)
        path = self.get_option("path")
        if path:
            log = {"playbook": self.playbook, "seconds": time.time() - self.started, "hosts": self.hosts}
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(log, file, indent=2, default=str)

    def _note(self, result: Any) -> dict[str, Any]:
        name = result._host.get_name()
        host = self._host(name)
        found = result._result
        began = self.task_started.pop((name, result._task._uuid), None)
        if began:
            host["seconds"] += time.time() - began
        host["executions"] += self._executions(result)
        action = result._task.resolved_action or result._task.action
        if found.get("changed"):
            host["changed"].append({"task": self._task(result), "action": action, "diff": found.get("diff") or []})
        if action != "monsterr.media.report":  # which tells again what others have found
            host["findings"] += [item for item in found.get("findings") or () if isinstance(item, dict)]
        kept = {key: found[key] for key in _KEPT if key in found}
        if kept and action.startswith("monsterr.media."):
            host["results"].setdefault(action.rpartition(".")[2], []).append(kept)
        return host

    @staticmethod
    def _executions(result: Any) -> int:
        """How many modules a task executed on its host: none when it was skipped, ran here, or was sent elsewhere."""
        task, found = result._task, result._result
        action = task.resolved_action or task.action
        if task.delegate_to or found.get("skipped") or action in _LOCAL:
            return 0
        rounds = [item for item in found.get("results") or () if isinstance(item, dict)] if task.loop else [found]
        return sum(_SEVERAL.get(action, 1) for item in rounds if "invocation" in item or "findings" in item)

    @staticmethod
    def _task(result: Any) -> str:
        return str(result._task.get_name())
