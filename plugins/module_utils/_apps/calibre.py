# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calibre's content server, 6 to 9.

Its users can only be changed on its own machine. They are in a small database, with passwords in clear: so a password
that is not ours any more is put back there, and the server, which reads it at every login, goes by it at once.
"""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path, PurePosixPath
from typing import Any

from .._core.errors import RefusedError
from .._core.finding import Finding, fail
from .application import Application, Part
from .compare import Change, secret_change

INFO = "/ajax/library-info"


class Calibre(Application):
    """The library of books."""

    alive = "/"

    def parts(self) -> list[Part]:
        """The login first."""
        return [Password(self), Library(self)]

    def ask(self) -> Any:
        """What it says of its libraries; None if it does not take our password."""
        login = f"{self.credentials['username']}:{self.credentials['password']}"
        headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
        attempted = "read what libraries it has"
        answer = self.session.ask("GET", INFO, attempted, headers=headers)
        return None if answer.status == 401 else answer.expect(attempted).json(attempted)


class Password(Part):
    """The administrator's password."""

    name = "password"

    def __init__(self, app: Calibre) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.ask() is not None

    def differ(self, found: bool | None) -> list[Change]:
        return [] if found else [secret_change(self.name, found is not None)]

    def write(self, found: bool) -> None:
        path = Path(self.app.record["config_path"], "users.sqlite")
        name, password = self.app.credentials["username"], self.app.credentials["password"]
        if not path.is_file():
            why = f"its users are not where they are looked for ({path})"
            raise RefusedError(
                "set the password", self.app.service, why, "Restart it: it sets the password when it starts."
            )
        self.app.session.writes += 1
        known = sqlite3.connect(path, timeout=10)
        try:
            with known:
                changed = known.execute("UPDATE users SET pw = ? WHERE name = ?", (password, name)).rowcount
        finally:
            known.close()
        if not changed:
            hint = "Restart it: it adds the user when it starts."
            raise RefusedError("set the password", self.app.service, f"it has no user {name}", hint)


class Library(Part):
    """Whether it shows the library that is planned. It is told at its start, so there is nothing to write."""

    name = "library"

    def __init__(self, app: Calibre) -> None:
        self.app = app

    def read(self) -> Any:
        return self.app.ask()

    def differ(self, found: Any) -> list[Change]:
        return []

    def verify(self, found: Any) -> list[Finding]:
        wanted = PurePosixPath(self.app.settings.get("library", "/data/media/books")).name
        if wanted in found.get("library_map", {}):
            return []
        has = ", ".join(found.get("library_map", {})) or "none"
        text = f"{self.app.service} does not show the library {wanted}, but {has}."
        return [fail("wiring.library", self.app.service, text, "See its command, and the folder's name.")]
