# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API that Sonarr and its sisters share. What differs between them is data: an `Arr` each, in a file of its own.

Here are the way in and the settings that exist once; what an *arr has lists of is in `arr_objects`, what connects it
to peers in `arr_providers`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .._core.errors import InputError, RefusedError
from .._core.http import Response
from .application import Application, Part, Settings
from .arr_objects import CustomFormats, QualityProfiles, RemotePaths, RootFolders, Tags
from .arr_providers import Leftovers, Provider, complaints, download_client, media_server
from .compare import Change, same, secret_change, unknown
from .ledger import Ledger
from .session import Session

COMMON = ("host", "ui", "mediamanagement", "naming", "downloadclient", "indexer")


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
    configs   the groups of settings that exist once
    told      when a media server is told, by default
    library   whether it has a library of its own, with folders, profiles and formats
    rich      whether its root folders have names and profiles
    """

    title: str
    api: str = "/api/v3"
    clients: Mapping[str, Client] = field(default_factory=dict)
    configs: tuple[str, ...] = (*COMMON, "importlist")
    told: tuple[str, ...] = ()
    library: bool = True
    rich: bool = False


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
        """Its own settings first, then what it has to know of the library, then its peers."""
        configs = dict(self.settings.get("config", {}))
        parts: list[Part] = [Host(self, configs.pop("host", {}))]
        parts += [Config(self, name, wanted) for name, wanted in configs.items()]
        providers = self.providers()
        labels = [label for provider in providers for label in provider.tags or ()]
        tags = [*self.settings.get("tags", ()), *labels]
        if tags:
            parts.append(Tags(self, tags))
        for kind, wanted in (
            (CustomFormats, self.settings.get("custom_formats")),
            (QualityProfiles, self.settings.get("quality_profiles")),
            (RootFolders, self.settings.get("root_folders")),
            (RemotePaths, self.remote_paths()),
        ):
            if self.kind.library and (wanted or (self.exclusive and wanted is not None)):
                parts.append(kind(self, wanted))
        return [*parts, *self.leftovers(providers), *providers]

    @property
    def exclusive(self) -> bool:
        """Whether what is not in the inventory is removed."""
        return bool(self.settings.get("exclusive"))

    def providers(self) -> list[Provider]:
        """Everything that connects it to a peer: as the plan says, then as the user does."""
        found = [download_client(self, connection) for connection in self.connections("download_client")]
        found += [media_server(self, connection) for connection in self.connections("media_server")]
        for setting, path, label in (
            ("notifications", "/notification", "notification"),
            ("indexers", "/indexer", "indexer"),
            ("import_lists", "/importlist", "import list"),
        ):
            for title, wanted in self.settings.get(setting, {}).items():
                found.append(Provider.of_settings(self, path, label, title, wanted))
        return found

    def leftovers(self, providers: list[Provider]) -> list[Part]:
        """What has to go of each kind of objects: connections that we made and that the plan has no more."""
        kinds = {"/downloadclient": "download client", "/notification": "notification"}
        return [Leftovers(self, path, label, providers) for path, label in kinds.items()]

    def remote_paths(self) -> list[Mapping[str, str]]:
        """Where a download client's files are for us, if it has the library at another path."""
        ours = self.record.get("media_path", "").rstrip("/")
        planned = [
            {"host": peer["host"], "remotePath": f"{theirs}/", "localPath": f"{ours}/"}
            for peer in self.connections("download_client")
            if (theirs := peer.get("media_path", "").rstrip("/")) and ours and theirs != ours
        ]
        return planned + list(self.settings.get("remote_path_mappings", ()))

    def tag_ids(self, labels: list[str]) -> list[int]:
        """The numbers of tags."""
        known = {item["label"].lower(): item["id"] for item in self.get("/tag", "read the tags")}
        return [known[label.lower()] for label in labels]

    def tag_labels(self, numbers: list[int]) -> list[str]:
        """The labels of tags."""
        known = {item["id"]: item["label"] for item in self.get("/tag", "read the tags")} if numbers else {}
        return [known.get(number, str(number)) for number in numbers]

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
                self.service,
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
        self.path = f"/config/{name}"

    def read(self) -> dict[str, Any]:
        for strange, near in unknown([self.name], self.app.kind.configs).items():
            hint = f"Did you mean {near}?" if near else f"Known: {', '.join(self.app.kind.configs)}."
            raise InputError("read the settings", self.app.service, f"it has no group {strange} of settings", hint)
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
            whole["password"] = self.password
            if "passwordConfirmation" in found:
                whole["passwordConfirmation"] = self.password
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
