# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who holds the zone: one small file for each way to change it, all behind the same interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..._core.clock import Deadline
from ..._core.errors import RefusedError
from ..model import TYPES, Key, RRset, canonical, parents, plain_name
from ..options import Traits, check
from ..plan import Change


class Provider(Protocol):
    """A place where zones can be read and changed, whole RRsets at a time."""

    traits: Traits

    def zones(self, names: Iterable[str]) -> dict[str, str]:
        """The zone that holds each name; without the names that this provider has no zone for."""

    def get_rrsets(self, zone: str, keys: Iterable[Key]) -> dict[Key, RRset]:
        """What is there for `keys`, exactly (no wildcard's answer), and any CNAME at their names."""

    def list_rrsets(self, zone: str) -> dict[Key, RRset] | None:
        """All that is there of the types we know; None if this provider does not tell."""

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """The nearest to `rrset` that the provider can hold; `RefusedError` if it cannot."""

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        """Raise what `apply` would raise, as far as the provider can tell without a write."""

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        """Make `changes`, all or none where the provider can; `RefusedError` if what is there is not `before`."""

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """The DS records for the registrar; none if the zone is not signed. `enable`: have it signed first."""


def connect(options: Mapping[str, Any], deadline: Deadline) -> Provider:
    """The provider that the module's `options` describe."""
    check(options)
    name = options.get("provider") or "rfc2136"
    # By name, one by one: Ansible sends to a host only what it sees imported.
    from . import cloudflare, command, desec, digitalocean, hetzner, powerdns, rfc2136, route53

    kinds = {
        "cloudflare": cloudflare,
        "desec": desec,
        "digitalocean": digitalocean,
        "exec": command,
        "hetzner": hetzner,
        "powerdns": powerdns,
        "rfc2136": rfc2136,
        "route53": route53,
    }
    return kinds[name].connect(options, deadline)


def fitting(traits: Traits, rrset: RRset, least: int = 0) -> RRset:
    """`rrset` with a TTL that the provider takes; `RefusedError` for a type that it has not."""
    if rrset.type not in traits.types:
        raise RefusedError("make the record", f"{rrset.name} {rrset.type}", f"{traits.title} has no such type")
    low, high = traits.ttl
    ttl = min(max(rrset.ttl, least or low), high)
    return RRset(rrset.name, rrset.type, rrset.values, ttl)


def no_dnssec(traits: Traits, zone: str) -> RefusedError:
    """What is said where zones cannot be signed on demand."""
    hint = "Sign the zone there by hand if you can, and leave dnssec out."
    return RefusedError("have the zone signed", zone, f"{traits.title} has no call for it", hint)


def collected(records: Iterable[tuple[str, str, str, int]]) -> dict[Key, RRset]:
    """RRsets from single records (name, type, value, TTL). Types that we do not know are left out.

    A value that cannot be read is kept as it is: it differs from whatever is wanted, and is deleted as it was written.
    """
    found: dict[Key, tuple[set[str], int]] = {}
    for name, kind, value, ttl in records:
        if kind not in TYPES:
            continue
        with contextlib.suppress(ValueError):
            value = canonical(kind, value)
        values, seen = found.setdefault((plain_name(name), kind), (set(), ttl))
        values.add(value)
        found[plain_name(name), kind] = (values, min(seen, ttl))
    return {key: RRset(*key, tuple(sorted(values)), ttl) for key, (values, ttl) in found.items()}


class Listing:
    """A provider that tells a whole zone at once. Subclasses say how: `_zones`, `_read` and `_write`."""

    traits: Traits

    def __init__(self) -> None:
        self._ids: dict[str, str] | None = None
        self._known: dict[str, dict[Key, RRset]] = {}

    def _zones(self) -> dict[str, str]:
        """The zones by name, each with what the provider calls it."""
        raise NotImplementedError

    def _read(self, zone: str) -> dict[Key, RRset]:
        """Everything in the zone."""
        raise NotImplementedError

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        """Make up to `traits.batch` changes."""
        raise NotImplementedError

    def id(self, zone: str) -> str:
        """What the provider calls the zone; `RefusedError` if it has it not."""
        if self._ids is None:
            self._ids = self._zones()
        if zone not in self._ids:
            hint = "Add the zone there, or give the token access to it."
            raise RefusedError("find the zone", zone, f"{self.traits.title} has no such zone", hint)
        return self._ids[zone]

    def zones(self, names: Iterable[str]) -> dict[str, str]:
        """The zone of each name: the longest that ends it."""
        names = set(names)
        if not names:
            return {}
        if self._ids is None:
            self._ids = self._zones()
        found = {name: next((one for one in parents(name) if one in self._ids), "") for name in names}
        return {name: zone for name, zone in found.items() if zone}

    def list_rrsets(self, zone: str) -> dict[Key, RRset]:
        """Everything in the zone, as it was when it was last looked at."""
        if zone not in self._known:
            self.id(zone)
            self._known[zone] = self._read(zone)
        return self._known[zone]

    def get_rrsets(self, zone: str, keys: Iterable[Key]) -> dict[Key, RRset]:
        """All that is there now at the names of `keys`."""
        self._known.pop(zone, None)
        names = {name for name, _kind in keys}
        return {key: item for key, item in self.list_rrsets(zone).items() if key[0] in names}

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """As the provider's limits allow."""
        return fitting(self.traits, rrset)

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        """Nothing that reading the zone has not shown: these providers have no dry run."""

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        """Look again whether all is as it was, then write, in batches."""
        self._unchanged(zone, changes)
        size = self.traits.batch
        try:
            for start in range(0, len(changes), size):
                self._write(zone, changes[start : start + size])
        finally:
            self._known.pop(zone, None)

    def _unchanged(self, zone: str, changes: Sequence[Change]) -> None:
        now = self.get_rrsets(zone, [change.key for change in changes])
        for change in changes:
            if now.get(change.key) != change.before:
                name, kind = change.key
                why = f"{name} {kind} changed while we looked"
                raise RefusedError(f"change the zone {zone}", self.traits.title, why, "Run it again.", rcode="NXRRSET")

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """Not possible, unless a subclass says how."""
        raise no_dnssec(self.traits, zone)
