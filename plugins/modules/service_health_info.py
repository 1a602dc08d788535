#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_health_info
short_description: Look whether services work
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Runs all probes at the same time, under one deadline, and returns a finding for each.
  - A failure that follows from another one says so, and the cause is named once.
  - Never fails because a service is down. That is for who reads the findings.
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to compare.
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
options:
  probes:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the probe, by which O(probes[].depends) refers to it.
        type: str
        required: true
      kind:
        description:
          - V(http) asks O(probes[].url), V(tcp) connects, V(tls) checks the certificate and when it ends,
            V(container) asks Docker Engine, V(unit) asks systemd.
        type: str
        choices: [http, tcp, tls, container, unit]
        required: true
      url:
        description: Address to ask. For V(http).
        type: str
      address:
        description: IP address to connect to, in place of the one that the name in O(probes[].url) has. For V(http).
        type: str
      status:
        description: Status codes that are good. For V(http).
        type: list
        elements: int
        default: [200]
      contains:
        description: Text that has to be in the answer. For V(http).
        type: str
      host:
        description: Host to connect to. For V(tcp) and V(tls).
        type: str
      port:
        description: Port to connect to. For V(tcp) and V(tls).
        type: int
      server_name:
        description: Name to ask for, and that the certificate has to be for. For V(tls).
        type: str
      min_days:
        description: With fewer days left the certificate is worth a warning. For V(tls).
        type: float
        default: 7
      container:
        description: Name of the container. For V(container).
        type: str
      unit:
        description: Name of the unit. For V(unit).
        type: str
      depends:
        description: Names of the probes whose failure explains a failure of this one.
        type: list
        elements: str
        default: []
  deadline:
    description: Seconds for all probes together.
    type: float
    default: 30
  wait:
    description: Whether to look again until all is well, or O(deadline) is over.
    type: bool
    default: false
  ca_bundle:
    description: PEM certificates to trust besides the system's.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Look whether Sonarr works
  monsterr.media.service_health_info:
    probes:
      - name: sonarr
        kind: http
        url: http://127.0.0.1:8989/ping
      - name: sonarr.example.org
        kind: tls
        host: 127.0.0.1
        port: 443
        server_name: sonarr.example.org
"""

RETURN = r"""
findings:
  description: One for each of O(probes), in the same order.
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: The kind of look.
      type: str
    target:
      description: The probe's name.
      type: str
    status:
      description: V(ok), V(warn) or V(fail).
      type: str
    summary:
      description: What was found, in a sentence.
      type: str
    hint:
      description: What to do about it.
      type: str
    evidence:
      description: The facts.
      type: dict
"""

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run
from ansible_collections.monsterr.media.plugins.module_utils._health.probes import check_all

PROBE = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": ["http", "tcp", "tls", "container", "unit"]},
    "url": {"type": "str"},
    "address": {"type": "str"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "contains": {"type": "str"},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "server_name": {"type": "str"},
    "min_days": {"type": "float", "default": 7},
    "container": {"type": "str"},
    "unit": {"type": "str"},
    "depends": {"type": "list", "elements": "str", "default": []},
}
NEEDS = [
    ("kind", "http", ["url"]),
    ("kind", "tcp", ["host", "port"]),
    ("kind", "tls", ["host", "port"]),
    ("kind", "container", ["container"]),
    ("kind", "unit", ["unit"]),
]
SPEC = {
    "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE, "required_if": NEEDS},
    "deadline": {"type": "float", "default": 30},
    "wait": {"type": "bool", "default": False},
    "ca_bundle": {"type": "str", "default": ""},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at everything."""
    deadline = Deadline(params["deadline"], context.clock)
    findings = check_all(params["probes"], deadline, wait=params["wait"], ca_bundle=params["ca_bundle"])
    return {"changed": False, "findings": findings}


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
