# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for Audiobookshelf: first user, logins, settings and libraries, with what bites.

The first user is made once (a second try: 500). 40 logins in ten minutes, then 429. Two libraries may share a name, and
a folder that is missing is made, so that a typing error goes unnoticed. Environment, besides that of `common`:
STANDIN_LOGINS.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import sys
import time

from common import Handler, Refused, Store, drops, serve

NAME = "Audiobookshelf (stand-in)"
LOGINS, WINDOW = int(os.environ.get("STANDIN_LOGINS", "40")), 600
SERVER = {
    "id": "server-settings", "scannerFindCovers": False, "scannerParseSubtitle": False, "storeCoverWithItem": False,
    "storeMetadataWithItem": False, "metadataFileFormat": "json", "backupSchedule": False, "backupsToKeep": 2,
    "maxBackupSize": 1, "chromecastEnabled": False, "dateFormat": "MM/dd/yyyy", "timeFormat": "HH:mm",
    "language": "en-us", "logLevel": 1, "version": "2.36.0",
}  # fmt: skip
AUTH = {
    "authActiveAuthMethods": ["local"], "authOpenIDIssuerURL": None, "authOpenIDAuthorizationURL": None,
    "authOpenIDTokenURL": None, "authOpenIDUserInfoURL": None, "authOpenIDJwksURL": None, "authOpenIDLogoutURL": None,
    "authOpenIDClientID": None, "authOpenIDClientSecret": None, "authOpenIDTokenSigningAlgorithm": "RS256",
    "authOpenIDButtonText": "Login with OpenId", "authOpenIDAutoLaunch": False, "authOpenIDAutoRegister": False,
    "authOpenIDMatchExistingBy": None, "authOpenIDMobileRedirectURIs": ["audiobookshelf://oauth"],
    "authOpenIDGroupClaim": "", "authOpenIDAdvancedPermsClaim": "",
}  # fmt: skip


class Audiobookshelf:
    """The server."""

    def __init__(self, folder):
        first = {"users": [], "server": dict(SERVER), "auth": dict(AUTH), "libraries": []}
        self.store = Store(folder, first)
        self.tokens, self.logins, self.drops = {}, [], drops()

    @staticmethod
    def hashed(password, salt):
        return hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), 1000).hex()

    def init(self, body):
        if self.store.data["users"]:
            raise Refused(500, "Server already initialised")
        self.set_password({"username": body["newRoot"]["username"]}, body["newRoot"]["password"])

    def set_password(self, user, password):
        salt = secrets.token_hex(8)
        user.update(salt=salt, hash=self.hashed(password, salt))
        if user not in self.store.data["users"]:
            self.store.data["users"].append(user)

    def login(self, body):
        now = time.monotonic()
        self.logins = [moment for moment in self.logins if now - moment < WINDOW] + [now]
        if len(self.logins) > LOGINS:
            raise Refused(429, "Too many authentication requests")
        user = next((user for user in self.store.data["users"] if user["username"] == body.get("username")), None)
        if not user or self.hashed(body.get("password", ""), user["salt"]) != user["hash"]:
            raise Refused(401, "Unauthorized")
        token = secrets.token_hex(16)
        self.tokens[token] = user
        shown = {"id": user["username"], "username": user["username"], "type": "root", "accessToken": token}
        return {"user": shown, "serverSettings": self.store.data["server"], "userDefaultLibraryId": None}

    def change_password(self, user, body):
        if self.hashed(body.get("password", ""), user["salt"]) != user["hash"]:
            raise Refused(400, "Invalid password")
        self.set_password(user, body["newPassword"])

    def patch(self, which, body):
        known = self.store.data[which]
        changed = {key: value for key, value in body.items() if key in known and f"{which}.{key}" not in self.drops}
        updated = any(known[key] != value for key, value in changed.items())
        known.update(changed)
        return {"updated": updated, "serverSettings": self.store.data["server"]}

    def library(self, body, old=None):
        if old is None and not (body.get("name") and body.get("folders")):
            raise Refused(400, "Invalid request")
        base = old or {
            "id": secrets.token_hex(8),
            "displayOrder": len(self.store.data["libraries"]) + 1,
            "icon": "database",
            "mediaType": "book",
            "provider": "google",
            "settings": {"coverAspectRatio": 1, "disableWatcher": False, "autoScanCronExpression": None},
        }
        new = {**base, **{key: value for key, value in body.items() if key != "mediaType" or old is None}}
        new["settings"] = {**base["settings"], **body.get("settings", {})}
        for folder in new["folders"]:
            folder.setdefault("id", secrets.token_hex(8))
            os.makedirs(folder["fullPath"], exist_ok=True)
        return new


class AudiobookshelfHandler(Handler):
    """Who may ask what."""

    def route(self, path, query):
        app, data = self.app, self.app.store.data
        asked = f"{self.command} {path}"
        if asked == "GET /healthcheck":
            return self.reply(200, "OK")
        if asked == "GET /ping":
            return self.reply(200, {"success": True})
        if asked == "GET /status":
            methods = data["auth"]["authActiveAuthMethods"]
            return self.reply(200, {"app": "audiobookshelf", "isInit": bool(data["users"]), "authMethods": methods})
        with app.store.lock:
            if asked == "POST /init":
                app.init(self.json())
                app.store.save()
                return self.reply(200)
            if asked == "POST /login":
                return self.reply(200, app.login(self.json()))
            if not path.startswith("/api/"):
                return self.page("<p>This stands in for Audiobookshelf in the lab. It speaks its API only.", NAME)
            user = app.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            if user is None:
                raise Refused(401, "Unauthorized")
            result = self.inside(asked, path, user)
            if self.command != "GET":
                app.store.save()
        self.reply(200, result)

    def inside(self, asked, path, user):
        app, data = self.app, self.app.store.data
        if asked == "PATCH /api/me/password":
            app.change_password(user, self.json())
            return {"success": True}
        if asked == "PATCH /api/settings":
            return app.patch("server", self.json())
        if asked == "GET /api/auth-settings":
            return data["auth"]
        if asked == "PATCH /api/auth-settings":
            return app.patch("auth", self.json())
        if asked == "GET /api/libraries":
            return {"libraries": data["libraries"]}
        if asked == "POST /api/libraries":
            data["libraries"].append(app.library(self.json()))
            return data["libraries"][-1]
        number = re.fullmatch(r"/api/libraries/(\w+)", path)
        old = next((item for item in data["libraries"] if number and item["id"] == number[1]), None)
        if old is None:
            raise Refused(404, "Not found")
        if self.command == "PATCH":
            new = app.library(self.json(), old)
            data["libraries"][data["libraries"].index(old)] = new
            return new
        if self.command == "DELETE":
            data["libraries"].remove(old)
        return json.loads(json.dumps(old))


if __name__ == "__main__":
    sys.exit(serve(AudiobookshelfHandler, NAME, os.environ.get("PORT", 80), Audiobookshelf))
