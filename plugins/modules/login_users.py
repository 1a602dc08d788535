#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: login_users
short_description: Keep the users of Authelia's file backend
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Adds, changes, disables and removes users in C(users_database.yml), so that it has those of O(users) and no others.
  - A password that somebody chose in the portal stays, until the one in O(users) or its O(users[].reset) changes.
  - The file is at every moment the old or the new one. Authelia reads it again by itself.
requirements: [PyYAML]
attributes:
  check_mode:
    description: Compares only.
    support: full
  diff_mode:
    description: Names each user that changes, and what of it, without any value.
    support: full
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
options:
  path:
    description: The database of users. Its folder is made if it is not there.
    type: path
    required: true
  owner:
    description: Number of the user that Authelia runs as.
    type: int
    required: true
  group:
    description: Number of its group.
    type: int
    required: true
  users:
    description: All who may log in.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What is typed to log in.
        type: str
        required: true
      display_name:
        description: The name for people.
        type: str
        required: true
      email:
        description: Where the login writes to.
        type: str
        required: true
      groups:
        description: Groups that rules may refer to.
        type: list
        elements: str
        default: []
      disabled:
        description: Whether the login is refused.
        type: bool
        default: false
      reset:
        description: A number. When it changes, the password is set again.
        type: int
        default: 0
      hash:
        description: The password's hash, or the reference to it in O(secrets).
        type: str
        required: true
  secrets:
    description: Values for references to secrets, by their names.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Keep the login's users
  monsterr.media.login_users:
    path: /opt/monsterr/services/authelia/config/users_database.yml
    owner: 13000
    group: 13000
    users: "{{ monsterr_plan.hosts[inventory_hostname].login.users }}"
    secrets: "{{ lookup('monsterr.media.secrets', monsterr_plan.hosts[inventory_hostname].secrets) }}"
"""

RETURN = r"""
changes:
  description: A line for each user that was added, changed or removed.
  type: list
  elements: str
  returned: success
findings:
  description: What was done, and whose own password stays.
  type: list
  elements: dict
  returned: always
"""

import json
import os
import traceback
from pathlib import Path
from typing import Any

try:
    import yaml

    YAML_ERROR = None
except ImportError:
    YAML_ERROR = traceback.format_exc()

from ..module_utils._core.errors import InputError
from ..module_utils._core.files import write_atomically
from ..module_utils._core.finding import ok
from ..module_utils._core.run import Context, run
from ..module_utils._core.secret import resolve
from ..module_utils._login.users import merge

CHECK = "login.users"
RECORD = {
    "name": {"type": "str", "required": True},
    "display_name": {"type": "str", "required": True},
    "email": {"type": "str", "required": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "disabled": {"type": "bool", "default": False},
    "reset": {"type": "int", "default": 0},
    "hash": {"type": "str", "required": True, "no_log": False},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Lay the wanted users on those that are there."""
    path = Path(params["path"])
    memory = path.with_name(".users_applied.json")
    here, applied = _read(path, yaml.safe_load).get("users") or {}, _read(memory, json.loads)
    merged = merge(resolve(params["users"], params["secrets"]), here, applied)
    changed = bool(merged.changes) or merged.applied != applied
    if changed and not context.check_mode:
        if not path.parent.is_dir():
            path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            path.parent.mkdir(mode=0o750)
            os.chown(path.parent, params["owner"], params["group"])
        ids = {"mode": 0o600, "owner": params["owner"], "group": params["group"]}
        # The database first: killed in between, the next run sets the same password once more.
        write_atomically(path, yaml.safe_dump({"users": merged.users}, sort_keys=True).encode(), **ids)
        write_atomically(memory, (json.dumps(merged.applied, indent=1, sort_keys=True) + "\n").encode(), mode=0o600)
    said = f"{len(merged.users)} users. " + ("; ".join(merged.changes) or "Nothing changes") + "."
    kept = [f"{name}'s own password, chosen in the portal, stays." for name in merged.kept]
    return {
        "changed": changed,
        "changes": merged.changes,
        "findings": [ok(CHECK, str(path), " ".join([said, *kept]))],
        "diff": {"before": "", "after": "".join(f"{line}\n" for line in merged.changes)},
    }


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, yaml.YAMLError):
        found = None
    if not isinstance(found, dict):
        raise InputError("read the login's users", str(path), "it is damaged", "Restore it, or move it away.")
    return found


def main() -> None:
    """Run as an Ansible module."""
    run(
        {
            "path": {"type": "path", "required": True},
            "owner": {"type": "int", "required": True},
            "group": {"type": "int", "required": True},
            "users": {"type": "list", "elements": "dict", "required": True, "options": RECORD},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
        },
        work,
        requires=[("PyYAML", YAML_ERROR)],
    )


if __name__ == "__main__":
    main()
