# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose a record is: a registry in the zone itself, at ``_monsterr.<zone>`` TXT. Pure.

It lives where the records live, so a second controller sees it and a rehearsal cannot mix it up. It holds no name, only
a short hash of each name and type, so that it tells a stranger nothing that asking for the name would not. Several
owners (one for each stack) share it; a line that is not of our form is kept as it is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dns.rdata

from .model import Key, RRset, canonical

LABEL = "_monsterr"
TTL = 300
_TAG = 8  # characters of base32: 40 bits
_LINE = re.compile(r"monsterr owner=(\S+)((?: [a-z2-7]{8})*)")
_ROOM = 255  # bytes of one string of a TXT record


def key_of(zone: str) -> Key:
    """Where the registry of `zone` is."""
    return (f"{LABEL}.{zone}", "TXT")


def tag(key: Key) -> str:
    """What stands for a name and type in the registry."""
    digest = hashlib.sha256(" ".join(key).encode()).digest()
    return base64.b32encode(digest)[:_TAG].decode().lower()


@dataclass
class Registry:
    """What is registered in one zone.

    before  the RRset as it is there
    owners  the owner of each tag
    others  values that are not of our form
    """

    zone: str
    before: RRset | None = None
    owners: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @classmethod
    def read(cls, zone: str, rrset: RRset | None) -> Registry:
        """The registry that `rrset` holds."""
        owners: dict[str, str] = {}
        others = []
        for value in rrset.values if rrset else ():
            line = _LINE.fullmatch(_text(value))
            if line:
                owners.update(dict.fromkeys(line[2].split(), line[1]))
            else:
                others.append(value)
        return cls(zone, rrset, owners, tuple(others))

    def owner(self, key: Key) -> str:
        """Whose the RRset is; empty if nobody registered it."""
        return self.owners.get(tag(key), "")

    def mine(self, owner: str, keys: Iterable[Key]) -> list[Key]:
        """Those of `keys` that `owner` registered."""
        return [key for key in keys if self.owner(key) == owner]

    def after(self, owner: str, claim: Iterable[Key] = (), release: Iterable[Key] = ()) -> RRset:
        """The RRset once `owner` has claimed some keys and released others. Without a value if nothing is left."""
        owners = {**self.owners, **{tag(key): owner for key in claim}}
        for key in release:
            owners.pop(tag(key), None)
        values = sorted({*self.others, *(canonical("TXT", line) for line in _lines(owners))})
        name, kind = key_of(self.zone)
        return RRset(name, kind, tuple(values), self.before.ttl if self.before else TTL)


def _lines(owners: Mapping[str, str]) -> list[str]:
    lines = []
    for owner in sorted(set(owners.values())):
        head = f"monsterr owner={owner}"
        room = (_ROOM - len(head)) // (_TAG + 1)
        tags = sorted(item for item, whose in owners.items() if whose == owner)
        lines += [" ".join([head, *tags[start : start + room]]) for start in range(0, len(tags), room)]
    return lines


def _text(value: str) -> str:
    rdata = dns.rdata.from_text("IN", "TXT", value)
    return b"".join(rdata.strings).decode("utf-8", "replace")
