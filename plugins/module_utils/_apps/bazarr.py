# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bazarr 1.5: subtitles.

Its settings are read as one tree, secrets in clear, and written as a form. A write that touches Sonarr or Radarr is
stored at once, but not answered while that application cannot be reached: so it gets little time, and what counts is
what is read afterwards. A value that it does not like is answered with 204 and not stored, or with 406 and a reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._core.errors import DeadlineError, RefusedError
from .._core.finding import Finding, fail
from .._core.http import Response
from .application import Application, Part, unknown_settings
from .compare import Change, same, secret_change, unknown

PATH = "/api/system/settings"
STATUS = "/api/system/status"
MANAGERS = ("sonarr", "radarr")
PEER_PAUSE = 3.0  # seconds between two looks at whether it reaches a manager
MANAGER_SECONDS = 20.0  # a write that touches a manager which is down is never answered
SECRETS = ("apikey", "password", "token", "secret")


class Bazarr(Application):
    """The finder of subtitles."""

    alive = "/api/system/ping"
    key = ""  # the API key that lets us in

    def login(self) -> None:
        """Get in with the API key, or, after a rotation, with the one before."""
        current, previous = self.credentials["api_key"], self.credentials.get("api_key_previous")
        self.key = current
        answer = self.session.ask("GET", STATUS, "read the status", headers=self.headers())
        if answer.status == 401 and previous not in (None, "", current):
            self.key = previous
            answer = self.session.ask("GET", STATUS, "read the status", headers=self.headers())
        self.good(answer, "read the status")

    def parts(self) -> list[Part]:
        """Languages before what refers to them, managers last: they are what can be down."""
        username, password = self.credentials["username"], self.credentials["password"]
        wanted = {section: dict(keys) for section, keys in self.settings.get("config", {}).items()}
        login = {"type": "form", "username": username, "password": hashlib.md5(password.encode()).hexdigest()}
        wanted["auth"] = {**login, **wanted.get("auth", {})}
        parts: list[Part] = [Key(self), Sections(self, "settings", wanted)]
        if self.settings.get("languages") or self.settings.get("language_profiles"):
            parts.append(Languages(self))
        return [*parts, *(Manager(self, app) for app in MANAGERS)]

    def get(self, path: str, attempted: str) -> Any:
        """Read something."""
        answer = self.session.ask("GET", path, attempted, headers=self.headers())
        return self.good(answer, attempted).json(attempted)

    def send(self, attempted: str, form: list[tuple[str, Any]], **limits: float) -> None:
        """Write settings."""
        answer = self.session.write("POST", PATH, attempted, headers=self.headers(), form=form, **limits)
        self.good(answer, attempted)

    def headers(self) -> dict[str, str]:
        """What lets us in."""
        return {"X-API-KEY": self.key}

    def good(self, answer: Response, attempted: str) -> Response:
        """`answer`, if it did as it was asked."""
        if answer.status == 401:
            hint = "Put the key of the plan into its config.yaml (auth: apikey) and restart it."
            raise RefusedError(attempted, self.service, "it does not take our API key", hint, status=401)
        return answer.expect(attempted, why=answer.text.strip()[:200] if answer.status == 406 else "")


class Key(Part):
    """The API key, after a rotation: before all else, since the rest is asked with it."""

    name = "API key"

    def __init__(self, app: Bazarr) -> None:
        self.app = app

    def read(self) -> str:
        return self.app.key

    def differ(self, found: str | None) -> list[Change]:
        return [secret_change(self.name, True)] if found not in (None, self.app.credentials["api_key"]) else []

    def write(self, found: str) -> None:
        key = self.app.credentials["api_key"]
        self.app.send("set the API key", [("settings-auth-apikey", key)])
        self.app.key = key


