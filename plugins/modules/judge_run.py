#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: judge_run
short_description: Turn what a run did into findings
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Of a run in check mode, a finding for everything that it would change.
  - Of a second run, whether it changed nothing, restarted nothing and cost little.
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
  run:
    description: The result of M(monsterr.media.run_playbook).
    type: dict
    required: true
  before:
    description: The result of the run before it. With it, O(run) is judged as a second run.
    type: dict
  budget:
    description: The most remote module executions that a second run may cost on a host.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: See what differs
  monsterr.media.judge_run:
    run: "{{ drift_run }}"
  register: drift_result
"""

RETURN = r"""
findings:
  description: The verdicts, each with its C(host).
  type: list
  elements: dict
  returned: always
"""
