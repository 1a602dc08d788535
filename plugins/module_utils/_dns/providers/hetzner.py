# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hetzner DNS by the Cloud API (the older dns.hetzner.com is retired): RRsets, one call for each, done in actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._core.clock import Deadline
from ..._core.errors import RefusedError
from ..._core.http import Response
from ..model import Key, RRset, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import Api, option
from .base import Listing, collected, fitting

_PAGE = 50
_PAUSE = 0.5  # seconds between two looks at an action
_AGAIN = frozenset({"conflict", "locked"})  # another change is under way


def connect(options: Mapping[str, Any], deadline: Deadline) -> Hetzner:
    """The zones of the token's project."""
    token = option(options, "token")
    return Hetzner(
        Api(
            PROVIDERS["hetzner"],
            option(options, "endpoint"),
            deadline,
            headers={"Authorization": f"Bearer {token}"},
            secrets={"token": token},
            story=_story,
            again=_again,
            ca_file=option(options, "ca_file"),
        )
    )


def _story(answer: Response) -> str:
    error = answer.json()["error"]
    return f"{error['message']} ({error['code']})"


def _again(answer: Response) -> bool:
    try:
        return answer.status in (409, 423) and answer.json()["error"]["code"] in _AGAIN
    except (RefusedError, LookupError, TypeError):
        return False


class Hetzner(Listing):
    """The zones of one project."""

    traits = PROVIDERS["hetzner"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._default: dict[str, int] = {}  # the TTL of an RRset that has none, by zone

    def _pages(self, path: str, what: str, attempted: str) -> Iterator[dict[str, Any]]:
        page: int | None = 1
        while page:
            answer = self._api.call("GET", path, attempted, query={"page": page, "per_page": _PAGE}).json()
            yield from answer[what]
            page = answer["meta"]["pagination"]["next_page"]

    def _zones(self) -> dict[str, str]:
        found = list(self._pages("/zones", "zones", "list the zones"))
        self._default = {plain_name(zone["name"]): zone["ttl"] for zone in found}
        return {plain_name(zone["name"]): str(zone["id"]) for zone in found}

    def _read(self, zone: str) -> dict[Key, RRset]:
        path, default = f"/zones/{self.id(zone)}/rrsets", self._default[zone]
        found = self._pages(path, "rrsets", f"read the zone {zone}")
        return collected(
            (
                zone if rrset["name"] == "@" else f"{rrset['name']}.{zone}",
                rrset["type"],
                record["value"],
                default if rrset["ttl"] is None else rrset["ttl"],
            )
            for rrset in found
            for record in rrset["records"]
        )

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        for change in changes:
            name, kind = change.key
            attempted = f"change {name} {kind}"
            label = name.removesuffix(zone).rstrip(".") or "@"
            path = f"/zones/{self.id(zone)}/rrsets"
            mine = f"{path}/{label}/{kind}"
            if not change.after:
                self._do("DELETE", mine, attempted)
                continue
            after = fitting(self.traits, change.after)
            records = [{"value": value} for value in after.values]
            if not change.before:
                body = {"name": label, "type": kind, "ttl": after.ttl, "records": records}
                self._do("POST", path, attempted, body)
                continue
            if change.before.values != after.values:
                self._do("POST", f"{mine}/actions/set_records", attempted, {"records": records})
            if change.before.ttl != after.ttl:
                self._do("POST", f"{mine}/actions/change_ttl", attempted, {"ttl": after.ttl})

    def _do(self, method: str, path: str, attempted: str, body: Any = None) -> None:
        """Send a change, and wait until it is done."""
        action = self._api.call(method, path, attempted, json=body).json()["action"]
        deadline = self._api.deadline
        while action["status"] == "running":
            deadline.pause(_PAUSE)
            action = self._api.call("GET", f"/actions/{action['id']}", attempted).json()["action"]
        if action["status"] != "success":
            error = action.get("error") or {}
            why = f"{error.get('message', 'the action failed')} ({error.get('code', action['status'])})"
            raise RefusedError(attempted, self.traits.title, why, "Run it again.")
