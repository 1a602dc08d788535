# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""References to secrets.

A plan never holds a secret, only references such as ``<secret:sonarr.api_key>``: so it can be printed, written and
compared. A module gets the values in a ``no_log`` parameter of its own and puts them in at the last moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import InputError

MASK = "********"
REFERENCE = re.compile(r"<secret:([a-z0-9_]+\.[a-z0-9_]+)>")


def reference(service: str, name: str) -> str:
    """The reference to secret `name` of `service`."""
    return f"<secret:{service}.{name}>"


def references(value: Any) -> set[str]:
    """Every ``service.name`` that `value` (any nesting of dict, list, str) refers to."""
    if isinstance(value, str):
        return set(REFERENCE.findall(value))
    if isinstance(value, Mapping):
        return {name for item in value.values() for name in references(item)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in references(item)}
    return set()


def resolve(value: Any, secrets: Mapping[str, str]) -> Any:
    """`value` with every reference replaced by its secret; `InputError` for one that is not in `secrets`."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: _lookup(match.group(1), secrets), value)
    if isinstance(value, Mapping):
        return {key: resolve(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(item, secrets) for item in value]
    return value


def mask(text: str, secrets: Mapping[str, str]) -> str:
    """`text` with every secret value in it replaced by ``********``, longest first."""
    for value in sorted(filter(None, secrets.values()), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def _lookup(name: str, secrets: Mapping[str, str]) -> str:
    try:
        return secrets[name]
    except KeyError:
        raise InputError(
            "put in a secret", name, "it is not among the secrets given", "Pass it in the secrets parameter."
        ) from None
