# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the log of a run to findings. The module of the same name documents it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail
from ansible_collections.monsterr.media.plugins.module_utils._report import runs
from ansible_collections.monsterr.media.plugins.module_utils._report.model import Line

SPEC = {
    "run": {"type": "dict", "required": True},
    "before": {"type": "dict"},
    "budget": {"type": "int", "default": 20},
}


class ActionModule(ActionBase):
    """Judges."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The findings, each with its host."""
        super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(SPEC)
        run, before = arguments["run"], arguments["before"]
        log = run.get("log") or {"hosts": {}}
        if before:
            lines = runs.repeat(before["log"], log, arguments["budget"])
        else:
            lines = runs.drift(log, complete=not run.get("exit_code"))
        if run.get("exit_code") and not any(line.finding.status == "fail" for line in lines):
            summary = f"The run ended with {run['exit_code']}, before it could look at everything."
            lines.append(Line("", fail("run", "ansible-playbook", summary, "What failed is shown above.")))
        return {"changed": False, "findings": [{"host": line.host, **line.finding.as_dict()} for line in lines]}
