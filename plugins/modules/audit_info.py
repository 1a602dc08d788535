#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Look whether a host is safe
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Compares what listens with the ports of the plan; looks at what containers may do, how SSH lets in, who can read
    files with secrets or write into our folders, accounts without passwords, and updates for security that are waiting.
  - Tries whether an application lets in without a login, or with the password that its vendor gives to all. One
    question each.
  - Asks Lynis for its view on request.
  - Changes nothing.
attributes:
  check_mode:
    support: full
    description: It only reads, in check mode too.
  diff_mode:
    support: none
    description: There is nothing to compare.
  platform:
    description: Runs on the hosts, as root.
    support: full
    platforms: posix
options:
  ports:
    description: The ports of this host, as the plan lists them.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: What listens.
        type: str
        default: ''
      address:
        description: The address that it listens on.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
      protocol:
        description: Its transport.
        type: str
        choices: [tcp, udp]
        default: tcp
      scope:
        description: Who is to reach it.
        type: str
        choices: [loopback, private, public]
        default: private
      from:
        description: The hosts that reach a private one.
        type: list
        elements: str
        default: []
  allowed_ports:
    description: Further ports that may listen. SSH always may.
    type: list
    elements: int
    default: []
  services:
    description: The applications whose doors are tried, with C(service), C(app) and C(url), as in the plan's wiring.
    type: list
    elements: dict
    default: []
  secret_paths:
    description: Glob patterns of files that are for their owners only.
    type: list
    elements: str
    default: []
  own_paths:
    description: Folders in which only root and the services write.
    type: list
    elements: path
    default: []
  lynis:
    description: Whether to run Lynis, where it is installed. It takes a minute or two.
    type: bool
    default: false
  deadline:
    description: Seconds that all of it may take.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Look whether the host is safe
  monsterr.media.audit_info:
    ports: "{{ monsterr_plan.hosts[inventory_hostname].ports }}"
    services: "{{ monsterr_plan.hosts[inventory_hostname].wiring }}"
    secret_paths: [/opt/monsterr/services/*/secret.env]
    own_paths: [/opt/monsterr, /etc/nginx]
"""

RETURN = r"""
findings:
  description: What was found. A check with nothing to complain of says so in one finding.
  returned: always
  type: list
  elements: dict
  sample:
    - check: audit.port
      target: 8080/tcp
      status: fail
      summary: python3 listens on 0.0.0.0 port 8080/tcp, which the plan does not have.
      hint: Whoever reaches this host reaches it, past the proxy and its login.
      evidence: {process: python3}
"""

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._audit import facts, logins, rules
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

SPEC: dict[str, dict[str, Any]] = {
    "ports": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "service": {"type": "str", "default": ""},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
            "scope": {"type": "str", "choices": ["loopback", "private", "public"], "default": "private"},
            "from": {"type": "list", "elements": "str", "default": []},
        },
    },
    "allowed_ports": {"type": "list", "elements": "int", "default": []},
    "services": {"type": "list", "elements": "dict", "default": []},
    "secret_paths": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "own_paths": {"type": "list", "elements": "path", "default": []},
    "lynis": {"type": "bool", "default": False},
    "deadline": {"type": "int", "default": 120},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read all, then judge."""
    deadline = Deadline(params["deadline"], context.clock)
    doors = logins.look(params["services"], deadline)
    found = facts.gather(params["secret_paths"], params["own_paths"], params["lynis"], deadline)
    return {"changed": False, "findings": [*rules.judge(found, params["ports"], params["allowed_ports"]), *doors]}


def main() -> None:
    """Run as a module."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
