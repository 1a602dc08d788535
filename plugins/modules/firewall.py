#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Let in what the plan needs, by rules that undo themselves if they shut the controller out
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Has one nftables table of its own, C(inet monsterr), that drops what it does not know, for IPv4 and IPv6. Rules of
    others, such as Docker's, are not touched.
  - New rules are checked by C(nft), a way back is armed, and only then they are loaded. The task then connects afresh
    and confirms them. If it cannot, the host goes back to the former rules by itself.
  - Ports that Docker publishes are held to the same rules as those of the host.
  - The port by which a run came in stays open. Rules that would shut out its address are refused.
attributes:
  check_mode:
    support: full
    description: Compares only.
  diff_mode:
    support: full
    description: Shows the rules before and after.
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
  action:
    description: Has a corresponding action plugin, which makes the second connection.
    support: full
options:
  rules:
    description: What to let in.
    type: dict
    required: true
    suboptions:
      enabled:
        description: Whether there is a firewall. If not, its table is removed.
        type: bool
        default: true
      ssh_ports:
        description: Ports of SSH. The port by which the run came in is added.
        type: list
        elements: int
        default: [22]
      ssh_sources:
        description: Networks that SSH answers to. Anyone, if it is empty.
        type: list
        elements: str
        default: []
      openings:
        description: The ports that are let through.
        type: list
        elements: dict
        default: []
        suboptions:
          port:
            description: The port on the host.
            type: int
            required: true
          protocol:
            description: Its transport.
            type: str
            choices: [tcp, udp]
            default: tcp
          address:
            description: The host's address that it is at. Any, if it is empty.
            type: str
            default: ''
          sources:
            description: Networks that may reach it. Anyone, if it is empty.
            type: list
            elements: str
            default: []
      forward:
        description: Interfaces whose traffic is passed on.
        type: list
        elements: str
        default: []
      confirm_seconds:
        description: Seconds after which new rules are undone if they are not confirmed.
        type: int
        default: 60
  state:
    description: V(applied) loads the rules, to be undone. V(confirmed) keeps them; the task does that by itself.
    type: str
    choices: [applied, confirmed]
    default: applied
  path:
    description: The file of confirmed rules, which the host loads when it starts.
    type: path
    default: /etc/monsterr/firewall.nft
  state_dir:
    description: Where rules are that are not confirmed yet.
    type: path
    default: /var/lib/monsterr/firewall
"""

EXAMPLES = r"""
- name: Let in SSH and the proxy
  monsterr.media.firewall:
    rules:
      openings:
        - {port: 80}
        - {port: 443}
        - {port: 443, protocol: udp}
"""

RETURN = r"""
armed:
  description: Whether rules are loaded that have still to be confirmed.
  returned: always, unless it failed
  type: bool
  sample: false
key_login:
  description: Whether the run came in by SSH with a key, so that logins by password are not what it needs.
  returned: always
  type: bool
  sample: true
findings:
  description: What was found.
  returned: always
  type: list
  elements: dict
  sample:
    - check: firewall
      target: firewall
      status: ok
      summary: The new rules let a fresh connection in, and are kept.
      hint: ''
      evidence: {}
"""

from pathlib import Path
from typing import Any

from ..module_utils._core.run import Context, run
from ..module_utils._firewall.apply import Host

OPENING = {
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
    "address": {"type": "str", "default": ""},
    "sources": {"type": "list", "elements": "str", "default": []},
}
RULES = {
    "enabled": {"type": "bool", "default": True},
    "ssh_ports": {"type": "list", "elements": "int", "default": [22]},
    "ssh_sources": {"type": "list", "elements": "str", "default": []},
    "openings": {"type": "list", "elements": "dict", "default": [], "options": OPENING},
    "forward": {"type": "list", "elements": "str", "default": []},
    "confirm_seconds": {"type": "int", "default": 60},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Apply or confirm."""
    host = Host(Path(params["path"]), Path(params["state_dir"]), context.clock)
    if params["state"] == "confirmed" and not context.check_mode:
        return host.confirm()
    return host.apply(params["rules"], context.check_mode)


def main() -> None:
    """Run as an Ansible module."""
    run(
        {
            "rules": {"type": "dict", "required": True, "options": RULES},
            "state": {"type": "str", "choices": ["applied", "confirmed"], "default": "applied"},
            "path": {"type": "path", "default": "/etc/monsterr/firewall.nft"},
            "state_dir": {"type": "path", "default": "/var/lib/monsterr/firewall"},
        },
        work,
    )


if __name__ == "__main__":
    main()
