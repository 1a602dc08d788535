# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name servers that exist only as zone data: they answer messages, and count what they were asked."""

from __future__ import annotations

from collections import Counter

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import Server


class World:
    """Answers for every address that has zones. `mute` addresses do not answer, `broken` ones have no route."""

    def __init__(self, zones: dict[str, dict[str, str]], recursors: tuple[str, ...] = ()) -> None:
        self._zones = {
            address: {
                name: dns.zone.from_text(text, f"{name}.", relativize=False, check_origin=False)
                for name, text in texts.items()
            }
            for address, texts in zones.items()
        }
        self._recursors = recursors
        self.mute: set[str] = set()
        self.broken: set[str] = set()
        self.asked: Counter[tuple[str, str, str]] = Counter()

    async def send(self, query: dns.message.Message, server: Server, timeout: float) -> dns.message.Message:
        """What the server says."""
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[(server.address, question.name.to_text(omit_final_dot=True), kind)] += 1
        if server.address in self.mute:
            raise dns.exception.Timeout
        if server.address in self.broken:
            raise OSError(101, "Network is unreachable")
        response = dns.message.make_response(query)
        if server.address in self._recursors:
            merged = {name: zone for zones in self._zones.values() for name, zone in zones.items()}
            self._answer(response, merged, question)
            response.flags &= ~dns.flags.AA
        else:
            self._answer(response, self._zones.get(server.address, {}), question)
        return dns.message.from_wire(response.to_wire())

    def _answer(self, response, zones, question) -> None:
        name = question.name
        mine = [zone for zone in zones.values() if name.is_subdomain(zone.origin)]
        if not mine:
            response.set_rcode(dns.rcode.REFUSED)
            return
        zone = max(mine, key=lambda zone: len(zone.origin))
        cut = next(
            (
                owner
                for owner in zone.nodes
                if owner != zone.origin and name.is_subdomain(owner) and zone.get_rdataset(owner, "NS")
            ),
            None,
        )
        if cut:
            response.authority.append(zone.get_rrset(cut, "NS"))
            return
        response.flags |= dns.flags.AA
        found = zone.get_rrset(name, question.rdtype)
        alias = zone.get_rrset(name, "CNAME")
        if not found and not alias and zone.get_node(name) is None:
            wild = dns.name.Name((b"*", *name.labels[1:]))
            found = zone.get_rrset(wild, question.rdtype)
            if found:
                found.name = name
        if found:
            response.answer.append(found)
        elif alias:
            response.answer.append(alias)
        else:
            if zone.get_node(name) is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(zone.get_rrset(zone.origin, "SOA"))


def zone(*lines: str, serial: int = 1, servers: tuple[str, ...] = ("ns1", "ns2")) -> str:
    """A zone file with its own name servers at 192.0.2.53 and 198.51.100.53."""
    own = [f"@ 60 IN NS {name}" for name in servers]
    addresses = ["ns1 60 IN A 192.0.2.53", "ns2 60 IN A 198.51.100.53"]
    return "\n".join([f"@ 60 IN SOA ns1 admin {serial} 1 1 1 1", *own, *addresses, *lines]) + "\n"
