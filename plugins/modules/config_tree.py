#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Put files in place and their systemd units in order, as one change that holds or never was
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Compares files, folders and links with those of the host. If nothing differs, nothing is written.
  - What differs is applied as one transaction. It is validated by the programs that will read it, units are reloaded,
    restarted, started or enabled, and have to stay up. If anything of that fails, every file and unit goes back to what
    it was, and the module ends failed with the program's own message.
  - Each file is at every moment the old or the new one. A run that was killed is undone by the next.
  - The previous revision of each file that changed is kept in C(revisions/files) of O(state_dir).
  - Templates are rendered on the controller as M(ansible.builtin.template) does.
attributes:
  check_mode:
    support: full
    description: >-
      Compares only. A user, program or unit that the host does not have yet is no failure. Commands of O(validate) read
      what is in place, and are not run.
  diff_mode:
    support: full
    description: Shows content and attributes of each path before and after, with secrets masked.
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
options:
  files:
    description:
      - The files, folders and links that are wanted. Missing folders above them are made, as root, with mode V(0755).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where it is on the host.
        type: path
        required: true
      state:
        description: What has to be there. A folder is removed only if nothing is left in it.
        type: str
        choices: [file, directory, link, absent]
        default: file
      content:
        description: What is in the file. References to secrets, as in C(<secret:sonarr.api_key>), may stand in it.
        type: str
      template:
        description: A template of the role, in place of O(files[].content).
        type: str
      role:
        description: The role of this collection in whose templates O(files[].template) is looked for first.
        type: str
      vars:
        description: Variables for the template, before all others.
        type: dict
      target:
        description: Where a link points to.
        type: str
      mode:
        description:
          - Permissions, octal and in quotes. V(0755) for a folder, V(0600) for a file that is sensitive or refers to
            secrets, V(0644) for any other, if not set.
        type: raw
      owner:
        description: User, by name or number.
        type: str
        default: root
      group:
        description: Group, by name or number.
        type: str
        default: root
      sensitive:
        description: Show of the content only that it differs.
        type: bool
        default: false
      validate:
        description: Command that judges the new file before anything is changed. V(%s) is the file.
        type: str
  purge:
    description: Folders from which files and links that are not in O(files) are removed. Folders in them stay.
    type: list
    elements: path
    default: []
  validate:
    description: Commands that judge what was put in place, each a list of words. One that fails undoes all.
    type: list
    elements: list
    default: []
  units:
    description: The systemd units that use the files.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The unit's name.
        type: str
        required: true
      enabled:
        description: Whether it starts with the host. Left as it is if not set.
        type: bool
      state:
        description: Whether it runs. Left as it is if not set.
        type: str
        choices: [started, stopped]
      on_change:
        description: What to do with it if it runs and files change.
        type: str
        choices: [reload, restart, none]
        default: none
      watch:
        description: Files, and folders of files, whose change counts for O(units[].on_change). All if not set.
        type: list
        elements: path
        default: []
  secrets:
    description: The values of the secrets that are referred to, by V(service.name).
    type: dict
    default: {}
  state_dir:
    description: Where the journal, the lock and the previous revisions are.
    type: path
    default: /var/lib/monsterr
  deadline:
    description: Seconds for all of it, waiting for another run included.
    type: float
    default: 60
seealso:
  - module: ansible.builtin.template
"""

EXAMPLES = r"""
- name: Configure nginx
  monsterr.media.config_tree:
    files:
      - path: /etc/nginx/nginx.conf
        template: nginx.conf.j2
      - path: /etc/nginx/sites/sonarr.conf
        template: site.conf.j2
        vars: {name: sonarr.example.org}
    purge: [/etc/nginx/sites]
    validate: [[nginx, -t, -q]]
    units:
      - name: nginx.service
        enabled: true
        state: started
        on_change: reload
"""

RETURN = r"""
files:
  description: One entry for each of O(files), in the same order.
  returned: always, unless the parameters cannot be used
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
      sample: /etc/nginx/nginx.conf
    action:
      description: What was, or would be, done, or was put back - V(none), V(create), V(change) or V(remove).
      type: str
      sample: change
    changed:
      description: Whether it was, or would be, changed.
      type: bool
purged:
  description: What was, or would be, removed because of O(purge), as in RV(files).
  returned: always, unless the parameters cannot be used
  type: list
  elements: dict
units:
  description: One entry for each of O(units), in the same order.
  returned: always, unless the parameters cannot be used
  type: list
  elements: dict
  contains:
    name:
      description: The unit.
      type: str
      sample: nginx.service
    actions:
      description: What systemctl was, or would be, told to do.
      type: list
      elements: str
      sample: [enable, start]
    changed:
      description: Whether something was, or would be, done.
      type: bool
findings:
  description: What was found.
  returned: always
  type: list
  elements: dict
  sample:
    - check: config_tree.unit
      target: nginx.service
      status: ok
      summary: nginx.service is active.
      hint: ''
      evidence: {}
"""

from typing import Any

from ..module_utils._config.tree import Tree
from ..module_utils._core.run import Context, run

FILE = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent"], "default": "file"},
    "content": {"type": "str"},
    "template": {"type": "str"},
    "role": {"type": "str"},
    "vars": {"type": "dict"},
    "target": {"type": "str"},
    "mode": {"type": "raw"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "sensitive": {"type": "bool", "default": False},
    "validate": {"type": "str"},
}
UNIT = {
    "name": {"type": "str", "required": True},
    "enabled": {"type": "bool"},
    "state": {"type": "str", "choices": ["started", "stopped"]},
    "on_change": {"type": "str", "choices": ["reload", "restart", "none"], "default": "none"},
    "watch": {"type": "list", "elements": "path", "default": []},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Change the host, or tell what that would do."""
    return Tree(params, context.check_mode, context.clock).work()


def main() -> None:
    """Run as an Ansible module."""
    run(
        {
            "files": {"type": "list", "elements": "dict", "default": [], "options": FILE},
            "purge": {"type": "list", "elements": "path", "default": []},
            "validate": {"type": "list", "elements": "list", "default": []},
            "units": {"type": "list", "elements": "dict", "default": [], "options": UNIT},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "state_dir": {"type": "path", "default": "/var/lib/monsterr"},
            "deadline": {"type": "float", "default": 60},
        },
        work,
    )


if __name__ == "__main__":
    main()
