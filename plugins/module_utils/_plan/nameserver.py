# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name servers of one's own: what is wrong with them, and what each host gets. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from .settings import Stack

PORTS = ((53, "tcp"), (53, "udp"))


def check(stack: Stack, hosts: Mapping[str, str], problem: Callable[[str, str, str, str], None]) -> None:
    """Tell `problem` what is wrong. hosts: each host's private address, '' where none is known."""
    for number, server in enumerate(stack.monsterr_nameservers):
        where = f"monsterr_nameservers[{number}]"
        if server.host not in hosts:
            hint = f"Name one of: {', '.join(sorted(hosts))}."
            problem("plan.host", f"{where}.host", f"There is no host {server.host} in the group monsterr.", hint)
        elif not hosts[server.host]:
            hint = "Set monsterr_address of that host to the address that the others reach it at."
            problem("plan.address", f"{where}.host", f"The address of {server.host} is not known.", hint)
    for key in ("host", "name"):
        for value, count in Counter(getattr(server, key) for server in stack.monsterr_nameservers).items():
            if count > 1:
                problem(
                    "plan.value", "monsterr_nameservers", f"The {key} {value} is there {count} times.", "Leave one."
                )
    if stack.monsterr_nameservers:
        for name in ("monsterr_dns_key_name", "monsterr_dns_key_secret"):
            if not getattr(stack, name):
                hint = "Set it: it is the key for updates and transfers. openssl rand -base64 32 makes a secret."
                problem("plan.missing", name, "Name servers of your own need it.", hint)


def zones(stack: Stack) -> list[str]:
    """The zones that they serve."""
    return stack.monsterr_nameserver_zones or [stack.monsterr_domain, *stack.monsterr_extra_domains]


def slice_for(stack: Stack, addresses: Mapping[str, str], host: str) -> dict[str, Any]:
    """What `host` is as a name server; {} if it is none. addresses: each host's private address.

    peers: of the primary its secondaries, of a secondary its primary. servers: public addresses by NS name.
    """
    servers = stack.monsterr_nameservers
    if host not in [server.host for server in servers]:
        return {}
    primary = servers[0]
    others = [addresses[server.host] for server in servers[1:]] + stack.monsterr_nameserver_secondaries
    return {
        "primary": host == primary.host,
        "primary_name": primary.name,
        "listen": [addresses[host]],
        "zones": zones(stack),
        "servers": {server.name: server.addresses or [addresses[server.host]] for server in servers},
        "peers": others if host == primary.host else [addresses[primary.host]],
    }
