# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NZBGet 21 to 26, by its JSON-RPC.

Its options are saved as a whole, what is left out is lost, and they work only after a reload. So they are read from the
file, merged, saved, reloaded, and compared with the file and with what the running program goes by.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from .._core.clock import Deadline
from .._core.errors import DeadlineError, RefusedError, UnreachableError
from .._core.finding import Finding
from .application import Application, Part, unknown_settings
from .compare import Change, same, secret_change, unknown
from .session import PAUSE

CATEGORY = re.compile(r"Category(\d+)\.Name", re.IGNORECASE)
RELOAD = 30.0  # seconds a reload may take
NUMBERED = re.compile(r"(Server|Feed|Task|Category)(\d+)\.(\w+)")
# What its own nzbget.conf has of each, in versions 21 to 26.
GROUPS = {
    "Server": (
        "Active", "Name", "Level", "Optional", "Group", "Host", "Port", "Username", "Password", "JoinGroup",
        "Encryption", "Cipher", "Connections", "Retention", "CertVerification", "IpVersion", "Notes",
    ),
    "Feed": ("Name", "URL", "Filter", "Interval", "Backlog", "PauseNzb", "Category", "Priority", "Extensions"),
    "Task": ("Time", "WeekDays", "Command", "Param"),
    "Category": ("Name", "DestDir", "Unpack", "Extensions", "Aliases"),
}  # fmt: skip


class NZBGet(Application):
    """The Usenet client."""

    alive = "/jsonrpc/version"
    outdated = False  # whether the password that let us in is the one from before the rotation

    def login(self) -> None:
        """Find the password that it goes by."""
        for password in self.passwords():
            if self.let_in(password):
                return
        raise RefusedError(
            "log in",
            self.service,
            "it does not take the password that we set",
            "Set ControlPassword in its nzbget.conf to the planned one and restart it.",
            status=401,
        )

    def parts(self) -> list[Part]:
        """All of it is one list of options."""
        return [Options(self)]

    def call(self, method: str, attempted: str, *params: Any, write: bool = False) -> Any:
        """Call a method."""
        send = self.session.write if write else self.session.ask
        answer = send("POST", "/jsonrpc", attempted, json={"method": method, "params": params})
        body = answer.expect(attempted).json(attempted)
        if body.get("error"):
            raise RefusedError(attempted, answer.target, str(body["error"].get("message") or "it does not say why"))
        return body.get("result")

    def options(self, method: str, attempted: str) -> dict[str, str]:
        """The options that `method` lists, in their order."""
        return {item["Name"]: item["Value"] for item in self.call(method, attempted)}

    def let_in(self, password: str) -> bool:
        """Whether it takes `password`; if so, it is used from now on."""
        token = base64.b64encode(f"{self.credentials['username']}:{password}".encode()).decode()
        self.session.client.headers["Authorization"] = f"Basic {token}"
        answer = self.session.ask("GET", self.alive, "log in")
        if answer.status in (401, 403):
            return False
        answer.expect("log in")
        self.outdated = password != self.credentials["password"]
        if not self.outdated:
            self.ledger.gave(f"{self.service}.password", password)
        return True


@dataclass
class Found:
    """The options in the file, and those that the running program goes by. Their names may differ in case."""

    file: dict[str, str]
    running: dict[str, str]

    def __post_init__(self) -> None:
        self.stored = {name.lower(): value for name, value in self.file.items()}
        self.used = {name.lower(): value for name, value in self.running.items()}


