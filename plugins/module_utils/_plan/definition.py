# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of a definition: what a service is to the rest of the stack.

A definition stands in ``roles/<service>/meta/service.yml``, or in ``services/<service>.yml`` beside a user's inventory.
Strings in `environment`, `entrypoint`, `command`, `seeds` and `settings` may hold these placeholders, and no others:
``{{ secret('NAME') }}`` (a secret of this service), ``{{ uid }}``, ``{{ gid }}``, ``{{ timezone }}``, ``{{ port }}``,
``{{ username }}`` (of its administrator), ``{{ site }}`` (the name that browsers use). In an inventory, where Ansible
has its own braces, a setting refers to a secret as ``<secret:SERVICE.NAME>``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from .schema import checked
from .web import are_headers

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})?")
_BODY = re.compile(r"0|[1-9][0-9]*[kmg]?")

Access = Literal["public", "lan", "one_factor", "two_factor"]
Scope = Literal["loopback", "private", "public"]


def is_port(value: int) -> str:
    """Rule: a TCP or UDP port number."""
    return "" if 1 <= value <= 65535 else "a port is between 1 and 65535"


def is_name(value: str) -> str:
    """Rule: a domain name in its ASCII form (RFC 1035 section 2.3.1), at least one label."""
    labels = value.split(".")
    good = len(value) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return "" if good else "a name is made of labels of a-z, 0-9 and - with dots between them"


def is_name_or_empty(value: str) -> str:
    """Rule: a domain name, or nothing."""
    return is_name(value) if value else ""


def is_absolute(value: str) -> str:
    """Rule: an absolute path."""
    return "" if value.startswith("/") and ".." not in value.split("/") else "this has to be an absolute path"


def _is_image(value: str) -> str:
    return "" if _IMAGE.fullmatch(value) else "an image is written registry/name:tag, always with its tag"


def _is_digest(value: str) -> str:
    return "" if _DIGEST.fullmatch(value) else "a digest is sha256: and 64 hexadecimal digits"


def _is_body(value: str) -> str:
    return "" if _BODY.fullmatch(value) else "a size is a number with k, m or g behind it, or 0 for no limit"


def _are_absolute(values: dict[str, str] | list[str]) -> str:
    items = values.values() if isinstance(values, dict) else values
    return next((f"{item}: {said}" for item in items if (said := is_absolute(item))), "")


def are_relative(values: Any) -> str:
    """Rule: paths (or mappings by path) that stay inside the folder they are relative to."""
    bad = [item for item in values if item.startswith("/") or ".." in item.split("/")]
    return f"{bad[0]} has to be a path inside" if bad else ""


@dataclass(frozen=True)
class Web:
    """How the proxy shows the service."""

    subdomain: str = checked(is_name_or_empty, default="")  # default: the service's name
    domain: str = checked(is_name_or_empty, default="")  # default: monsterr_domain
    # who may reach it: anyone, private networks, or who has logged in
    access: Access = "two_factor"
    bypass: list[str] = checked(_are_absolute, default_factory=list)  # paths reached with an API key, not a browser
    login: list[str] = checked(_are_absolute, default_factory=list)  # paths that credentials are sent to
    # headers in place of the usual ones or besides them; '' leaves one out
    headers: dict[str, str] = checked(are_headers, default_factory=dict)
    buffering: bool = False  # whether nginx may buffer answers: off, so that streams flow
    max_body: str = checked(_is_body, default="0")  # largest upload; 0: no limit


@dataclass(frozen=True)
class Health:
    """How to tell that the service works: an HTTP path, or (without one) a TCP connection to its port."""

    # asked by HTTP on the service's port
    path: str = checked(lambda value: is_absolute(value) if value else "", default="")
    # answers that mean it works
    status: list[int] = field(default_factory=lambda: [200])
    deadline: int = 0  # seconds until it has to be healthy; 0: monsterr_deadline


@dataclass(frozen=True)
class Backup:
    """What of the private volumes is worth keeping. Paths are relative to the volume ``config``."""

    sqlite: list[str] = checked(are_relative, default_factory=list)  # copied with SQLite's own backup
    # files and folders. Default: every private volume
    paths: list[str] = checked(are_relative, default_factory=lambda: ["."])
    # what of them is left out
    exclude: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Secret:
    """A secret of the service: derived from monsterr_secret, or (`given`) the user's own in monsterr_secrets."""

    shorthand = "kind"
    # what it looks like; given: it is yours
    kind: Literal["hex", "password", "qbittorrent_pbkdf2", "md5", "given"] = "password"
    of: str = ""  # for qbittorrent_pbkdf2 and md5: the name of the password that it is the hash of
    optional: bool = False  # for given: whether the service also works without


@dataclass(frozen=True)
class Port:
    """One more port that the service listens on."""

    target: int = checked(is_port)  # in the container
    publish: int = checked(lambda value: is_port(value) if value else "", default=0)  # on the host; 0: the same
    # its transport
    protocol: Literal["tcp", "udp"] = "tcp"
    # who reaches it: this host, the other hosts, or anyone
    scope: Scope = "loopback"


@dataclass(frozen=True)
class Connects:
    """The services this one is connected to. Those that are placed on no host are left out."""

    # what it has downloads made by
    download_clients: list[str] = field(default_factory=list)
    # what it gives its indexers to
    applications: list[str] = field(default_factory=list)
    # what it tells of new files
    media_servers: list[str] = field(default_factory=list)
    # whose library it works on
    managers: list[str] = field(default_factory=list)
    # what it hands books to
    book_servers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Definition:
    """A service: one application of the stack."""

    # its name for people
    title: str
    # always with its tag
    image: str = checked(_is_image)
    port: int = checked(is_port)  # where it listens in its container
    app: str = ""  # which API client wires it; none: it is only run
    group: str = "other"  # heading on the dashboard
    # digest that the image must have
    digest: str = checked(_is_digest, default="")
    publish: int = checked(lambda value: is_port(value) if value else "", default=0)  # on the host; 0: same as port
    # further ports, not shown by the proxy
    ports: list[Port] = field(default_factory=list)
    # of its container
    environment: dict[str, str] = field(default_factory=dict)
    # in place of the image's own
    entrypoint: list[str] = field(default_factory=list)
    # in place of the image's own
    command: list[str] = field(default_factory=list)
    user: bool = False  # whether to run it as the media user, for an image that does not switch to it by itself
    # name: path in the container. `media` is the library; any other is private to the service
    volumes: dict[str, str] = checked(_are_absolute, default_factory=dict)
    # whether and how the proxy shows it. Default: not at all
    web: Web | None = None
    # how to tell that it works
    health: Health = field(default_factory=Health)
    # what is worth keeping
    backup: Backup = field(default_factory=Backup)
    # its secrets by name
    secrets: dict[str, Secret] = field(default_factory=dict)
    seeds: dict[str, str] = checked(are_relative, default_factory=dict)  # <volume>/<path>: content before first start
    # what it is connected to
    connects: Connects = field(default_factory=Connects)
    depends: list[str] = field(default_factory=list)  # services that have to be up before this one
    settings: dict[str, Any] = field(default_factory=dict)  # wanted in the application, set through its API
    stop_timeout: int = 30  # seconds it gets to stop
    single: bool = True  # whether only one host may run it
