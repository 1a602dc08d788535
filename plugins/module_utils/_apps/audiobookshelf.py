# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Audiobookshelf 2.3x.

A new server belongs to whoever comes first, so its first user is made before anything else. Logins are limited (40 in
ten minutes), so a run logs in once. Libraries may share a name, so they are looked up before one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import RefusedError
from .._core.finding import Finding, fail
from .._core.http import Response
from .application import Application, Part, Settings
from .compare import Change, differences, same, secret_change

SECRETS = ("authOpenIDClientSecret",)


class Audiobookshelf(Application):
    """The server of audiobooks and podcasts."""

    alive = "/status"
    initialised = True  # whether it had its first user when we came
    outdated = False  # whether the password that let us in is the one from before the rotation
    server: Mapping[str, Any] | None = None  # its settings, which it tells at a login

    def login(self) -> None:
        """Log in; a server without a first user is left for `FirstUser`."""
        attempted = "read its status"
        self.initialised = self.session.ask("GET", "/status", attempted).expect(attempted).json(attempted)["isInit"]
        if self.initialised:
            self.let_in()

    def let_in(self) -> None:
        """Log in with our password, or with the one before it."""
        attempted = "log in"
        for password in self.passwords():
            body = {"username": self.credentials["username"], "password": password}
            answer = self.session.ask("POST", "/login", attempted, json=body, headers={"x-return-tokens": "true"})
            if answer.status == 429:
                why = "it has had too many logins in a short time"
                raise RefusedError(attempted, self.service, why, "Wait ten minutes, then run again.", status=429)
            if answer.status == 401:
                continue
            told = answer.expect(attempted).json(attempted)
            user = told["user"]
            self.session.client.headers["Authorization"] = f"Bearer {user.get('accessToken') or user['token']}"
            self.server, self.outdated = told["serverSettings"], password != self.credentials["password"]
            if not self.outdated:
                self.ledger.gave(f"{self.service}.password", password)
            return
        hint = (
            "If you set it up by hand, set the planned password there (docs: troubleshooting), or move its config away."
        )
        raise RefusedError(attempted, self.service, "it does not take the password that we set", hint)

    def parts(self) -> list[Part]:
        """The first user, before anyone else becomes it."""
        wanted = self.settings
        parts: list[Part] = [FirstUser(self), Password(self)]
        if wanted.get("server"):
            parts.append(Server(self, wanted["server"]))
        if wanted.get("auth"):
            parts.append(Auth(self, wanted["auth"]))
        return [*parts, Libraries(self, wanted.get("libraries", {}))]

    def get(self, path: str, attempted: str) -> Any:
        """Read something."""
        return self.session.ask("GET", path, attempted).expect(attempted).json(attempted)

    def send(self, method: str, path: str, attempted: str, body: Any = None) -> Response:
        """Write something."""
        answer = self.session.write(method, path, attempted, json=body)
        return answer.expect(attempted, why=answer.text.strip()[:200] if answer.status < 500 else "")


class FirstUser(Part):
    """The administrator of a new server."""

    name = "first user"

    def __init__(self, app: Audiobookshelf) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.initialised

    def differ(self, found: bool | None) -> list[Change]:
        if found:
            return []
        return [
            Change(f"{self.name}: username", None, self.app.credentials["username"]),
            secret_change("password", False),
        ]

    def write(self, found: bool) -> None:
        user = {key: self.app.credentials[key] for key in ("username", "password")}
        self.app.send("POST", "/init", "make the first user", {"newRoot": user})
        self.app.initialised = True
        self.app.let_in()


class Password(Part):
    """The administrator's password, after a rotation."""

    name = "password"

    def __init__(self, app: Audiobookshelf) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.outdated

    def differ(self, found: bool | None) -> list[Change]:
        return [secret_change(self.name, True)] if found else []

    def write(self, found: bool) -> None:
        old, new = self.app.credentials["password_previous"], self.app.credentials["password"]
        self.app.send("PATCH", "/api/me/password", "set the password", {"password": old, "newPassword": new})
        self.app.let_in()


