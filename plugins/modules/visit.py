#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: visit
short_description: Visit the sites of the plan from the controller
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Asks for the first page of every site over HTTPS, with the certificate checked, all at the same time.
  - An answer that shows the application, sends to its login, or refuses without one, is good.
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
options:
  sites:
    description: The sites, as the plan lists them.
    type: list
    elements: dict
    required: true
  address:
    description: IP address to connect to, in place of those that the names have.
    type: str
    default: ''
  ca_bundle:
    description: PEM certificates to trust besides the system's.
    type: str
    default: ''
  deadline:
    description: Seconds that sites which do not answer yet get.
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: Visit every site
  monsterr.media.visit:
    sites: "{{ monsterr_plan.hosts[monsterr_plan.edge].sites }}"
  run_once: true
  register: visits
"""

RETURN = r"""
services:
  description: For each site its service's C(name), C(url), C(status) and the C(seconds) that it took.
  type: list
  elements: dict
  returned: always
findings:
  description: A finding for each site, in the same order.
  type: list
  elements: dict
  returned: always
"""
