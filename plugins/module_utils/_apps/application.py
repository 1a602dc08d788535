# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the engine needs of an application: a way in, and parts that are read, compared and written one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .._core.finding import Finding, fail
from .compare import Change, differences, unknown
from .ledger import Ledger
from .session import Session


class Part:
    """One thing of an application that is set as a whole: an object, a list, a group of settings.

    Only `read`, `write` and `verify` may talk to the application; `differ` is pure.
    """

    name = ""

    def read(self) -> Any:
        """What the application has now."""
        raise NotImplementedError

    def differ(self, found: Any) -> list[Change]:
        """What has to change. found: from `read`, or None while the application does not run."""
        raise NotImplementedError

    def write(self, found: Any) -> None:
        """Make it so. found: from `read`."""
        raise NotImplementedError

    def verify(self, found: Any) -> list[Finding]:
        """What else is to be said about it, once it is as wanted. found: from the last `read`."""
        return []


class Settings(Part):
    """A part that is a mapping of settings, of which some are wanted."""

    def __init__(self, service: str, name: str, wanted: Mapping[str, Any]) -> None:
        self.service, self.name, self.wanted = service, name, wanted

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        return differences(self.name, self.wanted, found)

    def verify(self, found: Mapping[str, Any]) -> list[Finding]:
        return unknown_settings(self.service, self.name, unknown(self.wanted, found))


class Application:
    """An application's API. A subclass names its parts in the order in which they are to be set."""

    alive: ClassVar[str] = "/"  # path that answers as soon as the application works, login or not

    def __init__(self, record: Mapping[str, Any], session: Session, ledger: Ledger) -> None:
        self.record, self.session, self.ledger = record, session, ledger
        self.service: str = record["service"]
        self.settings: Mapping[str, Any] = record["settings"]
        self.credentials: Mapping[str, str] = record["credentials"]

    def login(self) -> None:
        """Get in, with as few tries as can be; nothing is changed. Called once, before any part is read."""

    def parts(self) -> list[Part]:
        """The parts. Pure: it is also asked while the application does not run."""
        raise NotImplementedError

    def connections(self, kind: str) -> list[Mapping[str, Any]]:
        """The record's connections of one kind."""
        return [item for item in self.record["connections"] if item["kind"] == kind]

    def passwords(self) -> list[str]:
        """The passwords to try, the likeliest first: ours, and the one before its last rotation."""
        current, previous = self.credentials["password"], self.credentials.get("password_previous")
        known = [current] if previous in (None, "", current) else [current, previous]
        return known[::-1] if self.ledger.knows(f"{self.service}.password", current) is False else known


def unknown_settings(service: str, where: str, names: Mapping[str, str]) -> list[Finding]:
    """A finding for each setting that the application does not have. names: as from `compare.unknown`."""
    return [
        fail(
            "wiring.setting",
            service,
            f"{service} has no setting {name} ({where}).",
            f"Did you mean {near}?" if near else "Take it out of the service's settings, or see its API for the name.",
        )
        for name, near in names.items()
    ]
