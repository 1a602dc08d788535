# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A zone of our own name server: what it begins with, what of it is ours, and what the parent has to say. Pure.

Of a zone only its NS records and the addresses of name servers inside it are ours. All else in it is made by updates
(RFC 2136) and left alone here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._core.finding import Finding, fail, ok, warn

TTL = 3600
# Refresh, retry, expire, minimum in seconds: a secondary that missed a notification is late by minutes, not hours.
TIMERS = "900 300 1209600 300"


@dataclass(frozen=True)
class RRset:
    """Records of one name and type. values: as in a zone file, sorted; names end with a dot."""

    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Ds:
    """A DS record (RFC 4034 section 5). digest: hexadecimal, in capitals."""

    tag: int
    algorithm: int
    kind: int
    digest: str

    def __str__(self) -> str:
        return f"{self.tag} {self.algorithm} {self.kind} {self.digest}"


def ours(zone: str, servers: Mapping[str, Sequence[str]]) -> list[RRset]:
    """The RRsets of a zone that are ours. servers: name of each name server -> its addresses."""
    found = [RRset(f"{zone}.", "NS", tuple(sorted(f"{name}." for name in servers)))]
    for name, addresses in sorted(servers.items()):
        if f".{name}".endswith(f".{zone}"):
            for kind in ("A", "AAAA"):
                values = tuple(sorted(item for item in addresses if (":" in item) == (kind == "AAAA")))
                found += [RRset(f"{name}.", kind, values)] if values else []
    return found


def first(zone: str, servers: Mapping[str, Sequence[str]], primary: str, serial: int) -> str:
    """The file that a zone begins with (RFC 1035 section 5)."""
    lines = [f"{zone}. {TTL} SOA {primary}. hostmaster.{zone}. {serial} {TIMERS}"]
    lines += [f"{item.name} {TTL} {item.type} {value}" for item in ours(zone, servers) for value in item.values]
    return "\n".join(lines) + "\n"


def read(text: str) -> list[str]:
    """The values in what ``knotc zone-read ZONE OWNER TYPE`` prints: ``[zone.] owner. ttl TYPE value`` a line."""
    return sorted(line.split(maxsplit=4)[4].strip() for line in text.splitlines() if len(line.split()) >= 5)


def edits(wanted: RRset, found: Sequence[str]) -> list[list[str]]:
    """What ``knotc`` has to be told inside a transaction, without the zone; nothing if it is so already."""
    if list(wanted.values) == sorted(found):
        return []
    removed = [["zone-unset", wanted.name, wanted.type]] if found else []
    return removed + [["zone-set", wanted.name, str(TTL), wanted.type, value] for value in wanted.values]


def ds(text: str) -> list[Ds]:
    """The DS records in what ``keymgr ZONE ds`` prints; those with SHA-1 left out (RFC 8624 section 3.3)."""
    lines = re.findall(r"\sDS\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9A-Fa-f ]+)$", text, re.MULTILINE)
    found = {
        Ds(int(tag), int(algorithm), int(kind), digest.replace(" ", "").upper())
        for tag, algorithm, kind, digest in lines
    }
    return sorted(item for item in found if item.kind != 1)


def delegation(zone: str, keys: Sequence[Ds], parent: Sequence[Ds] | None) -> Finding:
    """What there is to do at the parent. keys: of ours; parent: what it says, None if that is not known."""
    check = "nameserver.ds"
    # SHA-256 is what every registrar takes.
    wish = next((item for item in keys if item.kind == 2), keys[0] if keys else None)
    evidence = {"ours": [str(item) for item in keys], "parent": [str(item) for item in parent or ()]}
    if wish is None:
        hint = "See that dnssec-signing is on for it in Knot's log: journalctl -u knot."
        return fail(check, zone, f"{zone} has no key to be signed with.", hint, **evidence)
    add = (
        f"At the registrar of {zone} (or in its parent zone) add this DS record: key tag {wish.tag}, algorithm "
        f"{wish.algorithm} (ECDSA P-256), digest type {wish.kind} (SHA-256), digest {wish.digest}."
    )
    if parent is None:
        said = f"It could not be found out whether {zone} is signed for at its parent."
        return warn(check, zone, said, f"See that this host can resolve names. {add}", **evidence)
    if not parent:
        said = f"{zone} is signed, but its parent does not say so: nobody checks the signatures yet."
        return warn(check, zone, said, add, **evidence)
    if not set(parent) & set(keys):
        said = f"The DS records at the parent of {zone} belong to no key of it: to all who check, the zone is bogus."
        return fail(check, zone, said, f"Remove them there. {add}", **evidence)
    strange = [item for item in parent if item.tag not in {key.tag for key in keys}]
    if strange:
        tags = ", ".join(str(item.tag) for item in strange)
        said = f"{zone} is signed and its parent says so, but it also has a DS of a key that is not there ({tags})."
        return warn(
            check, zone, said, f"Remove the DS with key tag {tags} there, unless a key is being replaced.", **evidence
        )
    return ok(check, zone, f"{zone} is signed, and its parent says so.", **evidence)


def behind(zone: str, serial: int, others: Mapping[str, int | str]) -> Finding:
    """Whether the secondaries have what the primary has. others: address -> serial, or why there is none."""
    check = "nameserver.secondary"
    late = {address: said for address, said in others.items() if said != serial}
    if not late:
        count = (
            f"{len(others)} secondar{'y has' if len(others) == 1 else 'ies have'} it too" if others else "no secondary"
        )
        return ok(check, zone, f"{zone} is served with the serial {serial}; {count}.", serial=serial)
    told = "; ".join(
        f"{address} has {said}" if isinstance(said, int) else f"{address} {said}"
        for address, said in sorted(late.items())
    )
    hint = "See that it is up, lets port 53 in (TCP and UDP), and may transfer the zone: its log tells why it does not."
    return warn(check, zone, f"A secondary of {zone} does not have the serial {serial}: {told}.", hint, serial=serial)
