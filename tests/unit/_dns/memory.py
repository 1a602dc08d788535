# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DNS provider in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.monsterr.media.plugins.module_utils._core.errors import RefusedError, UnreachableError
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import Key, RRset
from ansible_collections.monsterr.media.plugins.module_utils._dns.plan import Change, applied


class Memory:
    """Zones in memory. A `broken` zone refuses; a `partly` one makes the first change, and then gives no answer."""

    def __init__(self, *zones: str) -> None:
        self.data: dict[str, dict[Key, RRset]] = {zone: {} for zone in zones}
        self.broken: set[str] = set()
        self.partly: set[str] = set()
        self.down = False
        self.writes = 0

    def zones(self, names: Iterable[str]) -> dict[str, str]:
        if self.down:
            raise UnreachableError("ask", "ns1", "no answer")
        return {name: zone for name in names for zone in self.data if name.endswith(zone)}

    def get_rrsets(self, zone: str, keys: Iterable[Key]) -> dict[Key, RRset]:
        names = {name for name, _kind in keys}
        return {key: item for key, item in self.data[zone].items() if key in set(keys) or key[0] in names}

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        if zone in self.broken:
            raise RefusedError("change the zone", zone, "REFUSED", "Allow it.")

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        self.check(zone, changes)
        self.writes += 1
        done = changes[:1] if zone in self.partly else changes
        self.data[zone] = applied(self.data[zone], done)
        if zone in self.partly:
            raise UnreachableError("change the zone", zone, "no answer in time")
