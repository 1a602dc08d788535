#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nameserver
short_description: Zones of your own name server, and what there is to do at their parents
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - On the primary, a zone that is new begins with its SOA and NS records and the addresses of name servers inside it.
    Later only these NS and address records are kept as the plan says; everything else in a zone is left alone.
  - Each zone is signed by Knot itself. The DS record that its parent has to have is told, and compared with what the
    parent has.
  - The serial of each secondary is compared with that of the primary. One that is behind is waited for, then named.
  - Knot has to be configured and running. The role P(monsterr.media.nameserver#role) sees to that.
attributes:
  check_mode:
    support: full
    description: Tells which zones would begin and which records would change. Changes nothing.
  diff_mode:
    support: full
    description: Shows the records before and after.
  platform:
    description: Runs on the host with the name server.
    support: full
    platforms: posix
options:
  zones:
    description: Names of the zones.
    type: list
    elements: str
    required: true
  servers:
    description: The name of each name server, with its public addresses. All of them are named by every zone.
    type: dict
    required: true
  primary:
    description: The name of the primary, for the SOA record. One of O(servers).
    type: str
    required: true
  secondaries:
    description: Where this host reaches the secondaries, as addresses.
    type: list
    elements: str
    default: []
  port:
    description: The port that the secondaries listen on.
    type: int
    default: 53
  resolvers:
    description: Addresses of resolvers to ask for the DS records of the parents. Without any, those of this host.
    type: list
    elements: str
    default: []
  config:
    description: Knot's configuration.
    type: path
    default: /etc/knot/knot.conf
  storage:
    description: The folder of the zone files.
    type: path
    default: /var/lib/knot
  deadline:
    description: Seconds that all of it may take.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Serve two zones from here, with a secondary
  monsterr.media.nameserver:
    zones: [example.org, _acme-challenge.example.net]
    servers:
      ns1.example.org: [203.0.113.10]
      ns2.example.org: [203.0.113.20, "2001:db8::20"]
    primary: ns1.example.org
    secondaries: [10.0.0.2]
"""

RETURN = r"""
zones:
  description: One for each of O(zones), in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The zone.
      type: str
      sample: example.org
    action:
      description: V(none), V(create) or V(update).
      type: str
      sample: none
    serial:
      description: The serial that is served. 0 in check mode for a zone that is not there yet.
      type: int
      sample: 1764150000
    ds:
      description: The DS records of its keys, as a parent zone has them.
      type: list
      elements: str
      sample: ["31589 13 2 CDE0D742D6998AA554A92D890F8184C698CFAC8A26FA59875A990C03E576343C"]
findings:
  description: For each zone, one about its parent and one about its secondaries.
  returned: always
  type: list
  elements: dict
  sample:
    - check: nameserver.ds
      target: example.org
      status: ok
      summary: example.org is signed, and its parent says so.
      hint: ''
      evidence: {}
"""

import time
import traceback
from pathlib import Path
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._config.command import runner
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

LIBRARY_ERROR = None
try:
    from ansible_collections.monsterr.media.plugins.module_utils._nameserver import knot, zone
except ImportError:
    LIBRARY_ERROR = traceback.format_exc()

SPEC: dict[str, dict[str, Any]] = {
    "zones": {"type": "list", "elements": "str", "required": True},
    "servers": {"type": "dict", "required": True},
    "primary": {"type": "str", "required": True},
    "secondaries": {"type": "list", "elements": "str", "default": []},
    "port": {"type": "int", "default": 53},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "config": {"type": "path", "default": "/etc/knot/knot.conf"},
    "storage": {"type": "path", "default": "/var/lib/knot"},
    "deadline": {"type": "int", "default": 30},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at each zone, change what differs, and say what is left to do elsewhere."""
    if params["primary"] not in params["servers"]:
        raise InputError("read the name servers", params["primary"], "the primary is not among the servers")
    deadline = Deadline(params["deadline"], context.clock)
    server = knot.Knot(params["config"], Path(params["storage"]), runner(deadline), deadline)
    result: dict[str, Any] = {"changed": False, "zones": [], "findings": [], "diff": []}
    for name in params["zones"]:
        one, diff = _zone(server, name, params, context.check_mode)
        result["changed"] = result["changed"] or one["action"] != "none"
        result["zones"].append(one)
        result["diff"] += diff
        if one["serial"]:
            result["findings"] += _told(server, one, params, deadline)
    return result


def _zone(
    server: Any, name: str, params: dict[str, Any], check_mode: bool
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Make one zone what it shall be; what was done, and the difference."""
    servers = params["servers"]
    if not knot.is_installed() or not server.file(name).exists():
        text = zone.first(name, servers, params["primary"], int(time.time()))
        if not check_mode:
            server.begin(name, text)
        told = {"name": name, "action": "create", "serial": 0 if check_mode else server.serial(name), "ds": []}
        return told, [_difference(name, "", text)]
    before = {item: server.values(name, item) for item in zone.ours(name, servers)}
    commands = [command for item, found in before.items() for command in zone.edits(item, found)]
    if commands and not check_mode:
        server.edit(name, commands)
    told = {"name": name, "action": "update" if commands else "none", "serial": server.serial(name), "ds": []}
    old, new = (
        "".join(f"{item.name} {item.type} {value}\n" for item, values in each for value in values)
        for each in (before.items(), [(item, item.values) for item in before])
    )
    return told, [_difference(name, old, new)] if commands else []


def _told(server: Any, one: dict[str, Any], params: dict[str, Any], deadline: Deadline) -> list[Any]:
    """What is to be said of a zone that is served."""
    name, keys = one["name"], server.ds(one["name"])
    one["ds"] = [str(item) for item in keys]
    others = {
        address: knot.serial_at(name, address, params["port"], one["serial"], deadline)
        for address in params["secondaries"]
    }
    parent = knot.parent_ds(name, params["resolvers"], deadline)
    return [zone.delegation(name, keys, parent), zone.behind(name, one["serial"], others)]


def _difference(name: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": f"zone {name}", "after_header": f"zone {name}", "before": before, "after": after}


def main() -> None:
    """Run as a module."""
    run(SPEC, work, [("dnspython", LIBRARY_ERROR)])


if __name__ == "__main__":
    main()
