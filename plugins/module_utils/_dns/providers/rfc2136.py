# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dynamic updates (RFC 2136) signed with TSIG (RFC 8945): Knot, BIND, PowerDNS and most other name servers."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.xfr
import dns.zone

from ..._core.clock import Deadline
from ..._core.errors import InputError, RefusedError, UnreachableError
from .. import exchange
from ..model import TYPES, Key, RRset, Server, from_rdata, parents, plain_name, under
from ..options import PROVIDERS
from ..plan import Change
from .base import fitting, no_dnssec

Update = Callable[[dns.message.Message, Server, float], dns.message.Message]

TIMEOUT = 10.0  # seconds for one update
_KEY_HINT = "Check the key's name, algorithm and secret against the server's configuration."
_RCODES = {  # RFC 2136 section 2.2, and what it means to the one who asked
    dns.rcode.REFUSED: ("it does not let this key change the zone", "Allow updates of the zone for this key."),
    dns.rcode.NOTAUTH: ("it does not serve the zone, or does not know the key", _KEY_HINT),
    dns.rcode.NOTZONE: ("a name is not within the zone", "Name the right zone in the record."),
    dns.rcode.NXRRSET: ("the records changed while we looked", "Run it again."),
    dns.rcode.YXRRSET: ("the records changed while we looked", "Run it again."),
    dns.rcode.YXDOMAIN: (
        "there are other records at the name, and a CNAME cannot stand beside any other",
        "List those records with no values to have them removed, or choose another name.",
    ),
}


def connect(options: Mapping[str, Any], deadline: Deadline) -> Rfc2136:
    """A provider from the module's `options`; `InputError` for a secret that is not base64."""
    name, host = options["key_name"], options["server"]
    try:
        secret = base64.b64decode(options["key_secret"], validate=True)
        key = dns.tsig.Key(name, secret, options.get("key_algorithm") or "hmac-sha256")
    except (ValueError, dns.exception.DNSException):
        raise InputError("use the TSIG key", name, "its secret is not valid base64", _KEY_HINT) from None
    port = int(options.get("port") or 53)
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0]
    except OSError as error:
        raise UnreachableError("find the address of the name server", host, error.strerror or str(error)) from None
    return Rfc2136(Server(host, str(address), port), key, deadline)