class Server(Settings):
    """The server's own settings: told at a login, and after a write."""

    def __init__(self, app: Audiobookshelf, wanted: Mapping[str, Any]) -> None:
        super().__init__(app.service, "server", wanted)
        self.app = app

    def read(self) -> Mapping[str, Any] | None:
        return self.app.server

    def write(self, found: Mapping[str, Any]) -> None:
        attempted = "write the server's settings"
        changed = {key: value for key, value in self.wanted.items() if key in found and not same(value, found[key])}
        self.app.server = self.app.send("PATCH", "/api/settings", attempted, changed).json(attempted)["serverSettings"]


class Auth(Settings):
    """How people log in: by password, by OpenID Connect."""

    def __init__(self, app: Audiobookshelf, wanted: Mapping[str, Any]) -> None:
        super().__init__(app.service, "auth", wanted)
        self.app = app

    def read(self) -> dict[str, Any] | None:
        if not self.app.initialised:
            return None  # in check mode there is no first user to ask as
        return self.app.get("/api/auth-settings", "read how people log in")

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        return [
            secret_change(change.setting, bool(change.before)) if change.setting.endswith(SECRETS) else change
            for change in super().differ(found)
        ]

    def write(self, found: Mapping[str, Any]) -> None:
        changed = {key: value for key, value in self.wanted.items() if key in found and not same(value, found[key])}
        self.app.send("PATCH", "/api/auth-settings", "write how people log in", changed)


class Libraries(Part):
    """Libraries by name."""

    name = "library"

    def __init__(self, app: Audiobookshelf, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        self.app, self.wanted = app, wanted

    def read(self) -> list[dict[str, Any]] | None:
        if not self.app.initialised:
            return None  # in check mode there is no first user to ask as
        return self.app.get("/api/libraries", "read the libraries")["libraries"]

    def differ(self, found: list[dict[str, Any]] | None) -> list[Change]:
        changes = []
        for title, wish in self.wanted.items():
            old = next(iter(self._named(title, found)), None)
            changes += differences(f"{self.name} {title}", wish, None if old is None else _flat(old))
        return changes + [Change(f"{self.name} {item['name']}", "present", None) for item in self._surplus(found)]

    def write(self, found: list[dict[str, Any]]) -> None:
        for title, wish in self.wanted.items():
            old = next(iter(self._named(title, found)), None)
            if old is None:
                self.app.send("POST", "/api/libraries", f"add the library {title}", {"name": title, **_sent(wish, {})})
            elif differences("", wish, _flat(old)):
                self.app.send("PATCH", f"/api/libraries/{old['id']}", f"write the library {title}", _sent(wish, old))
        for item in self._surplus(found):
            self.app.send("DELETE", f"/api/libraries/{item['id']}", f"remove the library {item['name']}")

    def verify(self, found: list[dict[str, Any]] | None) -> list[Finding]:
        return [
            fail(
                "wiring.library",
                self.app.service,
                f"{self.app.service} has {len(self._named(title, found))} libraries {title}.",
                "Remove those that you do not want, in its web page.",
            )
            for title in self.wanted
            if len(self._named(title, found)) > 1
        ]

    def _named(self, title: str, found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        return [item for item in found or () if item["name"].lower() == title.lower()]

    def _surplus(self, found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        wanted = {title.lower() for title in self.wanted}
        return [
            item for item in found or () if self.app.settings.get("exclusive") and item["name"].lower() not in wanted
        ]


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """A library as a user would have written it."""
    return {**item, "paths": [folder["fullPath"] for folder in item.get("folders", ())]}


def _sent(wish: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A wish as the API has it. A folder that stays keeps its id, or its books would be taken for new."""
    body = {key: value for key, value in wish.items() if key != "paths"}
    if "paths" in wish:
        known = {folder["fullPath"]: folder for folder in old.get("folders", ())}
        body["folders"] = [known.get(path, {"fullPath": path}) for path in wish["paths"]]
    if "settings" in wish:
        body["settings"] = {**old.get("settings", {}), **wish["settings"]}
    return body
