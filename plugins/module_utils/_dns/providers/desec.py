# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""deSEC (API v1): whole RRsets, any number in one request that is all or nothing. Every zone is signed.

Limits that show: a least TTL for each domain (usually 3600 s), and few writes (2 a second, 15 a minute, 300 a day), so
everything goes in one request and a 429 is waited for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..._core.clock import Deadline
from ..._core.http import Response
from ..model import Key, RRset, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import Api, option
from .base import Listing, collected, fitting

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def connect(options: Mapping[str, Any], deadline: Deadline) -> Desec:
    """The domains of the token's account."""
    token = option(options, "token")
    return Desec(
        Api(
            PROVIDERS["desec"],
            option(options, "endpoint"),
            deadline,
            headers={"Authorization": f"Token {token}"},
            secrets={"token": token},
            story=lambda answer: "; ".join(_words(answer.json())),
            ca_file=option(options, "ca_file"),
        )
    )


def _words(said: Any) -> Iterator[str]:
    """Every sentence in an error, which is a list with an object for each RRset, or an object of lists."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for name, item in said.items():
            label = "" if name in ("detail", "non_field_errors") else f"{name}: "
            yield from (f"{label}{word}" for word in _words(item))
    elif isinstance(said, Sequence):
        for item in said:
            yield from _words(item)


class Desec(Listing):
    """The domains of one account."""

    traits = PROVIDERS["desec"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._least: dict[str, int] = {}  # the least TTL of each domain, in seconds

    def _pages(self, path: str, attempted: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = "cursor="
        while cursor is not None:
            answer: Response = self._api.call("GET", f"{path}?{cursor}", attempted)
            yield from answer.json()
            following = _NEXT.search(answer.headers.get("link", ""))
            cursor = urlsplit(following[1]).query if following else None

    def _zones(self) -> dict[str, str]:
        found = list(self._pages("/domains/", "list the domains"))
        self._least = {plain_name(zone["name"]): zone["minimum_ttl"] for zone in found}
        return {plain_name(zone["name"]): zone["name"] for zone in found}

    def _read(self, zone: str) -> dict[Key, RRset]:
        found = self._pages(f"/domains/{self.id(zone)}/rrsets/", f"read the zone {zone}")
        return collected(
            (rrset["name"], rrset["type"], value, rrset["ttl"]) for rrset in found for value in rrset["records"]
        )

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """As the domain's least TTL allows."""
        self.id(zone)
        return fitting(self.traits, rrset, self._least[zone])

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        body = []
        for change in changes:
            name, kind = change.key
            one: dict[str, Any] = {"subname": name.removesuffix(zone).rstrip("."), "type": kind, "records": []}
            if change.after:
                after = self.fit(zone, change.after)
                one |= {"ttl": after.ttl, "records": list(after.values)}
            body.append(one)
        self._api.call("PATCH", f"/domains/{self.id(zone)}/rrsets/", f"change the zone {zone}", json=body)

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """The DS records of the domain's keys: it is signed from its first day."""
        found = self._api.call("GET", f"/domains/{self.id(zone)}/", f"read the keys of {zone}").json()
        return sorted({ds for key in found.get("keys", []) for ds in key.get("ds", [])})