class Sections(Part):
    """Settings, by section."""

    seconds = 60.0

    def __init__(self, app: Bazarr, name: str, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        self.app, self.name, self.wanted = app, name, wanted

    def read(self) -> dict[str, Any]:
        return self.app.get(PATH, f"read the {self.name}")

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        return [
            secret_change(f"{section}: {key}", bool(before))
            if any(word in key.lower() for word in SECRETS)
            else Change(f"{section}: {key}", before, value)
            for section, key, before, value in self._differing(found)
        ]

    def write(self, found: Mapping[str, Any]) -> None:
        # It hashes a password itself before it stores it.
        plain = {("auth", "password"): self.app.credentials["password"]}
        form = [
            (f"settings-{section}-{key}", _form(plain.get((section, key), value)))
            for section, key, _before, value in self._differing(found)
        ]
        self.app.send(f"write the {self.name}", form, seconds=self.seconds)

    def verify(self, found: Mapping[str, Any]) -> list[Finding]:
        return [
            finding
            for section, keys in self.wanted.items()
            for finding in unknown_settings(self.app.service, section, unknown(keys, found.get(section, {})))
        ]

    def _differing(self, found: Mapping[str, Any] | None) -> list[tuple[str, str, Any, Any]]:
        """Section, key, what is there and what is wanted. What it does not have is no difference."""
        return [
            (section, key, None if found is None else found[section][key], value)
            for section, keys in self.wanted.items()
            for key, value in keys.items()
            if found is None or (key in found.get(section, {}) and not same(value, found[section][key]))
        ]


class Languages(Part):
    """Which languages are on, and the profiles of them. All profiles are written at once: others are sent back."""

    name = "language profiles"

    def __init__(self, app: Bazarr) -> None:
        self.app = app
        self.codes = [str(code) for code in app.settings.get("languages", ())]
        self.wanted: Mapping[str, Mapping[str, Any]] = app.settings.get("language_profiles", {})

    def read(self) -> dict[str, Any]:
        listed = self.app.get("/api/system/languages", "read the languages")
        return {
            "languages": {item["code2"]: bool(item["enabled"]) for item in listed},
            "profiles": self.app.get("/api/system/languages/profiles", "read the language profiles"),
            "general": self.app.get(PATH, "read the settings")["general"],
        }

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        on = [code for code, enabled in (found or {}).get("languages", {}).items() if enabled]
        changes = []
        missing = [code for code in self.codes if code not in on]
        if missing:
            changes.append(Change("languages", on if found else None, sorted({*on, *self.codes})))
        for title, wish in self.wanted.items():
            old = self._named(title, found)
            before, after = (None if old is None else _flat(old)), _wish(wish)
            for key, value in after.items():
                if before is None or not same(value, before[key], ordered=True):
                    changes.append(Change(f"language profile {title}: {key}", before and before[key], value))
        if self.app.settings.get("exclusive"):
            gone = [item["name"] for item in (found or {}).get("profiles", ()) if item["name"] not in self.wanted]
            changes += [Change(f"language profile {title}", "present", None) for title in gone]
        return changes + self._defaults(found)

    def write(self, found: Mapping[str, Any]) -> None:
        form: list[tuple[str, Any]] = []
        on = [code for code, enabled in found["languages"].items() if enabled]
        strange = unknown(self.codes, found["languages"])
        for code, near in strange.items():
            hint = f"Did you mean {near}?" if near else "Use codes of two letters, as in en."
            raise RefusedError("set the languages", self.app.service, f"it has no language {code}", hint)
        form += [("languages-enabled", code) for code in sorted({*on, *self.codes})]
        kept = [] if self.app.settings.get("exclusive") else found["profiles"]
        profiles = [item for item in kept if item["name"] not in self.wanted]
        numbers = [item["profileId"] for item in found["profiles"]]
        for title, wish in self.wanted.items():
            old = self._named(title, found)
            number = old["profileId"] if old else max(numbers, default=0) + 1
            numbers.append(number)
            profiles.append(_profile(title, number, _wish(wish), old or {}))
        form.append(("languages-profiles", json.dumps(profiles)))
        first = next(iter(self.wanted), None)
        number = next((item["profileId"] for item in profiles if item["name"] == first), None)
        if number is not None and self._defaults(found):
            for kind in ("serie", "movie"):
                form += [(f"settings-general-{kind}_default_enabled", "true")]
                form += [(f"settings-general-{kind}_default_profile", str(number))]
        self.app.send("write the languages", form)

    def _defaults(self, found: Mapping[str, Any] | None) -> list[Change]:
        """The first profile is that of new series and films, unless another one is set."""
        if not self.wanted:
            return []
        title = next(iter(self.wanted))
        general = (found or {}).get("general", {})
        old = self._named(title, found)
        number = old["profileId"] if old else None
        return [
            Change(f"default profile of {kind}s", None, title)
            for kind in ("serie", "movie")
            if number is None
            or not same(True, general.get(f"{kind}_default_enabled"))
            or general.get(f"{kind}_default_profile") in (None, "")
        ]

    @staticmethod
    def _named(title: str, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return next((item for item in (found or {}).get("profiles", ()) if item["name"] == title), None)


class Manager(Sections):
    """Sonarr or Radarr, whose library it works on; switched off once the plan does not have it any more."""

    seconds = MANAGER_SECONDS

    def __init__(self, app: Bazarr, manager: str) -> None:
        peer = next((item for item in app.connections("manager") if item["app"] == manager), None)
        self.manager, self.peer = manager, peer
        general = {f"use_{manager}": peer is not None}
        wanted: dict[str, Mapping[str, Any]] = {"general": general}
        if peer:
            wanted[manager] = {
                "ip": peer["host"],
                "port": peer["port"],
                "ssl": False,
                "apikey": peer["api_key"],
            }
        super().__init__(app, manager, wanted)

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        ours = self.manager in self.app.ledger.made(self.app.service, "manager")
        return super().differ(found) if self.peer or ours else []

    def write(self, found: Mapping[str, Any]) -> None:
        if self.peer:
            self.app.ledger.make(self.app.service, "manager", self.manager)
        try:
            super().write(found)
        except DeadlineError:
            # Stored all the same: what it has is read next.
            self.app.session.close()
        if not self.peer:
            self.app.ledger.forget(self.app.service, "manager", self.manager)

    def verify(self, found: Mapping[str, Any]) -> list[Finding]:
        strange = super().verify(found)
        if not self.peer or self.app.session.check_mode:
            return strange
        # It tells a manager's version if it reaches it. One on another host may be on its way up.
        while self._version() in (None, "", "unknown"):
            if not self.app.session.deadline.pause(PEER_PAUSE):
                text = f"{self.app.service} cannot use {self.peer['title']}: it does not reach it with its key."
                hint = (
                    f"See that {self.peer['title']} runs, is wired itself, and can be reached from {self.app.service}."
                )
                return [*strange, fail("wiring.connection", self.app.service, text, hint)]
        return strange

    def _version(self) -> str | None:
        return self.app.get(STATUS, "read the status")["data"].get(f"{self.manager}_version")


def _form(value: Any) -> Any:
    """A setting as a form has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if value and isinstance(value, list) and isinstance(value[0], list) else value


def _wish(wish: Mapping[str, Any]) -> dict[str, Any]:
    """A profile of ours with all that it means."""
    languages = [{"code": item} if isinstance(item, str) else item for item in wish.get("languages", ())]
    return {
        "languages": [_language(item["code"], item.get("forced", False), item.get("hi", False)) for item in languages],
        "cutoff": wish.get("cutoff"),
    }


def _flat(profile: Mapping[str, Any]) -> dict[str, Any]:
    """A profile of Bazarr as we would have written it."""
    items = profile["items"]
    numbers = {item["id"]: item["language"] for item in items}
    return {
        "languages": [
            _language(item["language"], same(True, item["forced"]), same(True, item["hi"])) for item in items
        ],
        "cutoff": numbers.get(profile.get("cutoff")),
    }


def _language(code: str, forced: bool, hi: bool) -> str:
    return code + (" forced" if forced else "") + (" hi" if hi else "")


def _profile(title: str, number: int, wish: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A profile as Bazarr has it: it writes true and false as words."""
    items = []
    for place, text in enumerate(wish["languages"], 1):
        code, *marks = text.split()
        items.append(
            {
                "id": place,
                "language": code,
                "audio_exclude": "False",
                "hi": str("hi" in marks),
                "forced": str("forced" in marks),
            }
        )
    cutoff = next((item["id"] for item in items if item["language"] == wish["cutoff"]), None)
    kept = {key: old.get(key, value) for key, value in (("mustContain", []), ("mustNotContain", []), ("tag", None))}
    return {
        "profileId": number,
        "name": title,
        "items": items,
        "cutoff": cutoff,
        "originalFormat": old.get("originalFormat", False),
        **kept,
    }
