# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that let in whoever comes, or who knows the password that their vendor gave all of them.

One question for each, so that nobody is banned by it. The answers are those of the vendors' API documents.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .._core.clock import Deadline
from .._core.errors import MonsterrError
from .._core.finding import Finding, fail, ok, warn
from .._core.http import Client

_SECONDS = 10.0
_AT_ONCE = 8


_UNCLAIMED = re.compile(r'claimed="0"|"claimed":\s*false')


def _is_200(status: int, _text: str) -> bool:
    return status == 200


@dataclass(frozen=True)
class Door:
    """One way in that has to be shut.

    said   of an open one, behind the application's name
    opens  whether an answer (status, text) means that it is open
    """

    path: str
    said: str
    hint: str = "Run site: the wiring sets the login."
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Sequence[tuple[str, str]] = ()
    opens: Callable[[int, str], bool] = _is_200


def _basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


_NOBODY = "lets in whoever comes, without a login"
_VENDOR = "still has the password that its vendor gives to all"
DOORS: Mapping[str, Sequence[Door]] = {
    **{name: [Door("/api/v3/system/status", _NOBODY)] for name in ("sonarr", "radarr")},
    **{name: [Door("/api/v1/system/status", _NOBODY)] for name in ("lidarr", "readarr", "prowlarr")},
    "bazarr": [Door("/api/system/status", _NOBODY)],
    "qbittorrent": [
        Door("/api/v2/app/version", _NOBODY),
        Door(
            "/api/v2/auth/login", _VENDOR, method="POST", form=(("username", "admin"), ("password", "adminadmin")),
            opens=lambda status, text: status == 204 or (status == 200 and text.strip() == "Ok."),
        ),
    ],
    "nzbget": [
        Door("/jsonrpc/version", _NOBODY),
        Door("/jsonrpc/version", _VENDOR, headers=_basic("nzbget", "tegbzn6789")),
    ],
    "calibre": [Door("/ajax/library-info", _NOBODY)],
    "calibre_web": [
        Door("/opds", _NOBODY),
        Door("/opds", _VENDOR, headers=_basic("admin", "admin123")),
    ],
    "audiobookshelf": [
        Door(
            "/status", "makes the first who comes its administrator",
            opens=lambda status, text: status == 200 and '"isInit":false' in text.replace(" ", ""),
        )
    ],
    "plex": [
        Door(
            "/identity", "belongs to nobody: the first who asks from this network may claim it",
            "Put your account's token into the vault, as plex.account_token of monsterr_secrets, then run site.",
            opens=lambda status, text: status == 200 and bool(_UNCLAIMED.search(text)),
        )
    ],
}  # fmt: skip


def look(services: Sequence[Mapping[str, Any]], deadline: Deadline) -> list[Finding]:
    """Try the doors of each service, several at once. services: ``{service, app, url}``, as in the plan's wiring."""
    known = [item for item in services if item["app"] in DOORS]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [finding for found in pool.map(lambda item: _tried(item, deadline), known) for finding in found]


def _tried(service: Mapping[str, Any], deadline: Deadline) -> list[Finding]:
    name, check = service["service"], "audit.login"
    client = Client(service["url"])
    try:
        open_doors = [door for door in DOORS[service["app"]] if _is_open(client, door, deadline)]
    except MonsterrError as error:
        return [warn(check, name, f"It is not known whether {name} lets anybody in: {error.why}.", "See health.")]
    finally:
        client.close()
    if open_doors:
        return [fail(check, name, f"{name} {door.said}.", door.hint) for door in open_doors]
    return [ok(check, name, f"{name} asks for a login, and not for its vendor's.")]


def _is_open(client: Client, door: Door, deadline: Deadline) -> bool:
    limit = Deadline(min(_SECONDS, max(0.5, deadline.remaining())), deadline.clock)
    form = list(door.form) or None
    answer = client.request(
        door.method,
        door.path,
        attempted="try a door that has to be shut",
        deadline=limit,
        headers=door.headers,
        form=form,
    )
    return door.opens(answer.status, answer.text)
