# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""qBittorrent 4.5 to 5.2, by its Web API version 2.

Its password is never shown, and five wrong logins ban an address: so a run logs in once, and tries the password from
before the last rotation only where that may be the one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._core.errors import RefusedError
from .._core.secret import MASK
from .application import Application, Part, Settings
from .compare import Change, differences, secret_change

API = "/api/v2"


class QBittorrent(Application):
    """The torrent client."""

    alive = f"{API}/app/version"
    outdated = False  # whether the password that let us in is the one from before the rotation

    def login(self) -> None:
        """Log in with our password, or with the one before it."""
        current = self.credentials["password"]
        for password in self.passwords():
            if self._let_in(password):
                self.outdated = password != current
                if not self.outdated:
                    self.ledger.gave(f"{self.service}.password", current)
                return
        raise RefusedError(
            "log in",
            self.service,
            "it does not take the password that we set",
            "Set the planned one in its web page, or stop it and take WebUI\\Password_PBKDF2 out of qBittorrent.conf, "
            "start it and set the planned one with the temporary password in its log.",
        )

    def parts(self) -> list[Part]:
        """The password first, so that a killed run leaves as little time as possible with two."""
        preferences = self.settings.get("preferences", {})
        root = str(preferences.get("save_path", "/data/torrents")).rstrip("/")
        categories = {item["category"]: f"{root}/{item['category']}" for item in self.connections("category")}
        return [Password(self), Preferences(self, preferences), Categories(self, categories)]

    def get(self, path: str, attempted: str) -> Any:
        """Read something."""
        return self.session.ask("GET", API + path, attempted).expect(attempted).json(attempted)

    def post(self, path: str, attempted: str, form: Mapping[str, str]) -> None:
        """Write something."""
        answer = self.session.write("POST", API + path, attempted, form=form)
        answer.expect(attempted, why=answer.text.strip()[:200])

    def _let_in(self, password: str) -> bool:
        form = {"username": self.credentials["username"], "password": password}
        answer = self.session.ask("POST", f"{API}/auth/login", "log in", form=form)
        if answer.status == 403:
            raise RefusedError(
                "log in",
                self.service,
                "it has banned this host's address after too many wrong passwords",
                "Wait for the ban to end (an hour, as planned), or restart it. Then see who has the wrong password.",
                status=403,
            )
        if answer.status == 401:
            return False
        # Up to 5.1 the body tells; from 5.2 on there is none.
        return answer.expect("log in", 200, 204).status == 204 or answer.text.strip() == "Ok."


class Password(Part):
    """The login of its web page."""

    name = "password"

    def __init__(self, app: QBittorrent) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.outdated

    def differ(self, found: bool | None) -> list[Change]:
        return [secret_change(self.name, True)] if found else []

    def write(self, found: bool) -> None:
        current = self.app.credentials["password"]
        self.app.post("/app/setPreferences", "set the password", {"json": json.dumps({"web_ui_password": current})})
        self.app.ledger.gave(f"{self.app.service}.password", current)
        self.app.session.client.cookies.clear()
        self.app.login()


class Preferences(Settings):
    """Its preferences."""

    def __init__(self, app: QBittorrent, wanted: Mapping[str, Any]) -> None:
        super().__init__(app.service, "preferences", wanted)
        self.app = app

    def read(self) -> dict[str, Any]:
        return self.app.get("/app/preferences", "read the preferences")

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        changes = super().differ(found)
        # Other programs' passwords are among the preferences, and are shown in clear.
        return [
            Change(change.setting, MASK if change.before else change.before, MASK if change.after else change.after)
            if change.setting.endswith("password")
            else change
            for change in changes
        ]

    def write(self, found: Mapping[str, Any]) -> None:
        changed = {key: value for key, value in self.wanted.items() if differences("", {key: value}, found)}
        self.app.post("/app/setPreferences", "set the preferences", {"json": json.dumps(changed)})


class Categories(Part):
    """One category for each application that sends torrents here, with a folder of its own."""

    name = "category"

    def __init__(self, app: QBittorrent, wanted: Mapping[str, str]) -> None:
        self.app, self.wanted = app, wanted

    def read(self) -> dict[str, str]:
        listed = self.app.get("/torrents/categories", "read the categories")
        return {name: item.get("savePath", "") for name, item in listed.items()}

    def differ(self, found: Mapping[str, str] | None) -> list[Change]:
        return [
            change
            for name, path in self.wanted.items()
            for change in differences(
                f"{self.name} {name}", {"path": path}, {"path": found[name]} if found and name in found else None
            )
        ]

    def write(self, found: Mapping[str, str]) -> None:
        for name, path in self.wanted.items():
            action = "editCategory" if name in found else "createCategory"
            if name not in found or differences("", {"path": path}, {"path": found[name]}):
                self.app.post(f"/torrents/{action}", f"set the category {name}", {"category": name, "savePath": path})
