# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply, connect afresh, confirm. The module of the same name documents it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail

NAME = "monsterr.media.firewall"


class ActionModule(ActionBase):
    """One module execution when nothing differs, two when rules change."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of applying, with what was found by confirming."""
        super().run(tmp, task_vars)
        return {**self._applied(task_vars), "key_login": self._by_key()}

    def _by_key(self) -> bool:
        """Whether this run came in by SSH without a password: Ansible then allows ssh no other way than keys."""
        if self._connection.transport not in ("ssh", "smart"):
            return False
        try:
            return not self._connection.get_option("password")
        except KeyError:
            return False

    def _applied(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = dict(self._task.args)
        result = self._execute_module(module_name=NAME, module_args=arguments, task_vars=task_vars)
        if not result.get("armed"):
            return result
        try:
            # Packets of a connection that stands are let through by any rules: only a new one proves something.
            reset = getattr(self._connection, "reset", self._connection.close)
            reset()
            kept = self._execute_module(
                module_name=NAME, module_args={**arguments, "state": "confirmed"}, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            seconds = (arguments.get("rules") or {}).get("confirm_seconds", 60)
            summary = f"With the new rules the host could not be reached any more: {error}"
            hint = f"It goes back to the former rules within {seconds} seconds. Correct the new ones, then run again."
            found = fail("firewall", "firewall", summary, hint)
            return {
                **result,
                "failed": True,
                "changed": False,
                "msg": f"{summary} {hint}",
                "findings": [*result.get("findings", []), found.as_dict()],
            }
        return {**kept, "diff": result.get("diff", [])}
