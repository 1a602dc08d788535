#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run_playbook
short_description: Run another playbook, and learn what it did
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Runs a playbook in a process of its own, with the inventory, limit, variables and passwords of this run, and shows
    its output as it comes.
  - Nothing secret is on its command line. Passwords and variables go through files that only the user can read, and
    that are removed at the end.
attributes:
  check_mode:
    description: Runs the other playbook in check mode too, unless O(check) says otherwise.
    support: full
  diff_mode:
    description: Hands diff mode on, unless O(diff) says otherwise.
    support: full
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
  action:
    description: Has a corresponding action plugin, so some parts are executed on the controller.
    support: full
options:
  playbook:
    description: Name of a playbook of this collection, such as V(site), or the path of any.
    type: str
    required: true
  check:
    description: Whether it runs in check mode. As this run, if it is not given.
    type: bool
  diff:
    description: Whether it shows differences. As this run, if it is not given.
    type: bool
  inventory:
    description: Inventory sources on top of those of this run.
    type: list
    elements: path
    default: []
  extra_vars:
    description: Variables on top of those of this run.
    type: dict
    default: {}
  limit:
    description: Hosts to limit it to. As this run, if it is not given.
    type: str
  deadline:
    description: Seconds after which it is ended.
    type: int
    default: 3600
  ignore_failure:
    description: Whether to go on when it fails.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: See what the site playbook would change
  monsterr.media.run_playbook:
    playbook: site
    check: true
    diff: true
    ignore_failure: true
  run_once: true
  register: rehearsal
"""

RETURN = r"""
exit_code:
  description: Exit code; 124 when it was ended at the deadline.
  type: int
  returned: always
seconds:
  description: How long it took.
  type: float
  returned: always
log:
  description: For each host under C(hosts) what was executed, changed and found.
  type: dict
  returned: always
"""
