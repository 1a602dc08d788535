# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for Plex Media Server, and for the one thing of plex.tv that the wiring needs.

It belongs to nobody at first and lets anyone in, as Plex does from its own network. A claim token is minted by the part
of plex.tv for the account's token (STANDIN_TOKEN, lab-account-token), works once and for four minutes; after that, only
the account's token is let in. Two libraries may have one name. Environment, besides that of `common`: STANDIN_TOKEN,
STANDIN_MAINTENANCE (seconds for which a started server answers 503).
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time

from common import Handler, Refused, Store, drops, serve

NAME = "Plex (stand-in)"
PREFERENCES = {
    "FriendlyName": ("text", ""),
    "customConnections": ("text", ""),
    "sendCrashReports": ("bool", True),
    "ScannerLowPriority": ("bool", False),
    "autoEmptyTrash": ("bool", True),
    "LanNetworksBandwidth": ("text", ""),
    "TranscoderQuality": ("int", 0),
    "TranscoderTempDirectory": ("text", ""),
    "allowedNetworks": ("text", ""),
}
CLAIM_SECONDS = 240


class Plex:
    """The server."""

    def __init__(self, folder):
        first = {"claimed": False, "sections": [], "prefs": {key: value for key, (_kind, value) in PREFERENCES.items()}}
        self.store = Store(folder, first)
        self.token = os.environ.get("STANDIN_TOKEN", "lab-account-token")
        self.claims, self.drops = {}, drops()
        self.open_at = time.monotonic() + float(os.environ.get("STANDIN_MAINTENANCE", "0"))

    def mint(self):
        claim = f"claim-{secrets.token_hex(10)}"
        self.claims[claim] = time.monotonic() + CLAIM_SECONDS
        return {"token": claim}

    def claim(self, token):
        if self.claims.pop(token, 0) < time.monotonic():
            raise Refused(422, None)
        self.store.data["claimed"] = True

    def section(self, query, old=None):
        """A library from what a query says."""
        word = {key: values[0] for key, values in query.items()}
        kind = word.get("type") or (old or {}).get("type")
        if kind not in ("movie", "show", "artist", "photo"):
            raise Refused(400, None)
        if old is None and not all(word.get(key) for key in ("name", "agent", "scanner", "language", "location")):
            raise Refused(400, None)
        if old is not None and not word.get("agent"):
            raise Refused(400, None)
        base = old or {"key": str(self.store.number()), "uuid": secrets.token_hex(8)}
        places = query.get("location") or [item["path"] for item in (old or {}).get("Location", [])]
        return {
            **base,
            "title": word.get("name", base.get("title")),
            "type": kind,
            **{key: word.get(key, base.get(key)) for key in ("agent", "scanner", "language")},
            "Location": [{"id": number, "path": path} for number, path in enumerate(places, 1)],
        }

    def set_preferences(self, query):
        for key, values in query.items():
            if key not in PREFERENCES:
                raise Refused(400, None)
            if key not in self.drops:
                kind = PREFERENCES[key][0]
                value = {"bool": lambda text: text in ("1", "true"), "int": int}.get(kind, str)(values[0])
                self.store.data["prefs"][key] = value


class PlexHandler(Handler):
    """Who may ask what."""

    def route(self, path, query):
        app, data = self.app, self.app.store.data
        token = self.headers.get("X-Plex-Token") or query.pop("X-Plex-Token", [""])[0]
        if path == "/api/claim/token.json":  # this is plex.tv
            if token != app.token:
                raise Refused(401, {"errors": [{"code": 1001, "message": "User could not be authenticated"}]})
            return self.reply(200, app.mint())
        if time.monotonic() < app.open_at:
            raise Refused(503, "<h1>Maintenance</h1>")
        if path == "/identity":
            claimed = {"size": 0, "claimed": data["claimed"], "machineIdentifier": "0" * 40, "version": "1.43.2.0-lab"}
            return self.container(claimed)
        if path == "/web/index.html" or path == "/":
            return self.page("<p>This stands in for Plex in the lab. It speaks its API only.", NAME)
        if data["claimed"] and token != app.token:
            raise Refused(401, "<html><head><title>Unauthorized</title></head></html>")
        with app.store.lock:
            self.inside(path, query)

    def inside(self, path, query):
        app, data = self.app, self.app.store.data
        asked = f"{self.command} {path}"
        number = re.fullmatch(r"/library/sections/(\d+)(/refresh)?", path)
        if asked == "POST /myplex/claim":
            app.claim(query.get("token", [""])[0])
            body = {}
        elif asked == "GET /:/prefs":
            body = {"Setting": [
                {"id": key, "type": PREFERENCES[key][0], "value": value} for key, value in data["prefs"].items()
            ]}  # fmt: skip
        elif asked == "PUT /:/prefs":
            app.set_preferences(query)
            body = {}
        elif asked == "GET /library/sections":
            body = {"size": len(data["sections"]), "Directory": data["sections"]}
        elif asked == "POST /library/sections":
            data["sections"].append(app.section(query))
            body = {"Directory": data["sections"][-1:]}
        elif number:
            old = next((item for item in data["sections"] if item["key"] == number[1]), None)
            if old is None:
                raise Refused(404, None)
            if self.command == "PUT" and not number[2]:
                data["sections"][data["sections"].index(old)] = app.section(query, old)
            elif self.command == "DELETE" and not number[2]:
                data["sections"].remove(old)
            elif not number[2]:
                raise Refused(405, None)
            body = {}
        else:
            raise Refused(404, None)
        if self.command != "GET":
            app.store.save()
        self.container(body)

    def container(self, body):
        self.reply(200, {"MediaContainer": body})


if __name__ == "__main__":
    sys.exit(serve(PlexHandler, NAME, 32400, Plex))