class Options(Part):
    """Its options: those that are wanted, the login, and a category for each application that sends downloads here."""

    name = "options"

    def __init__(self, app: NZBGet) -> None:
        self.app = app
        self.wanted = {key: _text(value) for key, value in app.settings.get("options", {}).items()}
        root = self.wanted.get("DestDir", "${DestDir}").rstrip("/")
        self.categories = {item["category"]: f"{root}/{item['category']}" for item in app.connections("category")}

    def read(self) -> Found:
        return Found(
            self.app.options("loadconfig", "read the options in its file"),
            self.app.options("config", "read the options that it goes by"),
        )

    def differ(self, found: Found | None) -> list[Change]:
        changes = []
        for key, (name, value) in self._wanted(found).items():
            before = found and self._before(found, key, value)
            if found is None or before is not None:
                changes.append(_change(name, before or None, value))
        return changes

    def write(self, found: Found) -> None:
        names = {name.lower(): name for name in found.file}
        whole = found.file | {
            names.get(key.lower(), key): value for key, (_unused, value) in self._wanted(found).items()
        }
        # A killed run may have saved them already, and only not reloaded.
        if whole != found.file:
            options = [{"Name": name, "Value": value} for name, value in whole.items()]
            if not self.app.call("saveconfig", "save the options", options, write=True):
                why = "it could not write its file"
                raise RefusedError("save the options", self.app.service, why, "See whether its disk is full.")
        self.app.call("reload", "make the options take effect", write=True)
        self._settle()

    def verify(self, found: Found) -> list[Finding]:
        strange = [key for key in self.wanted if not self._known(found, key)]
        groups = {(match[1], match[2]) for key in strange if (match := NUMBERED.fullmatch(key))}
        known = [f"{kind}{number}.{word}" for kind, number in groups for word in GROUPS[kind]]
        return unknown_settings(self.app.service, self.name, unknown(strange, [*found.file, *found.running, *known]))

    def _wanted(self, found: Found | None) -> dict[str, tuple[str, str]]:
        """Each option that has to be as we say, with what it is called and its value. None: all that may be."""
        wanted = {
            key: (f"{self.name}: {key}", value)
            for key, value in self.wanted.items()
            if found is None or self._known(found, key)
        }
        for key, name in (("ControlUsername", "username"), ("ControlPassword", "password")):
            wanted[key] = (f"{self.name}: {key}", self.app.credentials[name])
        taken = {}
        for key, value in found.file.items() if found else ():
            if match := CATEGORY.fullmatch(key):
                taken[value.lower()] = int(match[1])
        for name, path in self.categories.items():
            number = taken.setdefault(name.lower(), max(taken.values(), default=0) + 1)
            wanted[f"Category{number}.Name"] = (f"category {name}: name", name)
            wanted[f"Category{number}.DestDir"] = (f"category {name}: path", path)
        return wanted

    def _before(self, found: Found, key: str, value: str) -> str | None:
        """What option `key` is now, if that is not `value` both in the file and in the running program; '' is unset."""
        stored, used = found.stored.get(key.lower()), found.used.get(key.lower())
        if not same(value, stored):
            return stored or ""
        if key == "ControlPassword":
            return "outdated" if self.app.outdated else None
        # An option that refers to others is shown filled in; one that is not told of is known not to work only here.
        comparable = "${" not in value and (used is not None or key.startswith("Category"))
        return (used or "") if comparable and not same(value.lower(), (used or "").lower()) else None

    @staticmethod
    def _known(found: Found, key: str) -> bool:
        match = NUMBERED.fullmatch(key)
        # It lists a server, feed or task only once there is one.
        return (match and match[3] in GROUPS[match[1]]) or key.lower() in found.stored or key.lower() in found.used

    def _settle(self) -> None:
        """Wait until the reload is over: for a moment it goes by the old options, then its port is closed."""
        deadline = self.app.session.deadline
        patience = Deadline(min(RELOAD, deadline.remaining()), deadline.clock)
        self.app.session.close()
        why = "it does not take the new password"
        while True:
            try:
                if self.app.let_in(self.app.credentials["password"]):
                    why = ""
                    if not self.differ(self.read()):
                        return
            except UnreachableError as error:
                why = error.why
            if not patience.pause(PAUSE):
                break
        if why:
            raise DeadlineError("reload", self.app.service, why, f"See what it says: docker logs {self.app.service}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _change(setting: str, before: str | None, after: str) -> Change:
    return (
        secret_change(setting, before is not None) if setting.endswith("Password") else Change(setting, before, after)
    )
