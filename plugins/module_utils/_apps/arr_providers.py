# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What connects an *arr to its peers: download clients, media servers, indexers, applications.

Each comes as a list of `fields`, with a privacy each: a secret one is shown as ``********``, and sending that back
keeps what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._core.errors import InputError, MonsterrError, RefusedError
from .._core.finding import Finding, fail, warn
from .._core.http import Response
from .._core.secret import MASK
from .application import Part, unknown_settings
from .compare import Change, differences, same, secret_change, unknown

if TYPE_CHECKING:
    from .arr import ArrApplication

SECRET_PRIVACIES = ("password", "apiKey")
SECRET_NAMES = ("password", "apikey", "authtoken")
CREDENTIALS = ("username", "password", "apikey", "authtoken")  # a test that failed at one of these failed to log in
PEER_PAUSE = 3.0  # seconds between two tests of a peer that cannot be reached yet


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
    One of the user's is out in the world, and may count what it is asked: it is tested when it is written, not again.
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
        ours: bool = False,
    ) -> None:
        """contract: the class of its settings; '' if the implementation tells. ours: the plan wants it, not a user."""
        self.app, self.path, self.title, self.fields, self.ours = app, path, title, fields, ours
        self.tags: list[str] | None = top.get("tags")
        self.top = {key: [tag.lower() for tag in value] if key == "tags" else value for key, value in top.items()}
        self.implementation, self.contract = implementation, contract
        self.name = f"{label} {title}"
        self.wrote = False
        self.result: list[tuple[str, str, bool]] | None = None  # what the last test, of it as wanted, complained of

    @classmethod
    def of_settings(cls, app: ArrApplication, path: str, label: str, title: str, wanted: Mapping[str, Any]) -> Provider:
        """One that a user describes: its implementation, its fields, and whatever stands beside them in the API."""
        if "implementation" not in wanted:
            hint = f"Write it as {title}: {{implementation: ..., fields: {{...}}}}."
            raise InputError(f"set up the {label} {title}", app.service, "its implementation is not said", hint)
        top = {key: value for key, value in wanted.items() if key not in ("implementation", "configContract", "fields")}
        contract = wanted.get("configContract", "")
        return cls(app, path, label, title, wanted["implementation"], contract, top, wanted.get("fields", {}))

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
        if whole and self.tags is not None:
            whole = {**whole, "tags": self.app.tag_labels(whole.get("tags") or [])}
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
        self.wrote = True
        if self.ours or found.whole is None:
            # Before it is sent: a run that is killed in between has to know later that this one is ours.
            self.app.ledger.make(self.app.service, self.path, self.title)
        # Saved without the application's own test: what is planned is stored even while the peer is down, and told.
        if found.whole is None:
            body = self._body(self._overlaid(self._template()))
            self.app.send("POST", self.path, f"add the {self.name}", body, forceSave="true")
        else:
            ours = [key for key, ours in found.secrets.items() if ours]
            body = self._body(self._overlaid(found.whole, ours))
            path = f"{self.path}/{found.whole['id']}"
            self.app.send("PUT", path, f"write the {self.name}", body, forceSave="true")
        for key in self._hidden(body["fields"]):
            self.app.ledger.gave(self._entry(key), self.fields[key])

    def verify(self, found: Found) -> list[Finding]:
        if found.whole is None:
            return []
        checking = self.app.session.check_mode
        stored = list(found.secrets)
        if not checking and self.top.get("enable", True) and (self.ours or self.wrote):
            if self.result is None:
                self.result = self._test(found.whole, stored)
            # A peer on another host may be on its way up. One that refuses the login is not asked again, and neither is
            # one of the user's: it is somewhere in the world, and no business of this run.
            while self.ours and self._fails(self.result) and not self._at_login(self.result):
                if not self.app.session.deadline.pause(PEER_PAUSE):
                    break
                self.result = self._test(found.whole, stored)
        return unknown_settings(self.app.service, self.name, unknown(self.fields, found.fields)) + [
            (warn if warning or checking or not self.ours else fail)(
                "wiring.connection",
                self.app.service,
                f"{self.app.service} {'warns about' if warning else 'cannot use'} {self.title}: "
                f"{text}{f' ({where})' if where else ''}.",
                f"See that {self.title} runs, is wired itself, and can be reached from {self.app.service}.",
            )
            for where, text, warning in (self.result or () if self.top.get("enable", True) else ())
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
        known = all(self.app.ledger.knows(self._entry(key), self.fields[key]) for key in masked)
        if masked and self.result is None and (self.ours or not known):
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
            if item["implementation"] == self.implementation and self.contract in ("", item["configContract"]):
                return {key: value for key, value in item.items() if key not in ("id", "presets")}
        raise RefusedError(
            f"set up the {self.name}",
            self.app.service,
            f"it has no {self.implementation}",
            "Take the connection out, or use a version of the application that supports it.",
        )

    def _body(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        """`whole` as it is sent: as wanted, and with tags by their numbers."""
        body = {**whole, **self.top, "name": whole.get("name") or self.title}
        if self.tags is not None:
            body["tags"] = self.app.tag_ids(self.tags)
        return body

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
            "POST", f"{self.app.kind.api}{self.path}/test", attempted, json=self._body(self._overlaid(whole, keep))
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


class Leftovers(Part):
    """Connections that we made and that the plan has no more; all that the plan does not have, if it is exclusive."""

    def __init__(self, app: ArrApplication, path: str, label: str, wanted: list[Provider]) -> None:
        self.app, self.path, self.name = app, path, label
        self.wanted = {part.title.lower() for part in wanted if part.path == path}

    def read(self) -> list[dict[str, Any]]:
        ours = {title.lower() for title in self.app.ledger.made(self.app.service, self.path)}
        if not self.app.exclusive and ours <= self.wanted:
            return []
        return [
            item
            for item in self.app.get(self.path, f"read each {self.name}")
            if item["name"].lower() not in self.wanted and (self.app.exclusive or item["name"].lower() in ours)
        ]

    def differ(self, found: list[dict[str, Any]] | None) -> list[Change]:
        return [Change(f"{self.name} {item['name']}", "present", None) for item in found or ()]

    def write(self, found: list[dict[str, Any]]) -> None:
        for item in found:
            self.app.send("DELETE", f"{self.path}/{item['id']}", f"remove the {self.name} {item['name']}", None)
            self.app.ledger.forget(self.app.service, self.path, item["name"])


def download_client(app: ArrApplication, connection: Mapping[str, Any]) -> Provider:
    """A download client: how to reach the peer, and which of its categories is ours."""
    client = app.kind.clients.get(connection["app"])
    fields = {
        "host": connection["host"],
        "port": connection["port"],
        "useSsl": False,
        "username": connection["username"],
        "password": connection["password"],
        client.category if client else "category": connection["category"],
    }
    implementation, contract = (client.implementation, client.contract) if client else (connection["app"], "")
    top = app.settings.get("download_client", {"enable": True})
    title = connection["title"]
    return Provider(app, "/downloadclient", "download client", title, implementation, contract, top, fields, True)


def media_server(app: ArrApplication, connection: Mapping[str, Any]) -> Provider:
    """A Plex server that is told of new files."""
    fields = {
        "host": connection["host"],
        "port": connection["port"],
        "useSsl": False,
        "authToken": connection["token"],
        "updateLibrary": True,
    }
    top = {**dict.fromkeys(app.kind.told, True), **app.settings.get("media_server", {})}
    kind = Provider if connection["token"] else Tokenless
    title = connection["title"]
    return kind(app, "/notification", "notification", title, "PlexServer", "PlexServerSettings", top, fields, True)


class Tokenless(Provider):
    """A media server that cannot be told of anything, since there is no token for it."""

    def read(self) -> Found:
        return Found({"fields": []})

    def differ(self, found: Found | None) -> list[Change]:
        return []

    def verify(self, found: Found) -> list[Finding]:
        return [
            warn(
                "wiring.connection",
                self.app.service,
                f"{self.app.service} cannot tell {self.title} of new files: there is no token for it.",
                f"Put your account's token into the vault, as {self.title.lower()}.account_token of monsterr_secrets.",
            )
        ]


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
