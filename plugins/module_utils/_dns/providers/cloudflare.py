# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cloudflare (API v4): single records, changed in batches that are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._core.clock import Deadline
from ..._core.http import Response
from ..model import Key, RRset, canonical, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import Api, option
from .base import Listing, collected, fitting

_PAGE = 500
_AUTO = 1  # the TTL that means "automatic": 300 seconds, and the only one of a proxied record
_AUTO_SECONDS = 300
_HOSTS = frozenset({"CNAME", "MX", "NS", "PTR"})  # their content is a name, without the final dot
# Types whose content is given in parts, with the names of the parts in the order of the presentation form.
_PARTS = {
    "CAA": ("flags", "tag", "value"),
    "HTTPS": ("priority", "target", "value"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "type", "fingerprint"),
    "SVCB": ("priority", "target", "value"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
}
_QUOTED = frozenset({("CAA", "value")})


def connect(options: Mapping[str, Any], deadline: Deadline) -> Cloudflare:
    """The zones that the token gives access to."""
    token = option(options, "token")
    return Cloudflare(
        Api(
            PROVIDERS["cloudflare"],
            option(options, "endpoint"),
            deadline,
            headers={"Authorization": f"Bearer {token}"},
            secrets={"token": token},
            story=_story,
            ca_file=option(options, "ca_file"),
        )
    )


def _story(answer: Response) -> str:
    return "; ".join(f"{one['message']} ({one['code']})" for one in answer.json()["errors"])


class Cloudflare(Listing):
    """The zones of one token."""

    traits = PROVIDERS["cloudflare"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._records: dict[str, list[dict[str, Any]]] = {}  # as Cloudflare has them, by zone

    def _pages(self, path: str, attempted: str, size: int) -> Iterator[dict[str, Any]]:
        page, pages = 1, 1
        while page <= pages:
            answer = self._api.call("GET", path, attempted, query={"page": page, "per_page": size}).json()
            yield from answer["result"]
            page, pages = page + 1, (answer.get("result_info") or {}).get("total_pages") or 1

    def _zones(self) -> dict[str, str]:
        return {plain_name(zone["name"]): zone["id"] for zone in self._pages("/zones", "list the zones", 50)}

    def _read(self, zone: str) -> dict[Key, RRset]:
        records = list(self._pages(f"/zones/{self.id(zone)}/dns_records", f"read the zone {zone}", _PAGE))
        self._records[zone] = records
        return collected((one["name"], one["type"], _value(one), _seconds(one)) for one in records)

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """As the limits allow. The TTL of a proxied record is Cloudflare's to say."""
        there = self._at(zone, rrset.key)
        if any(one.get("proxied") for one in there):
            return RRset(rrset.name, rrset.type, rrset.values, _AUTO_SECONDS)
        return fitting(self.traits, rrset)

    def _at(self, zone: str, key: Key) -> list[dict[str, Any]]:
        self.list_rrsets(zone)
        return [one for one in self._records[zone] if (plain_name(one["name"]), one["type"]) == key]

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        deletes, patches, posts = [], [], []
        for change in changes:
            there = {_canonical(one): one for one in self._at(zone, change.key)}
            wanted = change.after.values if change.after else ()
            proxied = any(one.get("proxied") for one in there.values())
            ttl = _AUTO if proxied else change.after.ttl if change.after else 0
            for value, one in there.items():
                if value not in wanted:
                    deletes.append({"id": one["id"]})
                elif one["ttl"] != ttl:
                    patches.append({"id": one["id"], "ttl": ttl})
            new = [value for value in wanted if value not in there]
            posts += [{**_body(change.key, value), "ttl": ttl, "proxied": proxied} for value in new]
        body = {"deletes": deletes, "patches": patches, "posts": posts}
        path = f"/zones/{self.id(zone)}/dns_records/batch"
        self._api.call(
            "POST", path, f"change the zone {zone}", json={name: items for name, items in body.items() if items}
        )

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """The DS record; Cloudflare waits with the status "pending" until the registrar has it."""
        path = f"/zones/{self.id(zone)}/dnssec"
        state = self._api.call("GET", path, f"read how {zone} is signed").json()["result"]
        if state["status"] not in ("active", "pending"):
            if not enable:
                return []
            state = self._api.call("PATCH", path, f"sign the zone {zone}", json={"status": "active"}).json()["result"]
        # A whole line of a zone file: name, TTL, class, type, and then what we want.
        return [state["ds"].split(" DS ", 1)[1]] if " DS " in (state.get("ds") or "") else []


def _seconds(record: Mapping[str, Any]) -> int:
    return _AUTO_SECONDS if record["ttl"] == _AUTO else record["ttl"]


def _value(record: Mapping[str, Any]) -> str:
    """The presentation form of one record."""
    kind, content = record["type"], record["content"]
    data = record.get("data") or {}
    if kind in _PARTS and all(part in data for part in _PARTS[kind]):
        words = [_word(kind, part, str(data[part])) for part in _PARTS[kind]]
        return " ".join(word for word in words if word)
    if kind in _HOSTS:
        content = f"{content.rstrip('.')}."
    return f"{record['priority']} {content}" if kind == "MX" else content


def _word(kind: str, part: str, text: str) -> str:
    if (kind, part) in _QUOTED:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{text.rstrip('.')}." if part == "target" else text


def _canonical(record: Mapping[str, Any]) -> str:
    try:
        return canonical(record["type"], _value(record))
    except ValueError:
        return _value(record)


def _body(key: Key, value: str) -> dict[str, Any]:
    """What makes a record of `value`."""
    name, kind = key
    body: dict[str, Any] = {"name": name, "type": kind}
    if kind in _PARTS:
        words = value.split(" ", len(_PARTS[kind]) - 1)
        words += [""] * (len(_PARTS[kind]) - len(words))
        body["data"] = {
            part: int(word) if word.isdigit() and part != "value" else _unquoted(kind, part, word)
            for part, word in zip(_PARTS[kind], words, strict=True)
        }
    elif kind == "MX":
        priority, _space, host = value.partition(" ")
        body |= {"priority": int(priority), "content": host.rstrip(".") or "."}
    else:
        body["content"] = value.rstrip(".") if kind in _HOSTS else value
    return body


def _unquoted(kind: str, part: str, word: str) -> str:
    if (kind, part) in _QUOTED:
        return word.removeprefix('"').removesuffix('"').replace('\\"', '"').replace("\\\\", "\\")
    return word.rstrip(".") or "." if part == "target" else word
