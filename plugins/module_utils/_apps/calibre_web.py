# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""calibre-web 0.6: the page on which books are read.

It has no API for its administrator, so its pages are used as a browser does: a login, and forms with a token each. A
form is read, what differs is changed in it, and the whole is sent back.
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from .._core.errors import RefusedError
from .application import Application, Part, Settings
from .compare import Change, secret_change

# Our name of a group of settings: the page that shows its form, and where the form is sent.
PAGES = {
    "database": ("/admin/dbconfig", "/admin/ajaxdbconfig"),
    "config": ("/admin/config", "/admin/ajaxconfig"),
}


class CalibreWeb(Application):
    """The reading page."""

    alive = "/login"
    outdated = False  # whether the password that let us in is the one from before the rotation

    def login(self) -> None:
        """Log in as a browser does, with our password or the one before it."""
        attempted = "log in"
        for password in self.passwords():
            form = self.form("/login", attempted)
            form |= {"username": self.credentials["username"], "password": password}
            answer = self.session.ask("POST", "/login", attempted, form=form)
            if answer.status == 429:
                why = "it has had too many logins in a short time"
                raise RefusedError(attempted, self.service, why, "Wait a minute, then run again.", status=429)
            if answer.status == 302 and "/login" not in answer.headers.get("location", ""):
                self.outdated = password != self.credentials["password"]
                return
        hint = f"Restart it: it sets the planned password when it starts (docker restart {self.service})."
        raise RefusedError(attempted, self.service, "it does not take the password that we set", hint)

    def parts(self) -> list[Part]:
        """One for each form."""
        return [Password(self), *(Page(self, name, self.settings[name]) for name in PAGES if self.settings.get(name))]

    def form(self, path: str, attempted: str) -> dict[str, Any]:
        """The fields of the page's form, as a browser would send them."""
        parser = Form()
        parser.feed(self.session.ask("GET", path, attempted).expect(attempted).text)
        if "csrf_token" not in parser.fields:
            raise RefusedError(attempted, self.service, f"its page {path} has no form", "Is this version supported?")
        return parser.fields


class Password(Part):
    """A rotated password: it is set at the start of the container, so all there is to do is to say so."""

    name = "password"

    def __init__(self, app: CalibreWeb) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.outdated

    def differ(self, found: bool | None) -> list[Change]:
        return [secret_change(self.name, True)] if found else []

    def write(self, found: bool) -> None:
        hint = f"Bring it up again (role {self.app.service}): it sets the password when it starts."
        raise RefusedError("set the password", self.app.service, "it still has the one from before the rotation", hint)


class Page(Settings):
    """The settings of one page."""

    def __init__(self, app: CalibreWeb, name: str, wanted: Mapping[str, Any]) -> None:
        super().__init__(app.service, name, wanted)
        self.app = app
        self.shown, self.sent = PAGES[name]

    def read(self) -> dict[str, Any]:
        return self.app.form(self.shown, f"read its {self.name} settings")

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        # A box that is not ticked is not in a form at all.
        boxes = {key: False for key, value in self.wanted.items() if isinstance(value, bool)}
        return super().differ(found if found is None else {**boxes, **found})

    def write(self, found: Mapping[str, Any]) -> None:
        form = {**found, **{key: "on" if value is True else value for key, value in self.wanted.items()}}
        form = {key: value for key, value in form.items() if value is not False}
        attempted = f"write its {self.name} settings"
        headers = {"Referer": f"{self.app.session.client.base}{self.shown}", "X-CSRFToken": str(found["csrf_token"])}
        answer = self.app.session.write("POST", self.sent, attempted, form=form, headers=headers)
        answer.expect(attempted, 200, 302)


class Form(HTMLParser):
    """Collects the fields of the forms of a page: name and value, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in found or self._select not in self.fields):
            self.fields[self._select] = found.get("value") or ""
        elif tag == "textarea":
            self._area = name
            self.fields[name] = ""
        elif tag == "input" and name and found.get("type") not in ("submit", "button", "file"):
            if found.get("type") not in ("checkbox", "radio"):
                self.fields[name] = found.get("value") or ""
            elif "checked" in found:
                self.fields[name] = found.get("value") or True if found["type"] == "radio" else True

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = ""
