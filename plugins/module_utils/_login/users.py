# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The login's database of users: what the inventory wants, laid on what the portal has written. Pure.

A password that somebody chose in the portal stays. It is only replaced when the inventory's own has changed since it
was last applied, or `reset` was raised. What was applied is remembered as digests, in a file beside the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Merged:
    """The database as it shall be.

    users    name -> Authelia's record
    applied  name -> digest of the inventory's password that was applied last
    changes  a line for each user that is added, changed or removed; no secret is in it
    kept     users whose own password stays
    """

    users: dict[str, dict[str, Any]]
    applied: dict[str, str]
    changes: list[str]
    kept: list[str]


def merge(wanted: Sequence[Mapping[str, Any]], here: Mapping[str, Any], applied: Mapping[str, str]) -> Merged:
    """`wanted` (records of the plan, hashes put in) laid on the users that are `here`.

    applied  as `Merged.applied` of the run before; a user of whom it says nothing gets the inventory's password
    """
    users: dict[str, dict[str, Any]] = {}
    marks, changes, kept = {}, [], []
    for record in wanted:
        name = record["name"]
        before = here.get(name)
        mark = hashlib.sha256(f"{record['reset']}:{record['hash']}".encode()).hexdigest()
        password = record["hash"]
        if before and before.get("password") and applied.get(name) == mark:
            password = before["password"]
            if password != record["hash"]:
                kept.append(name)
        users[name] = {
            **{key: value for key, value in (before or {}).items() if key not in ("displayname", "groups")},
            "displayname": record["display_name"],
            "email": record["email"],
            "groups": list(record["groups"]),
            "disabled": record["disabled"],
            "password": password,
        }
        marks[name] = mark
        if before is None:
            changes.append(f"{name} added")
        elif users[name] != _normal(before):
            keys = sorted(key for key, value in users[name].items() if _normal(before).get(key) != value)
            changes.append(f"{name} changed: {', '.join(keys)}")
    changes += [f"{name} removed" for name in sorted(here) if name not in users]
    return Merged(users, marks, changes, kept)


def _normal(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with what Authelia leaves out when it is empty."""
    return {"disabled": False, **record, "groups": list(record.get("groups") or [])}
