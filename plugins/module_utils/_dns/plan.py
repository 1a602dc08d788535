# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to change so that the records listed are as wanted, and no other is touched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .model import Key, RRset

FLOOR = 10


@dataclass(frozen=True)
class Change:
    """One RRset: what is there now and what shall be there (None: nothing)."""

    before: RRset | None
    after: RRset | None

    @property
    def key(self) -> Key:
        """The RRset's name and type."""
        return (self.before or self.after).key  # type: ignore[union-attr]

    @property
    def action(self) -> str:
        """``create``, ``update`` or ``delete``."""
        if self.before is None:
            return "create"
        return "update" if self.after else "delete"


@dataclass(frozen=True)
class Plan:
    """`changes` in the order to apply them, deletions first; `conflicts` says why an RRset cannot be had."""

    changes: tuple[Change, ...]
    conflicts: Mapping[Key, str]


def plan(zone: str, wanted: Iterable[RRset], current: Mapping[Key, RRset]) -> Plan:
    """Compare `wanted` with `current` (what `zone` has for those names and types, and any CNAME at the names).

    A zone's own NS records are left to the server. A CNAME stands alone at its name (RFC 1034 section 3.6.2), and a
    server drops what would break that without saying so (RFC 2136 section 3.4.2.2): such an RRset is a conflict.
    """
    wanted = list(wanted)
    after = {**current, **{item.key: item for item in wanted}}
    aliases = {name for (name, kind), item in after.items() if kind == "CNAME" and item.values}
    conflicts = {}
    changes = []
    for item in wanted:
        beside = [one for one in after.values() if one.name == item.name and one.type != item.type and one.values]
        if item.values and item.name in aliases and beside:
            others = " and ".join(sorted(one.type for one in beside))
            conflicts[item.key] = f"{item.name} has {others} records, and a CNAME cannot stand beside any other"
            continue
        if item.key == (zone, "NS"):
            conflicts[item.key] = "a zone's own NS records are its server's to keep"
            continue
        have = current.get(item.key)
        goal = item if item.values else None
        if have != goal:
            changes.append(Change(have, goal))
    return Plan(tuple(sorted(changes, key=lambda change: change.after is not None)), conflicts)


def too_much(changes: Sequence[Change], size: int, threshold: int) -> str:
    """Why `changes` are refused: they delete or replace more than `threshold` percent of the zone's `size` RRsets.

    Empty if they are fine. A zone of less than `FLOOR` RRsets is too small to tell a blunder from work.
    """
    before = max(size, 1)
    for action, words in (("delete", "deleted"), ("update", "changed")):
        count = sum(change.action == action for change in changes)
        if size >= FLOOR and count * 100 > threshold * before:
            return f"{count} of {size} RRsets would be {words}, which is more than {threshold} %"
    return ""


def applied(current: Mapping[Key, RRset], changes: Sequence[Change]) -> dict[Key, RRset]:
    """What the server has once `changes` are made."""
    result = dict(current)
    for change in changes:
        result.pop(change.key, None)
        if change.after:
            result[change.key] = change.after
    return result
