# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of ``monsterr_notify``: whom the agent on each host tells. The plan reads it, and so does the agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from .schema import checked


def _is_web(value: str) -> str:
    parts = urlsplit(value)
    good = parts.scheme in ("http", "https") and parts.hostname
    return "" if good else "this has to be an https:// or http:// address"


def _is_mail(value: str) -> str:
    name, _at, domain = value.rpartition("@")
    good = name and domain and not any(character.isspace() or character in "<>,;" for character in value)
    return "" if good else "this has to be a mail address"


def _are_mail(values: list[str]) -> str:
    if not values:
        return "there has to be one"
    return next((f"{item}: {said}" for item in values if (said := _is_mail(item))), "")


def _is_port(value: int) -> str:
    return "" if 0 <= value <= 65535 else "a port is between 1 and 65535"


@dataclass(frozen=True)
class Webhook:
    """Is sent JSON by POST."""

    # Where to. Kept like a password.
    url: str = checked(_is_web, secret=True)
    # Sent as a bearer token, if there is one.
    token: str = ""


@dataclass(frozen=True)
class Email:
    """Is sent a mail over a mail server of yours."""

    # The mail server.
    host: str
    # From whom.
    sender: str = checked(_is_mail)
    # To whom.
    to: list[str] = checked(_are_mail)
    # How the connection is kept private. none: not at all.
    security: Literal["starttls", "tls", "none"] = "starttls"
    # Port of the mail server. 0: 587, 465 with tls, 25 with none.
    port: int = checked(_is_port, default=0)
    # To log in as, if it wants that.
    username: str = ""
    # Its password.
    password: str = ""


@dataclass(frozen=True)
class Ntfy:
    """Is sent to a topic of ntfy."""

    # Address of the topic, such as https://ntfy.sh/my-topic. Kept like a password.
    url: str = checked(_is_web, secret=True)
    # Access token, if the topic wants one.
    token: str = ""


@dataclass(frozen=True)
class Notify:
    """Whom to tell when the state of something changes, and only then."""

    # From which status on: every warning, or failures only.
    at: Literal["warn", "fail"] = "warn"
    # An address that takes JSON.
    webhook: Webhook | None = None
    # A mail server and who gets mail.
    email: Email | None = None
    # A topic of ntfy.
    ntfy: Ntfy | None = None
