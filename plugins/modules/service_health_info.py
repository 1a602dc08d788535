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
          - V(http) asks O(probes[].url), V(tcp) connects, V(tls) checks the certificate that a server shows, its chain
            and its end, V(dns) asks a name server, V(docker) asks Docker Engine whether it answers, V(container) looks
            at the state of a container and at its own health check, V(unit) asks systemd.
          - V(disk), V(inodes), V(memory) and V(load) look at how much is in use, V(clock) whether the clock is kept
            right, V(smart) at what the disks say of themselves if C(smartctl) is there to ask them, V(certificate) at a
            certificate file, V(backup) at how old a file is, or the newest one in a folder.
        type: str
        choices:
          [http, tcp, tls, dns, docker, container, unit, disk, inodes, memory, load, clock, smart, certificate, backup]
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
      redirect:
        description: Where the answer has to lead to. Redirects are not followed. For V(http).
        type: str
      host:
        description: Host to connect to. For V(tcp) and V(tls).
        type: str
      port:
        description: Port to connect to. For V(tcp) and V(tls). For V(dns) the name server's, V(53) if not set.
        type: int
      server_name:
        description: Name to ask for, and that the certificate has to be for. For V(tls).
        type: str
      min_days:
        description:
          - With fewer days left the certificate is worth a warning. For V(tls) and V(certificate).
          - If not set, with less than a quarter of its lifetime left.
        type: float
      query:
        description: Name to ask for. For V(dns).
        type: str
      type:
        description: Type of the record. For V(dns).
        type: str
        default: A
      values:
        description: All values that the answer should have. Any will do if there are none here. For V(dns).
        type: list
        elements: str
        default: []
      server:
        description: IP address of the name server. That of the host if not set. For V(dns).
        type: str
      container:
        description: Name of the container. For V(container).
        type: str
      unit:
        description: Name of the unit. For V(unit).
        type: str
      path:
        description:
          - A path on the file system, for V(disk) and V(inodes), where it is V(/) if not set.
          - The file, for V(certificate) and V(backup), or for V(backup) the folder.
        type: path
      warn:
        description:
          - Percent in use that are worth a warning, for V(disk), V(inodes) and V(memory). V(90) if not set.
          - Tasks for each processor, over 15 minutes, for V(load). V(4) if not set.
        type: float
      fail:
        description: As O(probes[].warn), for a failure. V(97) if not set; V(load) never fails then.
        type: float
      devices:
        description: The disks to ask. All that C(smartctl --scan) finds, if there are none here. For V(smart).
        type: list
        elements: path
        default: []
      max_age:
        description: Hours that the newest file may be old. For V(backup).
        type: float
        default: 26
      start_period:
        description:
          - Seconds from the start of the container that this probe depends on, in which a failure is a warning only.
          - Not with O(wait), which gives it time as it is.
        type: int
        default: 0
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
  format:
    description: V(prometheus) returns RV(prometheus) too.
    type: str
    choices: [findings, prometheus]
    default: findings
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

- name: Look at the host itself, and keep what was found for Prometheus
  monsterr.media.service_health_info:
    probes:
      - name: media
        kind: disk
        path: /srv/media
        warn: 85
      - name: nightly backup
        kind: backup
        path: /var/backups/monsterr
    format: prometheus
  register: health
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
prometheus:
  description: The findings and their numbers, as Prometheus reads them.
  type: str
  returned: if O(format=prometheus)
  sample: |
    # HELP monsterr_health_status What was found: 0 ok, 1 a warning, 2 a failure.
    # TYPE monsterr_health_status gauge
    monsterr_health_status{check="health.http",target="sonarr"} 0
"""

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run
from ansible_collections.monsterr.media.plugins.module_utils._health.history import starting
from ansible_collections.monsterr.media.plugins.module_utils._health.metrics import render
from ansible_collections.monsterr.media.plugins.module_utils._health.probes import check_all

PROBE = {
    "name": {"type": "str", "required": True},
    "kind": {
        "type": "str",
        "required": True,
        "choices": [
            *("http", "tcp", "tls", "dns", "docker", "container", "unit", "disk", "inodes", "memory", "load"),
            *("clock", "smart", "certificate", "backup"),
        ],
    },
    "url": {"type": "str"},
    "address": {"type": "str"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "contains": {"type": "str"},
    "redirect": {"type": "str"},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "server_name": {"type": "str"},
    "min_days": {"type": "float"},
    "query": {"type": "str"},
    "type": {"type": "str", "default": "A"},
    "values": {"type": "list", "elements": "str", "default": []},
    "server": {"type": "str"},
    "container": {"type": "str"},
    "unit": {"type": "str"},
    "path": {"type": "path"},
    "warn": {"type": "float"},
    "fail": {"type": "float"},
    "devices": {"type": "list", "elements": "path", "default": []},
    "max_age": {"type": "float", "default": 26},
    "start_period": {"type": "int", "default": 0},
    "depends": {"type": "list", "elements": "str", "default": []},
}
NEEDS = [
    ("kind", "http", ["url"]),
    ("kind", "tcp", ["host", "port"]),
    ("kind", "tls", ["host", "port"]),
    ("kind", "dns", ["query"]),
    ("kind", "container", ["container"]),
    ("kind", "unit", ["unit"]),
    ("kind", "certificate", ["path"]),
    ("kind", "backup", ["path"]),
]
SPEC = {
    "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE, "required_if": NEEDS},
    "deadline": {"type": "float", "default": 30},
    "wait": {"type": "bool", "default": False},
    "format": {"type": "str", "choices": ["findings", "prometheus"], "default": "findings"},
    "ca_bundle": {"type": "str", "default": ""},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at everything."""
    deadline = Deadline(params["deadline"], context.clock)
    findings = check_all(params["probes"], deadline, wait=params["wait"], ca_bundle=params["ca_bundle"])
    if not params["wait"]:
        findings = starting(findings, params["probes"], context.clock.time())
    result: dict[str, Any] = {"changed": False, "findings": findings}
    if params["format"] == "prometheus":
        result["prometheus"] = render(findings)
    return result


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
