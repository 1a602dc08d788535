# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the proxy adds to every site: headers that tell browsers to be careful, and places with a limit of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Such that every application of ours works with them: a stricter policy is for a definition, or its user, to give.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Content-Security-Policy": "base-uri 'self'; frame-ancestors 'self'; object-src 'none'",
}
# Policies add up in a browser: the application's own stays beside ours.
KEPT = frozenset({"content-security-policy"})
_NAME = re.compile(r"[A-Za-z0-9-]+")
_BAD_VALUE = re.compile(r"[\"\\$\x00-\x1f\x7f]")


def headers(own: Mapping[str, str]) -> list[dict[str, Any]]:
    """The headers of a site. own: by name, in place of ours or besides them; an empty one is left out.

    Each as `{name, value, hide}`; hide: whether the application's own header of that name is dropped.
    """
    ours = {name.lower(): (name, value) for name, value in HEADERS.items()}
    ours |= {name.lower(): (name, value) for name, value in own.items()}
    return [
        {"name": name, "value": value, "hide": key not in KEPT} for key, (name, value) in sorted(ours.items()) if value
    ]


def are_headers(values: Mapping[str, str]) -> str:
    """Rule: names and values that can stand in the proxy's configuration."""
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            return f"{name!r} is no name of a header"
        if _BAD_VALUE.search(value):
            return f'{name} has a character that a header here cannot have: one of " \\ $, or a control character'
    return ""


def locations(logins: Sequence[str], bypass: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The locations of a site: where credentials are sent, what goes past the login, and all. The first counts.

    logins  paths that credentials are sent to, whatever their case, since some applications do not mind it
    bypass  paths that are reached without a login in front, exactly as they are written

    Each as `{match, login, bypass}`, match as nginx writes it.
    """
    places = []
    for path in logins:
        past = any(path == one.rstrip("/") or path.startswith(f"{one.rstrip('/')}/") for one in bypass)
        places.append({"match": f'{"~" if past else "~*"} "^{re.escape(path)}"', "login": True, "bypass": past})
    for path in bypass:
        places.append({"match": f'~ "^{re.escape(path.rstrip("/"))}(/|$)"', "login": False, "bypass": True})
    return [*places, {"match": "/", "login": False, "bypass": False}]
