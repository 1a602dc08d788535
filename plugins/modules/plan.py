#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Work out what every host shall look like
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Reads every service's definition, the user's own in C(services/) beside the inventory, the inventory and its
    overrides, and
    composes the desired state of every host as plain data.
  - Refuses bad input with every problem at once, each naming its file or variable. Nothing is touched, no host is
    contacted.
  - A plan holds references to secrets, never a value.
options:
  show:
    description: Print the plan as a table.
    type: bool
    default: false
  json:
    description: Write the plan into this file on the controller.
    type: path
  mermaid:
    description: Write a Mermaid flowchart of the plan into this file on the controller.
    type: path
attributes:
  check_mode:
    description: Can run in check mode and return the same result.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to compare.
    support: none
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
  action:
    description: Has a corresponding action plugin, so some parts are executed on the controller.
    support: full
notes:
  - Reads the variables C(monsterr_*) and those named like a service, of all hosts of the group C(monsterr), whatever
    the limit of the run.
"""

EXAMPLES = r"""
- name: Work out the plan
  monsterr.media.plan:
    show: true
  run_once: true
  register: monsterr_plan

- name: Write it down
  monsterr.media.plan:
    json: ./plan.json
    mermaid: ./plan.mmd
  run_once: true
"""

RETURN = r"""
version:
  description: Version of the shape of the plan.
  type: int
  returned: success
domain:
  description: The stack's own domain.
  type: str
  returned: success
domains:
  description: The stack's own domain and the further ones.
  type: list
  elements: str
  returned: success
edge:
  description: The host that faces the world.
  type: str
  returned: success
login:
  description: The name of the login in front of services, empty without one.
  type: str
  returned: success
hosts:
  description:
    - For each host C(address), C(media), C(services), C(sites), C(certificates), C(ports), C(wiring), C(probes),
      C(backups),
      C(files) and C(secrets) (how each is derived, not its value).
  type: dict
  returned: success
records:
  description: The DNS records of all names.
  type: list
  elements: dict
  returned: success
findings:
  description: The problems, when there are any.
  type: list
  elements: dict
  returned: always
"""
