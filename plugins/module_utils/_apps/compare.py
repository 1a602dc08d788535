# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wanted settings against those an application has: pure, and forgiving where applications are forgiving."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.secret import MASK


@dataclass(frozen=True)
class Change:
    """One setting that is not as it is wanted.

    setting  its name as a user knows it: ``download client qBittorrent: tvCategory``
    before   what the application has; None: nothing yet
    after    what is wanted; None: that it is gone
    Neither is ever a secret: see `secret_change`.
    """

    setting: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """The change as plain data."""
        return {"setting": self.setting, "before": self.before, "after": self.after}


def secret_change(setting: str, there: bool) -> Change:
    """The change of a secret, told without it. there: whether the application has one, which is not ours."""
    return Change(setting, f"{MASK} (not ours)" if there else None, MASK)


def same(wanted: Any, found: Any, ordered: bool = False) -> bool:
    """Whether two values mean the same to an application.

    Numbers and booleans may be written as text, nothing is the same as empty text or an empty list, a path may end with
    a slash, a list may be written as text with commas. Lists are compared without regard to order unless `ordered`;
    of a mapping only the keys that are wanted are compared.
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(same(value, found.get(key), ordered) for key, value in wanted.items())
    if isinstance(wanted, (list, tuple)) and isinstance(found, str):
        found = _items(found)
    elif isinstance(found, (list, tuple)) and isinstance(wanted, str):
        wanted = _items(wanted)
    return _plain(wanted, ordered) == _plain(found, ordered)


def differences(where: str, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> list[Change]:
    """The changes that make `found` hold all that is `wanted`. What is not mentioned is left alone.

    where  goes before each setting's name
    found  None: there is nothing yet. Otherwise a key that it does not have is no change: see `unknown`.
    """
    changes = []
    for key, value in wanted.items():
        if found is None:
            changes.append(Change(f"{where}: {key}", None, value))
        elif key in found and isinstance(value, Mapping) and isinstance(found[key], Mapping):
            changes += [
                Change(f"{where}: {key}.{inner}", found[key].get(inner), item)
                for inner, item in value.items()
                if not same(item, found[key].get(inner))
            ]
        elif key in found and not same(value, found[key]):
            changes.append(Change(f"{where}: {key}", found[key], value))
    return changes


def unknown(wanted: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Each name in `wanted` that the application does not know, with the nearest that it does ('' if none is near)."""
    names = list(known)
    return {
        name: next(iter(difflib.get_close_matches(name, names, 1)), "") for name in wanted if name not in set(names)
    }


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _plain(value: Any, ordered: bool) -> Any:
    """One form for all that means the same."""
    if value is None or value == [] or value == {} or value == ():
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(int(value)) if value == int(value) else str(value)
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower()
        return value.rstrip("/") if value.startswith("/") and len(value) > 1 else value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, ordered) for key, item in value.items()}
    items = [_plain(item, ordered) for item in value]
    return items if ordered else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
