# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what may be reached to one nftables table. Pure.

The table stands beside Docker's own rules and never touches them. A packet has to be let through by both: what is
dropped here is dropped, and what is accepted here may still be refused there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TABLE = "inet monsterr"
REMOVE = f"table {TABLE}\ndelete table {TABLE}\n"
# What a network needs to work (RFC 4890 section 4.4): errors, neighbours, routers, multicast listeners, and a ping.
_ICMP = "destination-unreachable, time-exceeded, parameter-problem, echo-request"
_ICMPV6 = (
    "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, nd-router-solicit, "
    "nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, "
    "mld-listener-done, mld2-listener-report"
)
_BRIDGES = ('"docker0"', '"br-*"')


def render(rules: Mapping[str, Any], live_port: int = 0) -> str:
    """The whole table; loading it replaces one that is there, in one step.

    rules      the plan's slice `firewall` of a host
    live_port  the port by which the run that applies it came in; 0: not by SSH
    """
    incoming = [
        line
        for sources in _families(rules["ssh_sources"])
        for line in [_words(sources, "", f"tcp dport {{ {', '.join(map(str, ssh_ports(rules, live_port)))} }} accept")]
    ]
    passed = []
    for opening in rules["openings"]:
        protocol, port, address = opening["protocol"], opening["port"], opening["address"]
        for sources in _families(opening["sources"]):
            incoming.append(_words(sources, _to("", address), f"{protocol} dport {port} accept"))
            original = f"meta l4proto {protocol} ct original proto-dst {port} accept"
            passed.append(_words(sources, _to("ct original ", address), f"ct status dnat {original}"))
    # What containers begin themselves; Docker's own rules say which of its networks reach each other.
    outward = [f"iifname {bridge} accept" for bridge in _BRIDGES]
    own = [f'{side} "{name}" accept' for name in rules["forward"] for side in ("iifname", "oifname")]
    return f"""# Written by Monsterr. Your own openings go into monsterr_firewall.
{REMOVE}table {TABLE} {{
    chain loopback {{
        type filter hook prerouting priority raw; policy accept;
        # Services on loopback are not for neighbours, whatever Docker lets the kernel route there.
        iifname != "lo" ip daddr 127.0.0.0/8 drop
        iifname != "lo" ip6 daddr ::1 drop
    }}
    chain input {{
        type filter hook input priority filter - 5; policy drop;
        iifname "lo" accept
        ct state established,related accept
        ct state invalid drop
        icmp type {{ {_ICMP} }} accept
        icmpv6 type {{ {_ICMPV6} }} accept
        udp sport 67 udp dport 68 accept
        ip6 saddr fe80::/10 udp dport 546 accept
{_lines(incoming)}
    }}
    chain forward {{
        type filter hook forward priority filter - 5; policy drop;
        ct state established,related accept
        ct state invalid drop
{_lines([*outward, *own, *passed])}
    }}
}}
"""


def ssh_ports(rules: Mapping[str, Any], live_port: int = 0) -> list[int]:
    """Every port at which SSH has to be reached."""
    return sorted({*rules["ssh_ports"], *([live_port] if live_port else [])})


def lets_ssh_in(rules: Mapping[str, Any], client: str) -> bool:
    """Whether a new SSH connection from the address `client` would be let in."""
    address = ipaddress.ip_address(client.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    networks = map(ipaddress.ip_network, rules["ssh_sources"])
    return not rules["ssh_sources"] or any(address in network for network in networks)


def _families(networks: Sequence[str]) -> Iterable[str]:
    """A match of the source for IPv4, one for IPv6; one of anything when no source is named."""
    if not networks:
        return [""]
    found = [ipaddress.ip_network(network) for network in networks]
    matches = []
    for version, word in ((4, "ip"), (6, "ip6")):
        own = ipaddress.collapse_addresses(network for network in found if network.version == version)
        if text := ", ".join(map(str, own)):
            matches.append(f"{word} saddr {{ {text} }}")
    return matches


def _to(where: str, address: str) -> str:
    return f"{where}{'ip6' if ':' in address else 'ip'} daddr {address}" if address else ""


def _words(*words: str) -> str:
    return " ".join(word for word in words if word)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(f"        {line}" for line in dict.fromkeys(lines))
