# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API that Sonarr and its sisters share. What differs between them is data: an `Arr` each, in a file of its own.

Objects that connect to a peer (download clients, later notifications and indexers) come as a list of `fields`, each
with its privacy: a secret one is shown as ``********``, and sending that back keeps what is stored.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .._core.errors import MonsterrError, RefusedError
from .._core.finding import Finding, fail, warn
from .._core.http import Response
from .._core.secret import MASK
from .application import Application, Part, Settings, unknown_settings
from .compare import Change, differences, same, secret_change, unknown
from .ledger import Ledger
from .session import Session

SECRET_PRIVACIES = ("password", "apiKey")
SECRET_NAMES = ("password", "apikey", "authtoken")
CREDENTIALS = ("username", "password", "apikey")  # a test that failed at one of these fields failed at logging in
PEER_PAUSE = 3.0  # seconds between two tests of a peer that cannot be reached yet


@dataclass(frozen=True)
class Client:
    """How an *arr names one kind of download client. contract: the class of its settings; category: that field."""

    implementation: str
    contract: str
    category: str


@dataclass(frozen=True)
class Arr:
    """What one application of the family is.

    api       where its API begins
    clients   by our name of the peer's application
    configs   by the name in our settings, the path of each group of settings that exists once
    """

    title: str
    api: str = "/api/v3"
    clients: Mapping[str, Client] = field(default_factory=dict)
    configs: Mapping[str, str] = field(
        default_factory=lambda: {
            name: f"/config/{name}"
            for name in ("host", "ui", "mediamanagement", "naming", "downloadclient", "indexer", "importlist")
        }
    )


class ArrApplication(Application):
    """One application of the family."""

    alive = "/ping"
    kind = Arr("*arr")

    def __init__(self, record: Mapping[str, Any], session: Session, ledger: Ledger) -> None:
        super().__init__(record, session, ledger)
        session.client.headers["X-Api-Key"] = self.credentials["api_key"]

    def login(self) -> None:
        """Make sure of the API key."""
        self.get("/system/status", "read the status")

    def parts(self) -> list[Part]:
        """Its own settings first, then what it has to know of the library and its peers."""
        configs = dict(self.settings.get("config", {}))
        parts: list[Part] = [Host(self, configs.pop("host", {}))]
        parts += [Config(self, name, wanted) for name, wanted in configs.items()]
        if folders := self.settings.get("root_folders"):
            parts.append(RootFolders(self, folders))
        for connection in self.connections("download_client"):
            parts.append(DownloadClient(self, connection))
        return parts

    def get(self, path: str, attempted: str) -> Any:
        """Read `path` of the API."""
        answer = self.session.ask("GET", self.kind.api + path, attempted)
        return self.good(answer, attempted).json(attempted)

    def send(self, method: str, path: str, attempted: str, body: Any, **query: str) -> Response:
        """Write `body` to `path` of the API."""
        answer = self.session.write(method, self.kind.api + path, attempted, json=body, query=query)
        return self.good(answer, attempted)

    def good(self, answer: Response, attempted: str) -> Response:
        """`answer`, if the application did as it was asked."""
        if answer.status == 401:
            raise RefusedError(
                attempted,
                answer.target,
                "it does not take our API key",
                f"Its container gets the key as a variable: bring the service up again (role {self.service}).",
                status=401,
            )
        return answer.expect(attempted, why="; ".join(text for _unused, text, _unused in complaints(answer)))


class Config(Settings):
    """A group of settings that exists once, and that is written as a whole object."""

    def __init__(self, app: ArrApplication, name: str, wanted: Mapping[str, Any]) -> None:
        super().__init__(app.service, name, wanted)
        self.app = app
        self.path = app.kind.configs.get(name, f"/config/{name}")

    def read(self) -> dict[str, Any]:
        return self.app.get(self.path, f"read the {self.name} settings")

    def write(self, found: Mapping[str, Any]) -> None:
        known = {key: value for key, value in self.wanted.items() if key in found}
        self.put({**found, **known})

    def put(self, whole: Mapping[str, Any]) -> None:
        """Write the whole object."""
        self.app.send("PUT", f"{self.path}/{whole['id']}", f"write the {self.name} settings", whole)


