# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PowerDNS Authoritative Server by its HTTP API: whole RRsets, one transaction a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._core.clock import Deadline
from ..._core.http import Response
from ..model import Key, RRset, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import Api, option
from .base import Listing, collected

_ROOT = "/api/v1/servers/localhost"  # the API knows one server, and calls it so


def connect(options: Mapping[str, Any], deadline: Deadline) -> PowerDns:
    """The server at O(endpoint)."""
    token = option(options, "token")
    return PowerDns(
        Api(
            PROVIDERS["powerdns"],
            option(options, "endpoint").removesuffix("/api/v1").rstrip("/"),
            deadline,
            headers={"X-API-Key": token},
            secrets={"token": token},
            story=_story,
            ca_file=option(options, "ca_file"),
        )
    )


def _story(answer: Response) -> str:
    said = answer.json()
    return "; ".join([said["error"], *said.get("errors", [])])


class PowerDns(Listing):
    """One server."""

    traits = PROVIDERS["powerdns"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def _zones(self) -> dict[str, str]:
        found = self._api.call("GET", f"{_ROOT}/zones", "list the zones").json()
        return {plain_name(zone["name"]): zone["id"] for zone in found}

    def _path(self, zone: str) -> str:
        return f"{_ROOT}/zones/{self.id(zone)}"

    def _read(self, zone: str) -> dict[Key, RRset]:
        found = self._api.call("GET", self._path(zone), f"read the zone {zone}").json()
        return collected(
            (rrset["name"], rrset["type"], record["content"], rrset["ttl"])
            for rrset in found["rrsets"]
            for record in rrset["records"]
            if not record.get("disabled")
        )

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        rrsets = []
        for change in changes:
            name, kind = change.key
            one: dict[str, Any] = {"name": f"{name}.", "type": kind, "changetype": "DELETE"}
            if change.after:
                one["changetype"] = "REPLACE"
                one["ttl"] = change.after.ttl
                one["records"] = [{"content": value, "disabled": False} for value in change.after.values]
            rrsets.append(one)
        self._api.call("PATCH", self._path(zone), f"change the zone {zone}", json={"rrsets": rrsets})

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """DS records of the keys that the registrar shall know; the server makes keys when it is told to sign."""
        path = self._path(zone)
        signed = self._api.call("GET", path, f"read the zone {zone}", query={"rrsets": "false"}).json()["dnssec"]
        if not signed and not enable:
            return []
        if not signed:
            self._api.call("PUT", path, f"sign the zone {zone}", json={"dnssec": True, "api_rectify": True})
        keys = self._api.call("GET", f"{path}/cryptokeys", f"read the keys of {zone}").json()
        return sorted({ds for key in keys if key.get("active") for ds in key.get("ds", [])})
