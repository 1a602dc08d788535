# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who holds the zone: one small file for each way to change it, all behind the same interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..._core.clock import Deadline
from ..._core.errors import InputError
from ..model import Key, RRset
from ..plan import Change


class Provider(Protocol):
    """A place where zones can be read and changed, whole RRsets at a time."""

    def zones(self, names: Iterable[str]) -> dict[str, str]:
        """The zone that holds each name; without the names that this provider has no zone for."""

    def get_rrsets(self, zone: str, keys: Iterable[Key]) -> dict[Key, RRset]:
        """What is there for `keys`, exactly (no wildcard's answer), and any CNAME at their names."""

    def check(self, zone: str, changes: Sequence[Change]) -> None:
        """Raise what `apply` would raise, as far as the provider can tell without a write."""

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        """Make `changes`, all or none where the provider can; `RefusedError` if what is there is not `before`."""


def connect(options: Mapping[str, Any], deadline: Deadline) -> Provider:
    """The provider that the module's `options` describe."""
    from . import rfc2136

    kinds = {"rfc2136": rfc2136.connect}
    name = options.get("provider") or "rfc2136"
    if name not in kinds:
        raise InputError("use the DNS provider", name, f"it is not one of {', '.join(sorted(kinds))}")
    return kinds[name](options, deadline)
