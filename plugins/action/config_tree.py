# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Templates to contents, on the controller; the rest is the module's, which documents it all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.template import generate_ansible_template_vars, trust_as_template
from ansible_collections.monsterr.media.plugins.module_utils._core.secret import reference

ROLES = Path(__file__).resolve().parents[2] / "roles"
_OURS = ("template", "role", "vars")


class ActionModule(ActionBase):
    """Renders the templates of `files` and calls the module."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        files = self._task.args.get("files") or []
        if not isinstance(files, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in files):
            raise AnsibleActionFail("files has to be a list of dictionaries.")
        ready = [self._ready(entry, task_vars) for entry in files]
        secrets = dict(self._task.args.get("secrets") or {})
        for number, entry in enumerate(ready):
            if entry.get("content") and boolean(entry.get("sensitive", False)):
                # Ansible shows a module's arguments in its log, but not those it knows for secret.
                secrets[f"config_tree.{number}"] = entry["content"]
                entry["content"] = reference("config_tree", str(number))
        arguments = {**self._task.args, "files": ready, "secrets": secrets}
        return self._execute_module(
            module_name="monsterr.media.config_tree", module_args=arguments, task_vars=task_vars
        )

    def _ready(self, entry: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """`entry` as the module takes it."""
        ready = {key: value for key, value in entry.items() if key not in _OURS}
        if entry.get("template"):
            if entry.get("content") is not None:
                raise AnsibleActionFail(f"{entry.get('path')}: it has both a template and content.")
            ready["content"] = self._render(entry, task_vars)
        return ready

    def _render(self, entry: Mapping[str, Any], task_vars: Mapping[str, Any]) -> str:
        try:
            source = self._source(entry)
            search = [*task_vars.get("ansible_search_path", []), self._loader.get_basedir(), os.path.dirname(source)]
            variables = {**task_vars, **(entry.get("vars") or {})}
            special = generate_ansible_template_vars(entry["template"], source, entry.get("path"))
            variables = {**special, **variables, **{k: v for k, v in special.items() if k != "ansible_managed"}}
            templar = self._templar.copy_with_new_env(
                searchpath=[folder for path in search for folder in (os.path.join(path, "templates"), path)],
                available_variables=variables,
            )
            text = trust_as_template(self._loader.get_text_file_contents(source))
            overrides = {"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"}
            rendered = templar.template(text, escape_backslashes=False, overrides=overrides)
        except AnsibleError as error:
            raise AnsibleActionFail(f"Could not make {entry.get('path')} from {entry['template']}: {error}") from error
        return "" if rendered is None else str(rendered)

    def _source(self, entry: Mapping[str, Any]) -> str:
        if entry.get("role"):
            path = ROLES / str(entry["role"]) / "templates" / str(entry["template"])
            if path.is_file():
                return str(path)
        return self._find_needle("templates", entry["template"])
