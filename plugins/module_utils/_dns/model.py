# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS as plain data: RRsets in one canonical form, and what a user wrote turned into them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from .._core.errors import InputError
from .._core.finding import Finding, fail

PORT = 53
TYPES = ("A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT")
# Types whose data holds a name, or words in which case does not matter: compared in lower case (RFC 4343).
_FOLDED = frozenset({"CNAME", "MX", "NS", "PTR", "SRV"})
_MAX_TTL = 2**31 - 1  # RFC 2181 section 8

Key = tuple[str, str]


@dataclass(frozen=True)
class RRset:
    """All records of one name and type (RFC 2181 section 5).

    name    absolute, ASCII, lower case, without the final dot
    type    in upper case
    values  presentation form, canonical, sorted; empty means that there shall be none
    ttl     seconds
    """

    name: str
    type: str
    values: tuple[str, ...]
    ttl: int

    @property
    def key(self) -> Key:
        """What identifies it: name and type."""
        return (self.name, self.type)

    def lines(self) -> list[str]:
        """As lines of a zone file."""
        return [f"{self.name}. {self.ttl} IN {self.type} {value}" for value in self.values]

    def rdataset(self) -> dns.rdataset.Rdataset:
        """As dnspython has it."""
        return dns.rdataset.from_text("IN", self.type, self.ttl, *self.values)


@dataclass(frozen=True)
class Wanted:
    """One record of the user's: the RRset as it shall be, and the zone it is in (empty: found by asking)."""

    rrset: RRset
    zone: str = ""


@dataclass(frozen=True)
class Server:
    """One address of a name server."""

    name: str
    address: str
    port: int = PORT

    def __str__(self) -> str:
        where = self.address if self.port == PORT else f"{self.address}#{self.port}"
        return where if self.name in ("", self.address) else f"{self.name} ({where})"


def plain_name(text: str) -> str:
    """`text` as an absolute name in ASCII and lower case, without the final dot; ValueError if it is none."""
    try:
        name = dns.name.from_text(text.strip()).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return name.to_text(omit_final_dot=True)


def parents(name: str) -> list[str]:
    """`name`, its parent, and so on up to the top-level domain."""
    labels = dns.name.from_text(name).labels[:-1]
    return [dns.name.Name(labels[start:]).to_text() for start in range(len(labels))]


def under(name: str, zone: str) -> bool:
    """Whether `name` is `zone` or below it."""
    return name == zone or name.endswith(f".{zone}")


def canonical(kind: str, value: str) -> str:
    """One value of type `kind` in canonical presentation form; ValueError if it is not valid for the type.

    Names in values are absolute, with or without the final dot. TXT may be written bare: it is quoted, and cut into
    strings of 255 bytes (RFC 1035 section 3.3.14).
    """
    try:
        if kind == "TXT" and not value.startswith('"'):
            return _txt([value.encode()])
        wire = dns.rdata.from_text("IN", kind, value, origin=dns.name.root, relativize=False).to_wire()
        rdata = dns.rdata.from_wire("IN", kind, wire, 0, len(wire))  # as a server will send it
    except (dns.exception.DNSException, UnicodeError, ValueError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return from_rdata(rdata)


def from_rdata(rdata: dns.rdata.Rdata) -> str:
    """What a server sent, in the same canonical form as `canonical` makes."""
    if rdata.rdtype == dns.rdatatype.TXT:
        return _txt(rdata.strings)
    text = rdata.to_text()
    return text.lower() if dns.rdatatype.to_text(rdata.rdtype) in _FOLDED else text


def _txt(strings: Iterable[bytes]) -> str:
    whole = b"".join(strings)
    cut = [whole[start : start + 255] for start in range(0, len(whole), 255)] or [b""]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, cut).to_text()


def rrset(name: str, kind: str, values: Iterable[str], ttl: int) -> RRset:
    """An `RRset` from what a user wrote; ValueError says what is wrong with it."""
    kind = kind.upper()
    if kind not in TYPES:
        raise ValueError(f"the type {kind} is not one of {', '.join(TYPES)}")
    if not 0 <= ttl <= _MAX_TTL:
        raise ValueError(f"a TTL is between 0 and {_MAX_TTL} seconds, not {ttl}")
    return RRset(plain_name(name), kind, tuple(sorted({canonical(kind, value) for value in values})), ttl)


def read(records: Sequence[Mapping[str, Any]], default_ttl: int = 300) -> list[Wanted]:
    """The user's `records` (name, type, values, ttl, zone); `InputError` with every problem in them."""
    wanted: list[Wanted] = []
    problems: list[Finding] = []
    places: dict[Key, int] = {}
    for number, record in enumerate(records):
        where = f"records[{number}] {record.get('name', '')} {record.get('type', '')}".rstrip()
        try:
            ttl = record.get("ttl")
            one = rrset(record["name"], record["type"], record.get("values") or [], default_ttl if ttl is None else ttl)
            zone = plain_name(record["zone"]) if record.get("zone") else ""
            if zone and not under(one.name, zone):
                raise ValueError(f"the name is not in the zone {zone}")
            if one.type == "CNAME" and len(one.values) > 1:
                raise ValueError("a name has one CNAME at most")
            if one.key in places:
                raise ValueError(f"records[{places[one.key]}] has the same name and type: write all values in one")
        except ValueError as error:
            problems.append(fail("dns.input", where, f"{error}.", "Correct this record."))
            continue
        places[one.key] = number
        wanted.append(Wanted(one, zone))
    if problems:
        story = "; ".join(f"{item.target}: {item.summary}" for item in problems)
        raise InputError("use the records", f"{len(problems)} of {len(records)}", story, findings=problems)
    return wanted


def server(text: str, default_port: int = PORT, name: str = "") -> Server:
    """A `Server` from ``ADDRESS`` or ``ADDRESS#PORT``; `InputError` if the address is none."""
    address, _sep, port = text.partition("#")
    try:
        ipaddress.ip_address(address)
        return Server(name or address, address, int(port or default_port))
    except ValueError as error:
        raise InputError(
            "use the name server", text, str(error), "Write an IP address, with #PORT behind it if it is not 53."
        ) from None
