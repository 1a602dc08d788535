#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print the findings of all hosts in one table
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Collects findings from the registered results of all hosts of the play, and from those that could not be reached.
  - Prints them, the worst first, each with what to do about it. Writes HTML, JSON and JUnit XML on request.
  - Fails when there is a finding that fails, so that a run which went on past one still ends failed.
attributes:
  check_mode:
    description: Can run in check mode and return the same result. Reports are written in check mode too.
    support: full
  diff_mode:
    description: Changes no host, so there is nothing to compare.
    support: none
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
  action:
    description: Has a corresponding action plugin, so some parts are executed on the controller.
    support: full
options:
  title:
    description: What the report is about.
    type: str
    required: true
  collect:
    description: Names of registered variables, whose C(findings) are collected from every host of the play.
    type: list
    elements: str
    default: []
  collect_once:
    description: The same for variables of tasks that ran once for all hosts.
    type: list
    elements: str
    default: []
  findings:
    description: Further findings, each with C(host) if it is about one.
    type: list
    elements: dict
    default: []
  services:
    description: Services to show in a table, each with C(name), C(url), C(status), C(seconds) and C(note).
    type: list
    elements: dict
    default: []
  facts:
    description: Things worth saying, shown under the title.
    type: dict
    default: {}
  fail_on:
    description: The least status that makes this fail.
    type: str
    choices: [fail, warn, never]
    default: fail
  show_ok:
    description: Whether to list what is well, and not only count it.
    type: bool
    default: false
  html:
    description: Write an HTML page into this file on the controller.
    type: path
  json:
    description: Write JSON into this file on the controller.
    type: path
  junit:
    description: Write JUnit XML into this file on the controller.
    type: path
"""

EXAMPLES = r"""
- name: Say how it went
  monsterr.media.report:
    title: Health
    collect: [health_result]
    html: ./reports/health.html
  run_once: true
"""

RETURN = r"""
findings:
  description: All findings, each with its C(host), the worst first.
  type: list
  elements: dict
  returned: always
"""
