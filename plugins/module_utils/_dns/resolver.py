# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the name servers of a zone and asks all of them. Recursion is done by the given resolvers, and only by them."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from .._core.clock import Deadline
from .._core.errors import InputError, UnreachableError
from . import caa, exchange, rules
from .model import PORT, RRset, Server, from_rdata, parents, server, under
from .rules import Answer, Zone

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_MAX_ALIASES = 8


def system_resolvers() -> list[str]:
    """The resolvers of this machine; `InputError` if it has none."""
    try:
        found = [str(item) for item in dns.resolver.Resolver().nameservers]
    except (OSError, dns.exception.DNSException):
        found = []
    if not found:
        raise InputError(
            "find a resolver", "/etc/resolv.conf", "it names no name server", "Give the resolvers to ask explicitly."
        )
    return found


class Resolver:
    """Answers from every authoritative server.

    resolvers  addresses (``ADDRESS`` or ``ADDRESS#PORT``) that do recursion for us; empty: this machine's own
    servers    for a zone, the addresses to ask instead of those that its NS records lead to
    port       where authoritative servers listen
    """

    def __init__(
        self,
        deadline: Deadline,
        resolvers: Sequence[str] = (),
        servers: Mapping[str, Sequence[str]] | None = None,
        port: int = PORT,
        send: exchange.Send = exchange.send,
    ) -> None:
        self.deadline = deadline
        self._asker = exchange.Asker(deadline, send)
        self._resolvers = [server(text) for text in resolvers or system_resolvers()]
        self._port = port
        self._zones = {
            zone: Zone(zone, tuple(server(text, port) for text in addresses))
            for zone, addresses in (servers or {}).items()
        }
        self._given = dict(self._zones)

    def check(self, wanted: Sequence[RRset], zones: Sequence[str] = ()) -> list[tuple[Zone, list[Answer]]]:
        """For each of `wanted`, its zone and what every server of it says. `zones` holds known zones, 1:1, or ''."""
        return asyncio.run(self._check(wanted, zones or [""] * len(wanted)))

    def wait(self, wanted: Sequence[RRset], pause: float = 0.25) -> list[tuple[RRset, Zone, list[Answer]]]:
        """Ask until every server that answers has all of `wanted` (beside other values).

        Returns what is not so at the end: a server that is late when the time is over, or one that gave no answer in
        two rounds while no other was late.
        """
        open_items, rounds = list(wanted), 0
        while True:
            looked = zip(open_items, self.check(open_items), strict=True)
            late = [(item, zone, answers) for item, (zone, answers) in looked if not rules.settled(item, answers)]
            open_items = [item for item, _zone, _answers in late]
            waiting = any(rules.behind(item, answers) for item, _zone, answers in late)
            rounds = 0 if waiting else rounds + 1
            if not late or rounds == 2 or not self.deadline.pause(pause):
                return late
            pause = min(2.0, pause * 1.5)

    def aliases(self, names: Iterable[str]) -> dict[str, str]:
        """Where CNAME records lead from each name; the name itself if there is none, or nobody can tell."""
        return asyncio.run(self._aliases(sorted(set(names))))

    def issuance(self, names: Sequence[str]) -> list[caa.Found]:
        """For each name, the CAA records that hold for it: its own, or those of the nearest name above that has any."""

        async def all_of_them() -> list[caa.Found]:
            return list(await exchange.together(self._climb(name.removeprefix("*.")) for name in names))

        return asyncio.run(all_of_them())

    async def _climb(self, name: str) -> caa.Found:
        for candidate in parents(name):
            try:
                response = await self._look(candidate, "CAA")
            except UnreachableError as error:
                if candidate != name and "REFUSED" in error.why:
                    return caa.Found(refused=candidate)
                return caa.Found(problem=error.why)
            found = tuple(
                caa.Property(rdata.flags, rdata.tag.decode("ascii", "replace").lower(), rdata.value.decode("latin-1"))
                for rrset in response.answer
                if rrset.rdtype == dns.rdatatype.CAA
                for rdata in rrset
            )
            if found:
                return caa.Found(candidate, found)
        return caa.Found()

    async def _look(self, name: str, kind: str) -> dns.message.Message:
        """From the servers that were given for the zone; from the resolvers where none were."""
        zone = max((zone for zone in self._given if under(name, zone)), key=len, default="")
        why = []
        for one in self._given[zone].servers if zone else ():
            try:
                response = await self._asker.ask(name, kind, one)
            except UnreachableError as error:
                why.append(f"{one}: {error.why}")
                continue
            if response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return response
            why.append(f"{one}: it answered {dns.rcode.to_text(response.rcode())}")
        if zone:
            raise UnreachableError(f"look up {name} {kind}", zone, "; ".join(why), "Check these name servers.")
        return await self._recurse(name, kind)

    async def _aliases(self, names: Sequence[str]) -> dict[str, str]:
        return dict(zip(names, await exchange.together(self._alias(name) for name in names), strict=True))

    async def _alias(self, name: str) -> str:
        for _step in range(_MAX_ALIASES):
            try:
                target = _own(await self._recurse(name, "CNAME"), name, "CNAME")
            except UnreachableError:
                return name
            if not target:
                return name
            name = target[0].rstrip(".")
        return name

    async def _check(self, wanted: Sequence[RRset], zones: Sequence[str]) -> list[tuple[Zone, list[Answer]]]:
        homes = await self._find_zones([item.name for item in wanted], zones)
        serials = await self._serials({zone.name: zone for zone in homes}.values())
        asked = [(item, zone, one) for item, zone in zip(wanted, homes, strict=True) for one in zone.servers]
        answers = await exchange.together(self._answer(item, one) for item, _zone, one in asked)
        found: dict[tuple[str, str], list[Answer]] = {item.key: [] for item in wanted}
        for (item, zone, one), answer in zip(asked, answers, strict=True):
            found[item.key].append(replace(answer, serial=serials.get((zone.name, one))))
        looked = [(zone, found[item.key]) for item, zone in zip(wanted, homes, strict=True)]
        return await self._descend(wanted, zones, looked)

    async def _descend(
        self, wanted: Sequence[RRset], zones: Sequence[str], looked: list[tuple[Zone, list[Answer]]]
    ) -> list[tuple[Zone, list[Answer]]]:
        """Ask again below a zone cut, where the servers of the zone that a name was taken to be in refer elsewhere."""
        below: dict[int, str] = {}
        for number, (zone, answers) in enumerate(looked):
            if zones[number] or not any(answer.detail == rules.REFERRAL for answer in answers):
                continue
            try:
                apex = await self._apex(wanted[number].name)
            except UnreachableError:
                continue
            if apex and apex != zone.name:
                below[number] = apex
        if below:
            again = await self._check([wanted[number] for number in below], list(below.values()))
            for number, result in zip(below, again, strict=True):
                looked[number] = result
        return looked

    async def _find_zones(self, names: Sequence[str], known: Sequence[str]) -> list[Zone]:
        """The zone of each name. Short names first: a name below a zone that is known needs no further question."""
        homes = {name: zone for name, zone in zip(names, known, strict=True) if zone}
        lost: dict[str, Zone] = {}
        left = sorted(set(names) - set(homes), key=lambda name: name.count("."))
        for number, name in enumerate(left):
            inside = [zone for zone in {*self._zones, *homes.values()} if zone and under(name, zone)]
            try:
                homes[name] = max(inside, key=len) if inside else await self._apex(name)
            except UnreachableError as error:
                lost[name] = Zone("", problem=f"The zone of {name} could not be found: {error.why}")
                if error.details.get("mute"):  # they will not answer for the other names either
                    lost.update(dict.fromkeys(left[number:], lost[name]))
                    break
        new = sorted(set(homes.values()) - set(self._zones))
        for zone in await exchange.together(self._find_servers(name) for name in new):
            self._zones[zone.name] = zone
        return [lost.get(name) or self._zones[homes[name]] for name in names]

    async def _apex(self, name: str) -> str:
        """The name of the zone that holds `name`; empty if there is none."""
        for candidate in parents(name):
            response = await self._recurse(candidate, "SOA")
            owners = {
                rrset.name.canonicalize().to_text(omit_final_dot=True)
                for rrset in (*response.answer, *response.authority)
                if rrset.rdtype == dns.rdatatype.SOA
            }
            zone = next((owner for owner in parents(candidate) if owner in owners), "")
            if zone:
                return zone
        return ""

    async def _find_servers(self, zone: str) -> Zone:
        if not zone:
            return Zone("", problem="No zone was found for the name: the domain does not exist, or is not delegated")
        try:
            names = sorted(text.rstrip(".") for text in _own(await self._recurse(zone, "NS"), zone, "NS"))
            answers = await exchange.together(self._recurse(name, kind) for name in names for kind in ("A", "AAAA"))
        except UnreachableError as error:
            return Zone(zone, problem=f"The name servers of {zone} could not be found: {error.why}")
        servers = []
        unresolved = []
        for number, name in enumerate(names):
            addresses = _last(answers[2 * number], "A") + _last(answers[2 * number + 1], "AAAA")
            servers += [Server(name, address, self._port) for address in addresses]
            unresolved += [] if addresses else [name]
        problem = "" if servers else f"No name server of {zone} has an address"
        return Zone(zone, tuple(servers), problem, tuple(unresolved))

    async def _serials(self, zones: Iterable[Zone]) -> dict[tuple[str, Server], int]:
        pairs = [(zone.name, one) for zone in zones for one in zone.servers]

        async def serial(zone: str, one: Server) -> int | None:
            try:
                found = _own(await self._asker.ask(zone, "SOA", one), zone, "SOA")
            except UnreachableError:
                return None
            return int(found[0].split()[2]) if found else None

        found = await exchange.together(serial(zone, one) for zone, one in pairs)
        return {pair: number for pair, number in zip(pairs, found, strict=True) if number is not None}

    async def _answer(self, item: RRset, one: Server) -> Answer:
        try:
            response = await self._asker.ask(item.name, item.type, one)
        except UnreachableError as error:
            state = rules.UNROUTABLE if error.details.get("errno") in _NO_ROUTE else rules.SILENT
            return Answer(one, state, detail=error.why)
        rcode = dns.rcode.to_text(response.rcode())
        if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return Answer(one, rules.LAME, rcode=rcode, detail=f"it answered {rcode}")
        if not response.flags & dns.flags.AA:
            return Answer(one, rules.LAME, rcode=rcode, detail=rules.REFERRAL)
        values = _last(response, item.type)
        if not values and item.type != "CNAME":
            values = await self._behind_alias(response, item)
        return Answer(one, rules.ANSWERED, tuple(sorted(values)), rcode)

    async def _behind_alias(self, response: dns.message.Message, item: RRset) -> list[str]:
        """The values behind a CNAME that leads out of the zone, as the resolvers see them."""
        target = _last(response, "CNAME")
        if not target:
            return []
        try:
            return _last(await self._recurse(target[-1].rstrip("."), item.type), item.type)
        except UnreachableError:
            return []

    async def _recurse(self, name: str, kind: str) -> dns.message.Message:
        """The answer of the first resolver that has one; `UnreachableError` if none does."""
        why = []
        mute = True
        for one in self._resolvers:
            try:
                response = await self._asker.ask(name, kind, one, recurse=True)
                mute = False
            except UnreachableError as error:
                why.append(f"{one}: {error.why}")
                continue
            if response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return response
            why.append(f"{one}: it answered {dns.rcode.to_text(response.rcode())}")
        attempted = f"resolve {name} {kind}"
        raise UnreachableError(attempted, "the resolvers", "; ".join(why), "Check the resolvers.", mute=mute)


def _own(response: dns.message.Message, name: str, kind: str) -> list[str]:
    """The values of type `kind` that stand at `name` itself."""
    owner = dns.name.from_text(name)
    return [
        from_rdata(rdata)
        for rrset in response.answer
        if rrset.name == owner and dns.rdatatype.to_text(rrset.rdtype) == kind
        for rdata in rrset
    ]


def _last(response: dns.message.Message, kind: str) -> list[str]:
    """The values of type `kind` in the answer, at whatever name the CNAME records led to."""
    return [
        from_rdata(rdata) for rrset in response.answer if dns.rdatatype.to_text(rrset.rdtype) == kind for rdata in rrset
    ]
