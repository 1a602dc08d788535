# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DNS provider in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.monsterr.media.plugins.module_utils._core.errors import RefusedError, UnreachableError
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import Key, RRset
from ansible_collections.monsterr.media.plugins.module_utils._dns.options import Traits
from ansible_collections.monsterr.media.plugins.module_utils._dns.plan import Change, applied
from ansible_collections.monsterr.media.plugins.module_utils._dns.providers.base import fitting


class Memory:
    """Zones in memory. A `broken` zone refuses; a `partly` one makes the first change, and then gives no answer."""

    def __init__(self, *zones: str, batch: int = 100, least: int = 0, mute: bool = False) -> None:
        self.traits = Traits("Memory", (), ttl=(least, 86400), batch=batch, dnssec=True)
        self.mute = mute  # does not tell a whole zone
        self.applied: list[list[Change]] = []
        self.signed: set[str] = set()
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

    def list_rrsets(self, zone: str) -> dict[Key, RRset] | None:
        return None if self.mute else dict(self.data[zone])

    def fit(self, zone: str, rrset: RRset) -> RRset:
        return fitting(self.traits, rrset)

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        self.signed |= {zone} if enable else set()
        return ["1 13 2 ab"] if zone in self.signed else []

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        if zone in self.broken:
            raise RefusedError("change the zone", zone, "REFUSED", "Allow it.")

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        self.check(zone, changes)
        self.writes += 1
        self.applied.append(list(changes))
        done = changes[:1] if zone in self.partly else changes
        self.data[zone] = applied(self.data[zone], done)
        if zone in self.partly:
            raise UnreachableError("change the zone", zone, "no answer in time")
