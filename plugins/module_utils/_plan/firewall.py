# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packets a host lets in: from the ports of the plan and the user's own words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .settings import Firewall


def rules(
    wanted: Firewall, ports: Iterable[Mapping[str, Any]], ssh_port: int, address_of: Callable[[str], str]
) -> dict[str, Any]:
    """What the module `firewall` is given for one host.

    ports       the host's slice of the plan: each with its scope, and the hosts that have to reach it
    address_of  the private address of a host; '' when none is known
    """
    openings = [_opening(port, address_of) for port in ports if port["scope"] != "loopback"]
    openings += [
        {"port": own.port, "protocol": own.protocol, "address": "", "sources": list(own.sources)} for own in wanted.open
    ]
    return {
        "enabled": wanted.enabled,
        "ssh_ports": [ssh_port],
        "ssh_sources": list(wanted.ssh_sources),
        "openings": [item for item in openings if item],
        "forward": list(wanted.forward),
        "confirm_seconds": wanted.confirm_seconds,
    }


def _opening(port: Mapping[str, Any], address_of: Callable[[str], str]) -> dict[str, Any] | None:
    opening = {"port": port["port"], "protocol": port["protocol"], "address": "", "sources": []}
    if port["scope"] == "public":
        return opening
    # A host whose private address nobody knows cannot be told from a stranger: name it with monsterr_address.
    sources = sorted(found for host in port["from"] if (found := address_of(host)))
    return {**opening, "address": port["address"], "sources": sources} if sources else None