class Rfc2136:
    """One primary name server and the key to change its zones."""

    traits = PROVIDERS["rfc2136"]  # its batch keeps a message below the 64 KiB that TCP allows

    def __init__(
        self,
        server: Server,
        key: dns.tsig.Key,
        deadline: Deadline,
        send: exchange.Send = exchange.send,
        update: Update | None = None,
    ) -> None:
        self.server = server
        self._key = key
        self._deadline = deadline
        self._asker = exchange.Asker(deadline, send)
        self._update = update or _tcp

    def zones(self, names: Iterable[str]) -> dict[str, str]:
        """The zone of each name: the owner of the nearest SOA record. Names without a zone here are left out."""
        return asyncio.run(self._zones(sorted(set(names))))

    async def _zones(self, names: Sequence[str]) -> dict[str, str]:
        found = await exchange.together(self._zone(name) for name in names)
        return {name: zone for name, zone in zip(names, found, strict=True) if zone}

    async def _zone(self, name: str) -> str:
        for candidate in parents(name):
            response = await self._asker.ask(candidate, "SOA", self.server)
            owners = {
                rrset.name.canonicalize().to_text(omit_final_dot=True)
                for rrset in (*response.answer, *response.authority)
                if rrset.rdtype == dns.rdatatype.SOA
            }
            zone = next((owner for owner in parents(candidate) if owner in owners), "")
            if zone:
                return zone
        return ""

    def get_rrsets(self, zone: str, keys: Iterable[Key]) -> dict[Key, RRset]:
        """What the server has for `keys`, and any CNAME at their names. A wildcard's answer does not count."""
        return asyncio.run(self._get_rrsets(zone, sorted(set(keys))))

    async def _get_rrsets(self, zone: str, keys: Sequence[Key]) -> dict[Key, RRset]:
        found: dict[Key, RRset] = {}
        for answer in await exchange.together(self._get(key) for key in keys):
            found.update({item.key: item for item in answer})
        above = {key: [(f"*.{name}", key[1]) for name in parents(key[0])[1:] if under(name, zone)] for key in found}
        asked = sorted({wildcard for wildcards in above.values() for wildcard in wildcards})
        answers = await exchange.together(self._get(wildcard) for wildcard in asked)
        wild = {wildcard for wildcard, answer in zip(asked, answers, strict=True) if answer}
        return {key: item for key, item in found.items() if wild.isdisjoint(above[key]) or self._has_own(zone, key)}

    def _has_own(self, zone: str, key: Key) -> bool:
        """Whether the RRset stands at its own name, where a wildcard could have answered too: a message that has only
        a prerequisite and no change tells (RFC 2136 section 2.4.1)."""
        message = self._message(zone)
        message.present(dns.name.from_text(key[0]), key[1])
        rcode = self._exchange(message, zone)
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXRRSET):
            self._refused(zone, rcode)
        return rcode == dns.rcode.NOERROR

    async def _get(self, key: Key) -> list[RRset]:
        name, kind = key
        response = await self._asker.ask(name, kind, self.server)
        if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            code = dns.rcode.to_text(response.rcode())
            raise RefusedError(f"read {name} {kind}", str(self.server), f"it answered {code}", rcode=code)
        owner = dns.name.from_text(name)
        found = []
        for item in response.answer:
            text = dns.rdatatype.to_text(item.rdtype)
            if item.name == owner and text in TYPES:
                found.append(RRset(name, text, tuple(sorted(from_rdata(rdata) for rdata in item)), item.ttl))
        return found

    def list_rrsets(self, zone: str) -> dict[Key, RRset] | None:
        """A zone transfer (RFC 5936) with our key; None if the server does not allow it, which is the usual case."""
        query, _serial = dns.xfr.make_query(dns.zone.Zone(f"{zone}."), keyring=self._key)
        left = min(TIMEOUT, self._deadline.remaining())
        content = dns.zone.Zone(f"{zone}.", relativize=False)
        try:
            dns.query.inbound_xfr(
                self.server.address, content, query, port=self.server.port, timeout=left, lifetime=left
            )
        except (dns.exception.DNSException, OSError, EOFError):
            return None
        found = {}
        for name, item in content.iterate_rdatasets():
            text = dns.rdatatype.to_text(item.rdtype)
            if text in TYPES:
                values = tuple(sorted(from_rdata(rdata) for rdata in item))
                one = RRset(plain_name(name.to_text()), text, values, item.ttl)
                found[one.key] = one
        return found

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """As it is."""
        return fitting(self.traits, rrset)

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """Not possible: the protocol has no word for it."""
        raise no_dnssec(self.traits, zone)

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        """Send the prerequisites of `changes` and no change: shows a wrong key, and what stands in the way."""
        for batch in _batches(changes):
            self._refused(zone, self._exchange(self._prerequisites(zone, batch), zone))

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        """One message for up to `traits.batch` RRsets, which the server takes or refuses as a whole."""
        for batch in _batches(changes):
            message = self._prerequisites(zone, batch)
            for change in batch:
                name, kind = change.key
                owner = dns.name.from_text(name)
                if change.before:
                    message.delete(owner, kind)
                if change.after:
                    message.add(owner, change.after.rdataset())
            self._refused(zone, self._exchange(message, zone))

    def _message(self, zone: str) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(f"{zone}.", keyring=self._key)

    def _prerequisites(self, zone: str, changes: Sequence[Change]) -> dns.update.UpdateMessage:
        message = self._message(zone)
        freed = {change.key[0] for change in changes if change.before}
        for change in changes:
            name, kind = change.key
            owner = dns.name.from_text(name)
            if change.before:
                rdataset = change.before.rdataset()
                rdataset.update_ttl(0)  # RFC 2136 section 2.4.2
                message.present(owner, rdataset)
            elif kind == "CNAME" and name not in freed:
                message.absent(owner)
            else:
                message.absent(owner, kind)
        return message

    def _exchange(self, message: dns.update.UpdateMessage, zone: str) -> int:
        attempted, target = f"change the zone {zone}", str(self.server)
        try:
            response = self._update(message, self.server, min(TIMEOUT, self._deadline.remaining()))
        except dns.tsig.PeerError as error:
            raise RefusedError(attempted, target, _tsig(error), _KEY_HINT, zone=zone) from None
        except dns.exception.Timeout:
            raise UnreachableError(attempted, target, "no answer in time", "Check that the server runs.") from None
        except (OSError, EOFError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "connection closed"
            hint = "Check that the server runs and that TCP reaches it."
            raise UnreachableError(attempted, target, why, hint, zone=zone) from None
        except dns.exception.DNSException as error:
            why = f"its answer cannot be trusted: {str(error) or type(error).__name__}"
            raise RefusedError(attempted, target, why, _KEY_HINT, zone=zone) from None
        if response.rcode() == dns.rcode.NOERROR and not response.had_tsig:
            raise RefusedError(attempted, target, "its answer is not signed with our key", _KEY_HINT, zone=zone)
        return response.rcode()

    def _refused(self, zone: str, rcode: int) -> None:
        if rcode == dns.rcode.NOERROR:
            return
        code = dns.rcode.to_text(rcode)
        why, hint = _RCODES.get(rcode, ("it refused the change", "See the server's log."))
        raise RefusedError(f"change the zone {zone}", str(self.server), f"{why} ({code})", hint, rcode=code, zone=zone)


def _tcp(message: dns.message.Message, server: Server, timeout: float) -> dns.message.Message:
    return dns.query.tcp(message, server.address, timeout=timeout, port=server.port)


def _tsig(error: dns.tsig.PeerError) -> str:
    known = {
        dns.tsig.PeerBadKey: "it does not know the key (BADKEY)",
        dns.tsig.PeerBadSignature: "the key's secret is not the one it has (BADSIG)",
        dns.tsig.PeerBadTime: "its clock and ours differ too much (BADTIME)",
        dns.tsig.PeerBadTruncation: "it wants a longer signature (BADTRUNC)",
    }
    return known.get(type(error), str(error))


def _batches(changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
    size = Rfc2136.traits.batch
    return (changes[start : start + size] for start in range(0, len(changes), size))
