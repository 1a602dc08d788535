# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DigitalOcean (API v2): single records, one call for each.

A record that stays is changed in place, so that a name is never without an answer in between. Names in values are read
without the final dot and written with it; text is written bare; ``@`` is the zone itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dns.rdata

from ..._core.clock import Deadline
from ..._core.http import Response
from ..model import Key, RRset, canonical, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import Api, option
from .base import Listing, collected, fitting

_PAGE = 200
# The fields of a type in the order of its presentation form. The last holds a name or a text.
_FIELDS = {
    "CAA": ("flags", "tag", "data"),
    "MX": ("priority", "data"),
    "SRV": ("priority", "weight", "port", "data"),
}
_HOSTS = frozenset({"CNAME", "MX", "NS", "SRV"})
_NUMBERS = frozenset({"flags", "priority", "weight", "port"})


def connect(options: Mapping[str, Any], deadline: Deadline) -> DigitalOcean:
    """The domains of the token's account."""
    token = option(options, "token")
    return DigitalOcean(
        Api(
            PROVIDERS["digitalocean"],
            option(options, "endpoint"),
            deadline,
            headers={"Authorization": f"Bearer {token}"},
            secrets={"token": token},
            story=_story,
            ca_file=option(options, "ca_file"),
        )
    )


def _story(answer: Response) -> str:
    said = answer.json()
    return f"{said['message']} ({said['id']})"


class DigitalOcean(Listing):
    """The domains of one account."""

    traits = PROVIDERS["digitalocean"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._records: dict[str, list[dict[str, Any]]] = {}  # as DigitalOcean has them, by zone

    def _pages(self, path: str, what: str, attempted: str) -> Iterator[dict[str, Any]]:
        page, more = 1, True
        while more:
            answer = self._api.call("GET", path, attempted, query={"page": page, "per_page": _PAGE}).json()
            yield from answer[what]
            page, more = page + 1, "next" in ((answer.get("links") or {}).get("pages") or {})

    def _zones(self) -> dict[str, str]:
        found = self._pages("/domains", "domains", "list the domains")
        return {plain_name(zone["name"]): zone["name"] for zone in found}

    def _read(self, zone: str) -> dict[Key, RRset]:
        path = f"/domains/{self.id(zone)}/records"
        found = self._pages(path, "domain_records", f"read the zone {zone}")
        records = [one for one in found if one["type"] in self.traits.types]
        self._records[zone] = records
        return collected((_name(zone, one), one["type"], _value(zone, one), one["ttl"]) for one in records)

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        self.list_rrsets(zone)
        path = f"/domains/{self.id(zone)}/records"
        for change in changes:
            attempted = f"change {' '.join(change.key)}"
            there = [one for one in self._records[zone] if (_name(zone, one), one["type"]) == change.key]
            after = fitting(self.traits, change.after) if change.after else None
            free, bodies = [], list(after.values) if after else []
            for one in there:  # what is as wanted stays as it is
                value = _canonical(zone, one)
                if after and value in bodies and one["ttl"] == after.ttl:
                    bodies.remove(value)
                else:
                    free.append(one)
            for value in bodies:
                body = _body(zone, change.key, value, after.ttl)  # type: ignore[union-attr]
                old = free.pop() if free else None
                if old:
                    self._api.call("PUT", f"{path}/{old['id']}", attempted, json=body)
                else:
                    self._api.call("POST", path, attempted, json=body)
            for one in free:
                self._api.call("DELETE", f"{path}/{one['id']}", attempted)


def _name(zone: str, record: Mapping[str, Any]) -> str:
    return zone if record["name"] == "@" else plain_name(f"{record['name']}.{zone}")


def _value(zone: str, record: Mapping[str, Any]) -> str:
    """The presentation form of one record."""
    kind, data = record["type"], record["data"]
    if kind in _HOSTS:
        data = f"{zone}." if data == "@" else f"{data.rstrip('.')}."
    elif kind == "CAA":
        data = f'"{data.strip(chr(34)).rstrip(".")}"'
    elif kind == "TXT":
        return canonical("TXT", data)
    fields = _FIELDS.get(kind, ("data",))[:-1]
    return " ".join([*(str(record[field]) for field in fields), data])


def _canonical(zone: str, record: Mapping[str, Any]) -> str:
    try:
        return canonical(record["type"], _value(zone, record))
    except ValueError:
        return _value(zone, record)


def _body(zone: str, key: Key, value: str, ttl: int) -> dict[str, Any]:
    """What makes a record of `value`."""
    name, kind = key
    fields = _FIELDS.get(kind, ("data",))
    words = value.split(" ", len(fields) - 1)
    if kind == "TXT":
        words = [b"".join(dns.rdata.from_text("IN", "TXT", value).strings).decode("utf-8", "replace")]
    elif kind == "CAA":
        words[-1] = f"{words[-1].strip(chr(34))}."
    body: dict[str, Any] = {"type": kind, "name": name.removesuffix(zone).rstrip(".") or "@", "ttl": ttl}
    return body | {field: int(word) if field in _NUMBERS else word for field, word in zip(fields, words, strict=True)}
