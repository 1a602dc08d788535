# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inventory to plan, on the controller. The module of the same name documents it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.monsterr.media.plugins.module_utils._core.files import write_atomically
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import Finding, fail
from ansible_collections.monsterr.media.plugins.module_utils._plan import show
from ansible_collections.monsterr.media.plugins.module_utils._plan.build import build
from ansible_collections.monsterr.media.plugins.module_utils._plan.model import Inventory, Source
from ansible_collections.monsterr.media.plugins.module_utils._plan.settings import OTHER

ROLES = Path(__file__).resolve().parents[2] / "roles"
_ALSO = ("ansible_host", "ansible_port")


class ActionModule(ActionBase):
    """Reads definitions and inventory, builds the plan, and returns it."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan's own keys; failed, with findings, when there are problems."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _spec, arguments = self.validate_argument_spec(
            {
                "show": {"type": "bool", "default": False},
                "json": {"type": "path"},
                "mermaid": {"type": "path"},
            }
        )
        trouble: list[Finding] = []
        sources = _definitions(_service_folders(task_vars), trouble)
        inventory = _inventory(task_vars, set(sources), trouble)
        plan, findings = (None, trouble) if trouble else build(sources, inventory)
        told = [item.as_dict() for item in findings]
        if plan is None:
            return {"failed": True, "msg": show.problems(findings), "findings": told}
        if arguments["show"]:
            Display().display(show.table(plan))
        for key, text in (("json", json.dumps(plan, indent=2) + "\n"), ("mermaid", show.mermaid(plan))):
            if arguments[key]:
                write_atomically(Path(arguments[key]), text.encode(), mode=0o644)
        return {"changed": False, "findings": told, **plan}


def _service_folders(task_vars: Mapping[str, Any]) -> list[Path]:
    """``services/`` beside every inventory source of this run."""
    folders = []
    for source in task_vars.get("ansible_inventory_sources") or ():
        path = Path(str(source))
        folders.append((path if path.is_dir() else path.parent) / "services")
    return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def _definitions(folders: list[Path], trouble: list[Finding]) -> dict[str, Source]:
    """Every definition: the collection's own, and the user's in `folders`."""
    found = {path.parents[1].name: path for path in sorted(ROLES.glob("*/meta/service.yml"))}
    found |= {path.stem: path for path in sorted(ROLES.glob("plan/files/services/*.yml"))}
    sources = {name: _source(path, str(path.relative_to(ROLES.parent)), trouble) for name, path in found.items()}
    for path in sorted(path for folder in folders for path in folder.glob("*.yml")):
        name = path.stem
        if name in sources:
            hint = f"Change it by a variable named {name}, or give your service another name."
            trouble.append(fail("plan.service", str(path), f"There already is a service {name}.", hint))
            continue
        sources[name] = _source(path, str(path), trouble)
    return sources


def _source(path: Path, where: str, trouble: list[Finding]) -> Source:
    try:
        return Source(where, yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        trouble.append(fail("plan.file", where, f"It cannot be read: {error}", "Correct the file."))
        return Source(where, {})


def _inventory(task_vars: Mapping[str, Any], services: set[str], trouble: list[Finding]) -> Inventory:
    """The variables of each host of the group ``monsterr`` that may concern us, templated, as plain data."""
    groups = task_vars.get("groups", {})
    hostvars = task_vars["hostvars"]
    hosts = {}
    for host in groups.get("monsterr", ()):
        variables = hostvars[host]
        hosts[host] = {}
        for name in variables:
            if name in OTHER:
                continue
            own = name in services or name.startswith("monsterr_") or name in _ALSO
            if own or _may_be_misspelt(name, services):
                try:
                    hosts[host][str(name)] = _plain(variables[name])
                except AnsibleError as error:
                    hint = "Define what it refers to, or pass the vault's password."
                    trouble.append(fail("plan.value", f"host {host}: {name}", f"It has no value: {error}", hint))
    return Inventory(hosts, list(groups.get("monsterr_edge", ())))


def _may_be_misspelt(name: str, services: set[str]) -> bool:
    return not name.startswith("ansible_") and any(name[:2] == service[:2] for service in services)


def _plain(value: Any) -> Any:
    """`value` without Ansible's own string and container types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return str(value)
