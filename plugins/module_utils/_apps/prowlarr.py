# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prowlarr 2: it keeps the indexers, and gives them to the other *arrs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import InputError
from .application import Part
from .arr import Arr, ArrApplication, Client
from .arr_providers import Found, Leftovers, Provider
from .compare import Change, unknown

CONTRACTS = {"sonarr": "Sonarr", "radarr": "Radarr", "lidarr": "Lidarr", "readarr": "Readarr"}


class Prowlarr(ArrApplication):
    """Prowlarr, by its API version 1."""

    kind = Arr(
        title="Prowlarr",
        api="/api/v1",
        clients={
            "qbittorrent": Client("QBittorrent", "QBittorrentSettings", "category"),
            "nzbget": Client("Nzbget", "NzbgetSettings", "category"),
        },
        configs=("host", "ui", "development", "downloadclient"),
        library=False,
    )

    def providers(self) -> list[Provider]:
        """Its applications and indexers too."""
        found = [part for part in super().providers() if part.path != "/indexer"]
        found += [application(self, peer) for peer in self.connections("application") if peer["app"] in CONTRACTS]
        indexers = self.settings.get("indexers", {}).items()
        return found + [Indexer.of_settings(self, "/indexer", "indexer", title, wanted) for title, wanted in indexers]

    def leftovers(self, providers: list[Provider]) -> list[Part]:
        """Of applications and indexers too."""
        kinds = (("/applications", "application"), ("/indexer", "indexer"))
        return [*super().leftovers(providers), *(Leftovers(self, path, label, providers) for path, label in kinds)]

    def parts(self) -> list[Part]:
        """The sync last: it gives the indexers to the applications once both are as wanted."""
        return [*super().parts(), Sync(self)]


def application(app: Prowlarr, peer: Mapping[str, Any]) -> Provider:
    """One *arr that gets the indexers. It asks them through us, so it has to know where we are."""
    name = CONTRACTS[peer["app"]]
    fields = {
        "prowlarrUrl": f"http://{peer['back_host']}:{peer['back_port']}",
        "baseUrl": f"http://{peer['host']}:{peer['port']}",
        "apiKey": peer["api_key"],
    }
    top = {"syncLevel": "fullSync", **app.settings.get("application", {})}
    return Provider(app, "/applications", "application", peer["title"], name, f"{name}Settings", top, fields, True)


class Indexer(Provider):
    """An indexer of the user's. Its profile is given by name; the first one is taken if none is."""

    def read(self) -> Found:
        found = super().read()
        if found.whole and "appProfile" in self.top:
            names = {number: name for name, number in self._profiles().items()}
            found.whole = {**found.whole, "appProfile": names.get(found.whole.get("appProfileId"))}
        return found

    def _body(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        body = super()._body(whole)
        wish = body.pop("appProfile", None)
        if wish is not None or not body.get("appProfileId"):
            known = self._profiles()
            for strange, near in unknown([wish] if wish else [], known).items():
                hint = f"Did you mean {near}?" if near else f"It has: {', '.join(known)}."
                raise InputError(f"set up the {self.name}", self.app.service, f"it has no profile {strange}", hint)
            body["appProfileId"] = known[wish] if wish else next(iter(known.values()), 1)
        if body.get("protocol") == "usenet":
            body["redirect"] = True  # it refuses one that would hand files through itself
        return body

    def _profiles(self) -> dict[str, int]:
        listed = self.app.get("/appprofile", "read the profiles")
        return {item["name"]: item["id"] for item in listed}


class Sync(Part):
    """Has the indexers given to the applications, once something was written.

    A run that is killed before it leaves that to Prowlarr, which does so by itself every few hours.
    """

    name = "sync"
    done = False

    def __init__(self, app: Prowlarr) -> None:
        self.app = app

    def read(self) -> bool:
        return self.done or not self.app.session.writes

    def differ(self, found: bool | None) -> list[Change]:
        return [Change("indexers", None, "given to the applications")] if found is False else []

    def write(self, found: bool) -> None:
        body = {"name": "ApplicationIndexerSync"}
        self.app.send("POST", "/command", "give the indexers to the applications", body)
        self.done = True