class Host(Config):
    """The host settings, with the admin's login among them: what is shown as its password is a salted hash."""

    def __init__(self, app: ArrApplication, wanted: Mapping[str, Any]) -> None:
        self.username, self.password = app.credentials["username"], app.credentials["password"]
        super().__init__(app, "host", {**wanted, "username": self.username})
        self.entry = f"{app.service}.password"
        self.ours: bool | None = None  # whether the password is ours, once that has been tried

    def read(self) -> dict[str, Any]:
        found = super().read()
        if self.ours is None:
            exists = same(self.username, found.get("username")) and found.get("password")
            self.ours = bool(exists) and self.app.ledger.knows(self.entry, self.password) is not False
            if self.ours and found.get("authenticationMethod") in ("forms", "basic"):
                self.ours = self._let_in()
            if self.ours:
                self.app.ledger.gave(self.entry, self.password)
        return found

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        changes = super().differ(found)
        if not self.ours:
            changes.append(secret_change(f"{self.name}: password", bool(found and found.get("password"))))
        return changes

    def write(self, found: Mapping[str, Any]) -> None:
        whole = {**found, **{key: value for key, value in self.wanted.items() if key in found}}
        if not self.ours:
            whole.update(password=self.password, passwordConfirmation=self.password)
        self.put(whole)
        if not self.ours:
            self.app.ledger.gave(self.entry, self.password)
            self.ours = True

    def _let_in(self) -> bool:
        """Whether the web page takes our login: asked once a run, since a password cannot be read."""
        boundary = secrets.token_hex(16)
        parts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("username", self.username), ("password", self.password))
        )
        answer = self.app.session.ask(
            "POST",
            "/login",
            "log in as the admin",
            body=f"{parts}--{boundary}--\r\n".encode(),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        self.app.session.client.cookies.clear()
        answer.expect("log in as the admin", 200, 302, 303)
        return "loginFailed" not in parse_qs(urlsplit(answer.headers.get("location", "")).query)


class RootFolders(Part):
    """Where the library is. A folder that is not mentioned is left alone."""

    name = "root folder"

    def __init__(self, app: ArrApplication, wanted: list[str]) -> None:
        self.app, self.wanted = app, wanted

    def read(self) -> list[dict[str, Any]]:
        return self.app.get("/rootfolder", "read the root folders")

    def differ(self, found: list[dict[str, Any]] | None) -> list[Change]:
        return [Change(f"{self.name} {path}", None, "present") for path in self._missing(found or [])]

    def write(self, found: list[dict[str, Any]]) -> None:
        for path in self._missing(found):
            self.app.send("POST", "/rootfolder", f"add the root folder {path}", {"path": path})

    def verify(self, found: list[dict[str, Any]]) -> list[Finding]:
        return [
            fail(
                "wiring.root_folder",
                self.app.service,
                f"{self.app.service} cannot use its root folder {item['path']}.",
                "Its path has to exist in the container, and the media user has to be able to write there.",
            )
            for item in found
            if not item.get("accessible", True) and any(same(path, item["path"]) for path in self.wanted)
        ]

    def _missing(self, found: list[dict[str, Any]]) -> Iterator[str]:
        return (path for path in self.wanted if not any(same(path, item["path"]) for item in found))


@dataclass
class Found:
    """One object with fields, as it is.

    whole    the object; None: there is none of that name
    secrets  for each wanted secret, whether the stored one is ours
    """

    whole: dict[str, Any] | None
    secrets: dict[str, bool] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        return {item["name"]: item for item in (self.whole or {}).get("fields", [])}


class Provider(Part):
    """One object with fields that connects to a peer.

    Whether a stored secret is still ours cannot be read, so the application is asked to test the connection: first with
    what it has; if the peer does not let it in, with our secret. At most two tries, since peers ban those who guess.
    """

    def __init__(
        self,
        app: ArrApplication,
        path: str,
        label: str,
        title: str,
        implementation: str,
        contract: str,
        top: Mapping[str, Any],
        fields: Mapping[str, Any],
    ) -> None:
        self.app, self.path, self.title, self.top, self.fields = app, path, title, top, fields
        self.implementation, self.contract = implementation, contract
        self.name = f"{label} {title}"
        self.result: list[tuple[str, str, bool]] | None = None  # what the last test of it, as wanted, complained of

    def read(self) -> Found:
        objects = self.app.get(self.path, f"read the {self.name}")
        whole = next((item for item in objects if item["name"].lower() == self.title.lower()), None)
        if whole and whole["implementation"] != self.implementation:
            raise RefusedError(
                f"set up the {self.name}",
                self.app.service,
                f"there is another one of that name, of the kind {whole['implementation']}",
                "Rename or remove it in the application.",
            )
        found = Found(whole)
        if whole:
            found.secrets = self._secrets(found)
        return found

    def differ(self, found: Found | None) -> list[Change]:
        if found is None or found.whole is None:
            hidden = self._hidden([])
            public = {key: value for key, value in {**self.top, **self.fields}.items() if key not in hidden}
            return differences(self.name, public, None) + [
                secret_change(f"{self.name}: {key}", False) for key in hidden
            ]
        there = {name: item.get("value") for name, item in found.fields.items() if name not in found.secrets}
        return (
            differences(self.name, self.top, found.whole)
            + differences(self.name, {key: value for key, value in self.fields.items() if key in there}, there)
            + [
                secret_change(f"{self.name}: {key}", bool(found.fields[key].get("value")))
                for key, ours in found.secrets.items()
                if not ours
            ]
        )

    def write(self, found: Found) -> None:
        # Saved without the application's own test: what is planned is stored even while the peer is down, and told.
        if found.whole is None:
            body = {**self._overlaid(self._template()), **self.top, "name": self.title}
            self.app.send("POST", self.path, f"add the {self.name}", body, forceSave="true")
        else:
            ours = [key for key, ours in found.secrets.items() if ours]
            body = {**self._overlaid(found.whole, ours), **self.top}
            path = f"{self.path}/{found.whole['id']}"
            self.app.send("PUT", path, f"write the {self.name}", body, forceSave="true")
        for key in self._hidden(body["fields"]):
            self.app.ledger.gave(self._entry(key), self.fields[key])

    def verify(self, found: Found) -> list[Finding]:
        if found.whole is None:
            return []
        checking = self.app.session.check_mode
        stored = list(found.secrets)
        if not checking:
            if self.result is None:
                self.result = self._test(found.whole, stored)
            # A peer on another host may be on its way up. One that refuses the login is not asked again.
            while self._fails(self.result) and not self._at_login(self.result):
                if not self.app.session.deadline.pause(PEER_PAUSE):
                    break
                self.result = self._test(found.whole, stored)
        return unknown_settings(self.app.service, self.name, unknown(self.fields, found.fields)) + [
            (warn if warning or checking else fail)(
                "wiring.connection",
                self.app.service,
                f"{self.app.service} {'warns about' if warning else 'cannot use'} {self.title}: "
                f"{text}{f' ({where})' if where else ''}.",
                f"See that {self.title} runs, is wired itself, and can be reached from {self.app.service}.",
            )
            for where, text, warning in self.result or ()
        ]

    def _hidden(self, fields: list[dict[str, Any]]) -> list[str]:
        """The wanted fields that are secret: the application says so of `fields`, or the name does."""
        told = {item["name"] for item in fields if item.get("privacy") in SECRET_PRIVACIES or item.get("value") == MASK}
        return [key for key in self.fields if key in told or key.lower() in SECRET_NAMES]

    def _entry(self, key: str) -> str:
        return f"{self.app.service}.{self.path.strip('/')}.{self.title}.{key}".lower()

    def _secrets(self, found: Found) -> dict[str, bool]:
        """For each secret field that is wanted, whether the stored one is ours."""
        if found.whole is None:
            raise AssertionError("it is read before it is written")
        ours, masked = {}, []
        for key in self._hidden(found.whole["fields"]):
            if key not in found.fields:
                continue
            stored = found.fields[key].get("value")
            if stored == MASK:
                ours[key] = self.app.ledger.knows(self._entry(key), self.fields[key]) is not False
                masked += [key] * ours[key]
            else:
                # Nothing stored, or an application that shows secrets: then they are simply compared.
                ours[key] = same(self.fields[key], stored)
        if masked and self.result is None:
            self.result = self._test(found.whole, masked)
            if self._at_login(self.result):
                self.result = self._test(found.whole, [])
                unsure = any(self.app.ledger.knows(self._entry(key), self.fields[key]) is None for key in masked)
                if unsure or not self._fails(self.result):
                    ours.update(dict.fromkeys(masked, False))
        if self.result == []:
            for key in masked:
                if ours[key]:
                    self.app.ledger.gave(self._entry(key), self.fields[key])
        return ours

    def _template(self) -> dict[str, Any]:
        """An object of our kind as the application would begin one."""
        for item in self.app.get(f"{self.path}/schema", f"read what a {self.name} is made of"):
            if (item["implementation"], item["configContract"]) == (self.implementation, self.contract):
                return {key: value for key, value in item.items() if key not in ("id", "presets")}
        raise RefusedError(
            f"set up the {self.name}",
            self.app.service,
            f"it has no {self.implementation}",
            "Take the connection out, or use a version of the application that supports it.",
        )

    def _overlaid(self, whole: Mapping[str, Any], keep: list[str] | None = None) -> dict[str, Any]:
        """`whole` with the wanted fields in it, but for those in `keep`: their mask is sent back, which keeps them."""
        fields = [
            {**item, "value": self.fields[item["name"]]}
            if item["name"] in self.fields and item["name"] not in (keep or [])
            else item
            for item in whole.get("fields", [])
        ]
        return {**whole, "fields": fields}

    def _test(self, whole: Mapping[str, Any], keep: list[str]) -> list[tuple[str, str, bool]]:
        """What the application complains of when it tries the connection; nothing if it works."""
        attempted = f"have the {self.name} tested"
        answer = self.app.session.ask(
            "POST", f"{self.app.kind.api}{self.path}/test", attempted, json={**self._overlaid(whole, keep), **self.top}
        )
        if answer.status == 400:
            return complaints(answer) or [("", "it does not say why", False)]
        self.app.good(answer, attempted)
        return []

    @staticmethod
    def _fails(result: list[tuple[str, str, bool]]) -> bool:
        return any(not warning for _unused, _unused, warning in result)

    @staticmethod
    def _at_login(result: list[tuple[str, str, bool]]) -> bool:
        return any(where.lower() in CREDENTIALS for where, _unused, _unused in result)


class DownloadClient(Provider):
    """A download client: how to reach the peer, and which of its categories is ours."""

    def __init__(self, app: ArrApplication, connection: Mapping[str, Any]) -> None:
        client = app.kind.clients.get(connection["app"]) or Client(connection["app"], "", "category")
        super().__init__(
            app,
            "/downloadclient",
            "download client",
            connection["title"],
            client.implementation,
            client.contract,
            app.settings.get("download_client", {"enable": True}),
            {
                "host": connection["host"],
                "port": connection["port"],
                "useSsl": False,
                "username": connection["username"],
                "password": connection["password"],
                client.category: connection["category"],
            },
        )


def complaints(answer: Response) -> list[tuple[str, str, bool]]:
    """Field, text and whether it is but a warning, of each problem in `answer`. Its attempted values may be secret."""
    try:
        body = answer.json()
    except MonsterrError:
        return []
    if isinstance(body, Mapping):
        return [("", str(text), False) for text in [body.get("message") or body.get("title")] if text]
    return [
        (
            str(item.get("propertyName") or ""),
            str(item.get("errorMessage") or "").rstrip("."),
            bool(item.get("isWarning")),
        )
        for item in body
        if isinstance(item, Mapping)
    ]
