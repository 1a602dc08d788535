#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Look whether a host is fit for the plan
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Reads in one go what our roles need to know of a host, in place of gathering facts, and judges it.
  - In a rehearsal, makes sure that the host is a throwaway twin.
  - Never fails because a host is unfit. That is for who reads the findings.
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
  host:
    description: The host's name in the inventory, for the findings.
    type: str
    required: true
  ports:
    description: The ports that the plan wants on this host. One that another program holds is a finding.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: Who wants it.
        type: str
        required: true
      address:
        description: Address to listen on.
        type: str
        required: true
      port:
        description: Port.
        type: int
        required: true
      protocol:
        description: Transport.
        type: str
        choices: [tcp, udp]
        default: tcp
      scope:
        description: How far it is to be reached. Not looked at here.
        type: str
      from:
        description: The other hosts that have to reach it. Not looked at here.
        type: list
        elements: str
  address:
    description: The private address that the plan has for this host. Empty for none.
    type: str
    default: ''
  rehearsal:
    description: The lab that this host has to be a twin of. Empty outside of rehearsals.
    type: str
    default: ''
  memory_mb:
    description: With less memory than this many megabytes the host is worth a warning.
    type: int
    default: 1024
  disk_mb:
    description: Free megabytes that each of O(paths) has to have.
    type: int
    default: 2048
  paths:
    description: Where free space matters.
    type: list
    elements: path
    default: [/var/lib, /opt]
"""

EXAMPLES = r"""
- name: Look whether the host is fit for the plan
  monsterr.media.preflight_info:
    host: "{{ inventory_hostname }}"
    ports: "{{ monsterr_plan.hosts[inventory_hostname].ports }}"
    address: "{{ monsterr_plan.hosts[inventory_hostname].address }}"
  register: preflight_result
"""

RETURN = r"""
facts:
  description: What the host is like.
  type: dict
  returned: always
  contains:
    os:
      description: The system's C(id), C(version), C(codename) and C(name).
      type: dict
    ipv6:
      description: Whether programs can listen on IPv6.
      type: bool
    addresses:
      description: The host's addresses, without loopback.
      type: list
      elements: str
    listening:
      description: Every listening socket, with C(address), C(port), C(protocol) and C(process).
      type: list
      elements: dict
    disk:
      description: Space in total and left, in megabytes, by path.
      type: dict
    memory_mb:
      description: Memory in megabytes.
      type: int
    docker_version:
      description: Version of Docker; empty where there is none.
      type: str
    nginx_version:
      description: Version of nginx; empty where there is none.
      type: str
    lab:
      description: What the mark of a twin says; empty on a real host.
      type: dict
findings:
  description: What stands in the way, or one that says that nothing does.
  type: list
  elements: dict
  returned: always
"""

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run
from ansible_collections.monsterr.media.plugins.module_utils._preflight import facts, rules

PORT = {
    "service": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
    "scope": {"type": "str"},
    "from": {"type": "list", "elements": "str"},
}
SPEC = {
    "host": {"type": "str", "required": True},
    "ports": {"type": "list", "elements": "dict", "default": [], "options": PORT},
    "address": {"type": "str", "default": ""},
    "rehearsal": {"type": "str", "default": ""},
    "memory_mb": {"type": "int", "default": 1024},
    "disk_mb": {"type": "int", "default": 2048},
    "paths": {"type": "list", "elements": "path", "default": ["/var/lib", "/opt"]},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read and judge."""
    found = facts.gather(params["paths"])
    return {"changed": False, "facts": found, "findings": rules.check(found, params)}


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
